"""The question whether a person approves of a new champion."""

from collections.abc import Collection
from datetime import timedelta
from inspect import getdoc
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.configuration import conf

from recsys_airflow.notify import tell
from recsys_airflow.sentences import in_sentences

if TYPE_CHECKING:
    from airflow.sdk import Context

#: Where Airflow's UI is, if its configuration does not say.
LOCAL = "http://localhost:8080"


class AskApproval(HITLOperator):
    """Asks a person before a new champion is crowned, where the Param or the setting
    `require_approval` says so.

    The exam's table and the gates' sentences stand under Required Actions in the UI, and the
    notifier says that a question waits. No worker waits for the answer. Rejected, or without an
    answer for `RECSYS_APPROVAL_HOURS`, the champion stays; the run goes on in any case.
    """

    step: ClassVar[str] = "ask_approval"
    template_fields: Collection[str] = ("proposal",)
    APPROVE, REJECT = "Approve", "Reject"

    def __init__(self, *, proposal: Any, **kwargs: Any) -> None:
        question = {
            "subject": "A new champion?",
            "options": [self.APPROVE, self.REJECT],
            "defaults": self.REJECT,
            # the setting says how long, when the task runs; a limit must be named here, or
            # HITLOperator takes the task's execution timeout
            "response_timeout": timedelta(days=1),
            "doc_md": getdoc(type(self)),
        }
        super().__init__(**{**question, **kwargs})
        self.proposal = proposal

    def execute(self, context: "Context") -> Any:
        if not self.proposal["needs_approval"]:
            return self.answer(None)
        self.subject = self.proposal["subject"]
        self.body = self.proposal["body"]
        self.log.info("%s\n%s", self.subject, self.body)
        hours = approval_hours()
        self.response_timeout = timedelta(hours=hours)
        self._notify(context, f"Approve or reject it within {hours:g} hours")
        # leaves by an exception: Airflow calls execute_complete with the answer
        return super().execute(context)

    def _notify(self, context: "Context", request: str) -> None:
        base_url = conf.get("api", "base_url", fallback=LOCAL)
        place = self.generate_link_to_ui_from_context(context=context, base_url=base_url)
        tell(f"{self.dag_id}: {self.subject}?", f"{request}: {place}")

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> dict[str, Any]:
        answered = super().execute_complete(context, event)
        if event.get("timedout"):
            return self.answer("timed out")
        approved = answered["chosen_options"] == [self.APPROVE]
        by = who_and_why(answered["responded_by_user"]["name"], answered["params_input"])
        return self.answer("approved" if approved else "rejected", by)

    def answer(self, answer: str | None, by: str | None = None) -> dict[str, Any]:
        """Return what the tasks after it take: the answer, and the proposal that it is about."""
        return {"answer": answer, "by": by, "proposal_id": self.proposal["proposal_id"]}


def who_and_why(name: str, note: dict[str, Any]) -> str:
    """Return who answered, for whom, and why, as far as the answer says so: the recommender's pages
    send both.
    """
    on_behalf = f" for {note['for']}" if note.get("for") else ""
    reason = f": {note['reason']}" if note.get("reason") else ""
    return f"{name}{on_behalf}{reason}"


@in_sentences()
def approval_hours() -> float:
    """Return how long the setting says that an answer is waited for."""
    from recsys_airflow.hook import RecsysHook

    return RecsysHook().settings().approval_hours
