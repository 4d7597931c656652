"""Weeks: start a run of the weekly DAG. What a week came to is in the ledger's routes."""

from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from recsys.limits import LIMITS
from recsys.serving.airflow_runs import AirflowRuns, WeeklyRun
from recsys.serving.keys import Caller, needs
from recsys.serving.parameters import Day, Text

__all__ = ["router"]

router = APIRouter(prefix="/v1/weeks", tags=["admin"])
Admin: TypeAlias = Annotated[Caller, Depends(needs("admin"))]
TOP_N = LIMITS["top_n"]


class WeekRequest(BaseModel):
    """What the run shall do; what is left out is as in the week's first run, or the settings."""

    model_config = ConfigDict(extra="forbid")

    as_of: Annotated[
        Day | None, Field(description="recommend as of this date; null: the newest complete drop")
    ] = None
    recipes: Annotated[
        list[Text] | None, Field(min_length=1, max_length=50, description="those that compete")
    ] = None
    top_n: Annotated[
        int | None, Field(ge=TOP_N.least, le=TOP_N.most, description="movies a user")
    ] = None
    force_decision: Annotated[bool, Field(description="decide the week anew")] = False

    @property
    def params(self) -> dict[str, Any]:
        """Return the Params of the DAG."""
        return self.model_dump(mode="json", exclude_none=True)


@router.post("", summary="Run a week", status_code=202)
async def start_week(request: Request, caller: Admin, body: WeekRequest) -> WeeklyRun:
    """Start a run of the weekly DAG in Airflow, and return it: it is queued, and goes on by itself.
    A week that ran before runs again, and comes to the same lists.
    """
    caller.check_all_users()
    return await AirflowRuns(request.app.state.settings).start(body.params)
