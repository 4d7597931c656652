"""The proposal, the refits and the decision."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from recsys_airflow.operators.step import WeekOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from recsys.settings import Settings


class ProposeChampion(WeekOperator):
    """Decides by the exam and the gates; returns what a person would have to approve."""

    step = "propose_champion"


class ApprovedOperator(WeekOperator):
    """A step that takes the answer that ask_approval returned."""

    template_fields: Collection[str] = ("week", "approval")

    def __init__(self, *, approval: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.approval = approval

    def inputs(self, settings: "Settings", context: "Context") -> dict[str, Any]:
        if self.approval is None:
            raise AirflowFailException(
                "ask_approval has no answer: it was marked as done by hand. Clear it, and it "
                "asks again"
            )
        return super().inputs(settings, context)


class RefitWinner(ApprovedOperator):
    """Fits the recipe that won and was approved on everything that the week admits.

    Returns the model version.
    """

    step = "refit_winner"


class RefitChallenger(WeekOperator):
    """Fits the recipe of the week's experiment likewise; returns the model version.

    Returns nothing without an experiment.
    """

    step = "refit_challenger"


class PromoteChampion(ApprovedOperator):
    """Stores the week's decision between challengers and incumbent, once; returns its id."""

    step = "promote_champion"
    template_fields: Collection[str] = ("week", "approval", "model_version")

    def __init__(self, *, model_version: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model_version = model_version
