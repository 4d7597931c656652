"""Every setting of the library, in one place. Environment variables are the names in capitals after
`RECSYS_`.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from recsys.bounds import Bounds
from recsys.limits import LIMITS

#: Where `make demo` keeps its state; its `recsys.env` lets `python -m recsys …` find the running
#: stack.
HOME = Path(os.environ.get("RECSYS_HOME", ".recsys"))
TRACKERS = {"mlflow", "wandb"}
#: A comma that is not inside a recipe's brackets.
BETWEEN_NAMES = re.compile(r",(?![^\[]*\])")


class Settings(Bounds, BaseSettings):
    """What an installation chooses, the gates' bounds among it. What a run chooses (as_of, recipes,
    top_n) is a `WeekPlan`.
    """

    model_config = SettingsConfigDict(
        env_prefix="RECSYS_",
        env_file=HOME / "recsys.env",
        extra="ignore",
        frozen=True,
        allow_inf_nan=False,
    )

    # where things are
    database_url: SecretStr = Field(
        description="Postgres, as the pipeline's own role (never a superuser)"
    )
    drops: str = Field(
        default="drops",
        description="the landing zone: a folder, or an fsspec URI such as s3://bucket/drops",
    )
    mlflow_tracking_uri: str = Field(
        default="http://127.0.0.1:5000", description="the MLflow server"
    )
    mlflow_experiment: str = Field(
        default="weekly-recommendations",
        description="the MLflow experiment of all fits and reports",
    )
    trackers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("mlflow",),
        description="where fits are shown: mlflow, which holds the models and is always one, and "
        "wandb (the extra recsys[wandb]; WANDB_MODE=offline keeps its runs in WANDB_DIR)",
    )
    system_metrics: bool = Field(
        default=False,
        description="whether a fit's run shows processor, memory, disk and network, every 10 s "
        "(the extra recsys[system-metrics])",
    )
    registered_model: str = Field(
        default="movie-recommender", description="the name under which champions are registered"
    )

    # taking drops in
    allow_future: bool = Field(
        default=False,
        description="whether a week may lie more than 7 days after today, as generated data may",
    )
    max_bad_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="share of bad rows in a file above which its drop is refused",
    )

    # models
    recipes: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="recipes of a week that names none, comma-separated, with settings of "
        "their own as in als[factors=128] or without; empty: those that compete by default",
    )
    seed: int = Field(
        default=20_261,
        ge=LIMITS["seed"].least,
        le=LIMITS["seed"].most,
        description="seed of every random choice",
    )
    threads: int = Field(
        default=2,
        ge=1,
        le=1_024,
        description="threads of BLAS, implicit and torch: fixed, so that results do not depend on "
        "the machine",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where torch computes"
    )
    checkpoints: str = Field(
        default="",
        description="the folder where a long fit of a network keeps how far it came, so that a "
        "killed task goes on; empty: one of its own under the machine's folder of temporary files",
    )
    title_model: str = Field(
        default="sentence-transformers/all-MiniLM-L6-v2",
        description="title text encoder: a folder, or a name on the hub",
    )
    title_model_revision: str = Field(
        default="c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
        description="its pinned revision on the hub",
    )

    # the exam and the decision
    like_threshold: float = Field(
        default=4.0,
        ge=LIMITS["like_threshold"].least,
        le=LIMITS["like_threshold"].most,
        description="a rating from here on says that the user liked the movie",
    )
    exam_min_users: int = Field(
        default=1_000,
        ge=LIMITS["exam_min_users"].least,
        le=LIMITS["exam_min_users"].most,
        description="users that a dated exam needs; with fewer, the exam is "
        "leave-newest-out: each user's newest ratings",
    )
    bootstrap_resamples: int = Field(
        default=10_000, ge=100, le=1_000_000, description="resamples of the paired bootstrap"
    )
    require_approval: bool = Field(
        default=False, description="whether a person must agree before a new champion is crowned"
    )
    approval_hours: float = Field(
        default=24.0,
        gt=0,
        le=8_760,
        description="hours that the question waits for an answer; then the champion stays",
    )

    # drift
    drift_weeks: int = Field(
        default=8,
        ge=LIMITS["drift_weeks"].least,
        le=LIMITS["drift_weeks"].most,
        description="weeks before it that a week is held against: two months, so that seasons can "
        "change",
    )
    drift_fails: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="measures whose drift stops the week, comma-separated; empty: all "
        "of them only warn",
    )

    # publishing
    top_n: int = Field(
        default=10,
        ge=LIMITS["top_n"].least,
        le=LIMITS["top_n"].most,
        description="movies a user gets, where the week does not say",
    )
    depth: int = Field(
        default=100,
        ge=LIMITS["depth"].least,
        le=LIMITS["depth"].most,
        description="movies kept a user, at least those that readers are shown: filters need more "
        "than ten",
    )
    min_history: int = Field(
        default=5,
        ge=LIMITS["min_history"].least,
        le=LIMITS["min_history"].most,
        description="visible ratings below which a user gets the fallback, not the model",
    )
    popularity_half_life_days: float = Field(
        default=180.0,
        ge=LIMITS["half_life_days"].least,
        le=LIMITS["half_life_days"].most,
        description="age at which a like counts half in recent popularity",
    )
    score_shards: int = Field(
        default=2,
        ge=1,
        le=1_000,
        description="mapped tasks that share the scoring; the result does not depend on it",
    )
    keep_weeks: int = Field(
        default=8,
        ge=1,
        le=5_000,
        description="weeks whose publications were live since, before an old one goes: so many "
        "stay beside what is live",
    )

    # the API and its pages
    api_database_url: SecretStr | None = Field(
        default=None,
        description="Postgres as the API's own role, recsys_api, which reads a few views",
    )
    operator_database_url: SecretStr | None = Field(
        default=None,
        description="Postgres as recsys_operator: used by operations alone, once the caller is "
        "known to be an admin; empty: there are none",
    )
    api_host: str = Field(default="127.0.0.1", description="the address that the API listens on")
    api_port: int = Field(default=8_000, ge=0, le=65_535, description="its port; 0: a free one")
    api_workers: int = Field(default=1, ge=1, le=64, description="processes that answer")
    api_models: str = Field(
        default="",
        description="the folder of the champion's arrays, which the API's processes map into "
        "memory and share; empty: one of its own under the machine's folder of temporary files",
    )
    api_url: str = Field(
        default="",
        description="where the API answers: Airflow's pages ask it what needs the model; "
        "empty: they say that it is away",
    )
    api_key_file: Path | None = Field(
        default=None,
        description="the file of the key that Airflow's pages send to the API; scope predict",
    )
    airflow_url: str = Field(
        default="", description="Airflow's api-server, which POST /v1/weeks triggers a week by"
    )
    airflow_user: str = Field(default="", description="the login that it is triggered with")
    airflow_password: SecretStr | None = Field(default=None, description="its password")

    # telling people
    notifier: Literal["log", "slack", "mail"] = Field(
        default="log",
        description="who hears of a failed task, a late run, a question that waits; "
        "the log does in any case",
    )
    notify_to: str = Field(
        default="", description="the Slack channel, or mail addresses, comma-separated"
    )

    # how Airflow's tasks call the steps
    step_command: str = Field(
        default="",
        description="another interpreter's `python -m recsys`, which Airflow's tasks call steps "
        "by; empty: in the task's own process",
    )

    # where things come from
    git_sha: str = Field(
        default="", description="commit of the code, where it does not lie in a git checkout"
    )

    # one task's limit, set by its operator
    statement_timeout: timedelta | None = Field(
        default=None, description="limit of one SQL statement; an operator sets its task's own"
    )

    @field_validator("recipes", "drift_fails", "trackers", mode="before")
    @classmethod
    def split_names(cls, value: object) -> object:
        return (
            tuple(name.strip() for name in BETWEEN_NAMES.split(value) if name.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("trackers")
    @classmethod
    def name_trackers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "mlflow" not in value or set(value) - TRACKERS:
            raise ValueError(f"got {', '.join(value) or 'none'}; expected mlflow or mlflow,wandb")
        return value

    @field_validator("drift_fails")
    @classmethod
    def name_measures(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            return value
        from recsys.drift.measures import MEASURES

        unknown = [name for name in value if name not in MEASURES]
        if unknown:
            raise ValueError(
                f"no measure of drift is named {', '.join(unknown)}; expected some "
                f"of: {', '.join(MEASURES)}"
            )
        return value

    @model_validator(mode="after")
    def someone_gets_messages(self) -> Self:
        if self.notifier != "log" and not self.notify_to:
            raise ValueError(
                f"notifier is {self.notifier}, and nobody gets its messages: expected "
                "RECSYS_NOTIFY_TO to name a channel or addresses"
            )
        return self

    @classmethod
    def from_environment(cls) -> "Settings":
        """As RECSYS_… variables and the running stack's file give them. Raises ValidationError
        naming what is missing.
        """
        return cls()  # pyright: ignore[reportCallIssue] - the environment gives what has no default
