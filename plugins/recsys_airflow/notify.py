"""Who hears of what needs a person: the log in any case, and Slack or mail where the setting
`RECSYS_NOTIFIER` says so.
"""

import html
import logging
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

#: Seconds that a message may take: a channel that does not answer must not hold up who tells.
PATIENCE = 20
_PASSWORD_IN_URL = re.compile(r"(://[^\s:/@]*:)[^\s@]+(@)")


def on_failure(context: "Context") -> None:
    """Report that a task has failed and is not tried again: the error in its own words first, then
    which task of which run.
    """
    task: Any = context.get("ti")
    number = f" [{task.map_index}]" if task.map_index >= 0 else ""
    which = f"Task {task.task_id}{number} of run {task.run_id} failed, try {task.try_number}."
    lines = [reason_of(context.get("exception")), which, str(getattr(task, "log_url", ""))]
    tell(f"{task.dag_id}: {task.task_id} failed", "\n".join(lines))


def reason_of(error: Any) -> str:
    """Return an error as people read it: a sentence of ours as it is, another error with its
    kind.
    """
    from airflow.sdk.exceptions import AirflowException

    if isinstance(error, BaseException) and not isinstance(error, AirflowException):
        return f"{type(error).__name__}: {error}"
    return str(error or "it left no error behind")


def on_lateness(context: Mapping[str, Any]) -> None:
    """Report that a run was not done by its deadline."""
    run, deadline = context["dag_run"], context["deadline"]
    tell(
        f"{run['dag_id']}: a run is late",
        f"Run {run['dag_run_id']} is {run['state']} and should have been done by "
        f"{deadline['deadline_time']}.",
    )


def tell(subject: str, text: str) -> None:
    """Log it, and send it where the settings say so. What cannot be sent is logged, and hides
    nothing that went wrong before.
    """
    subject, text = _without_secrets(subject), _without_secrets(text)
    log.warning("%s\n%s", subject, text)
    try:
        send(subject, text)
    except Exception as error:
        log.exception(
            "%s: the message above could not be sent: %s", subject, _without_secrets(str(error))
        )


def send(subject: str, text: str) -> None:
    """Send it where the settings say so."""
    from pydantic import SecretStr

    from recsys.settings import Settings

    # nothing here asks the database, which may be what failed
    settings = Settings(database_url=SecretStr(""))
    if settings.notifier != "log":
        SENDERS[settings.notifier](settings.notify_to, subject, text)


def _slack(channel: str, subject: str, text: str) -> None:
    """Send it by the Airflow connection slack_default."""
    from airflow.providers.slack.hooks.slack import SlackHook

    # a mention or a link is shown as the text that it is
    message = html.escape(f"*{subject}*\n{text}", quote=False)
    hook = SlackHook(slack_conn_id="slack_default", timeout=PATIENCE)
    hook.call("chat.postMessage", json={"channel": channel, "text": message})


def _mail(addresses: str, subject: str, text: str) -> None:
    """Send it by the Airflow connection smtp_default, which names the sender (`from_email`)."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook

    with SmtpHook(smtp_conn_id="smtp_default") as hook:
        hook.send_email_smtp(
            to=addresses, subject=subject, html_content=f"<pre>{html.escape(text)}</pre>"
        )


SENDERS: dict[str, Callable[[str, str, str], None]] = {"slack": _slack, "mail": _mail}


def _without_secrets(text: str) -> str:
    """Return the text without what Airflow treats as a secret (passwords of connections in use) and
    without a password in any URL.
    """
    # what Airflow's own logs pass through; it has no public name
    from airflow.sdk._shared.secrets_masker import redact

    return _PASSWORD_IN_URL.sub(r"\1***\2", str(redact(text)))
