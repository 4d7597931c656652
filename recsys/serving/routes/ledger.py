"""The ledger: publications, model versions, weeks, experiments."""

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from recsys.serving.answers import database_of, json_answer, json_or_404
from recsys.serving.keys import needs
from recsys.serving.parameters import Day, Length, Offset

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["ledger"], dependencies=[Depends(needs("read"))])


class Publication(BaseModel):
    """One immutable set of lists. `live`: from when until when readers had it."""

    publication: int
    as_of: date
    is_live: bool
    live: list[dict[str, datetime | None]]
    recipe: str
    model_version: str
    n_users: int
    n_rows: int
    n_fallback: int
    rows_sha256: str
    published_at: datetime
    rows_deleted_at: datetime | None
    decision: str | None
    experiment: str | None
    is_shadow: bool
    challenger_publication: int | None
    copy_of: int | None
    movies_left_out: list[int]


class Publications(BaseModel):
    """Publications, the newest first."""

    total: int
    items: list[Publication]


class ModelVersion(BaseModel):
    """A recipe fitted up to a cut. `exam_ndcg`: its recipe's NDCG@10 in the exam of `as_of`."""

    model_version: str
    recipe: str
    as_of: date
    fit_key: str | None
    run_id: str | None
    fitted_at: datetime | None
    cut: str | None
    n_ratings: int | None
    exam_ndcg: float | None
    is_live: bool
    publications: list[int]


class ModelVersions(BaseModel):
    """Model versions that made a publication, the newest first."""

    total: int
    items: list[ModelVersion]


class Week(BaseModel):
    """A week of the ledger. `exam` and `decision` are null until there is one; `seconds` is what
    the steps of the run that published it took together.
    """

    as_of: date
    watermark: int
    params: dict[str, Any]
    resolved_late: bool
    ingested_at: datetime | None
    is_retired: bool
    drops: list[dict[str, Any]]
    exam: dict[str, Any] | None
    decision: dict[str, Any] | None
    drift: list[dict[str, Any]]
    publication: int | None
    was_live: bool
    seconds: float | None


class Experiment(BaseModel):
    """A challenger's share of the users, and what was observed of both arms' lists."""

    name: str
    recipe: str
    share: float
    first_as_of: date
    last_as_of: date
    created_at: datetime
    observed: list[dict[str, Any]]


class Experiments(BaseModel):
    """Experiments, the newest first."""

    total: int
    items: list[Experiment]


async def page_of(request: Request, name: str, n: int, offset: int) -> Response:
    page = await database_of(request).value(str, "serving_ledger", name, n=n, offset=offset)
    return json_answer(str(page))


@router.get("/publications", summary="Publications", responses={200: {"model": Publications}})
async def get_publications(request: Request, n: Length = 20, offset: Offset = 0) -> Response:
    """Return publications, the newest first, with when each was live."""
    return await page_of(request, "publications", n, offset)


@router.get("/models", summary="Model versions", responses={200: {"model": ModelVersions}})
async def get_models(request: Request, n: Length = 20, offset: Offset = 0) -> Response:
    """Return model versions that made a publication, the newest first, and their origins."""
    return await page_of(request, "models", n, offset)


@router.get("/experiments", summary="Experiments", responses={200: {"model": Experiments}})
async def get_experiments(request: Request, n: Length = 20, offset: Offset = 0) -> Response:
    """Return experiments, the newest first, with their observed hits and 95% intervals."""
    return await page_of(request, "experiments", n, offset)


@router.get(
    "/weeks/{as_of}",
    summary="One week",
    responses={200: {"model": Week}, 404: {"description": "there is no such week"}},
)
async def get_week(request: Request, as_of: Day) -> Response:
    """Return a week: its drops, its exam, its decision with what each gate said, its drift, and
    what it published.
    """
    week = await database_of(request).value(str, "serving_ledger", "week", as_of=as_of)
    return json_or_404(week, f"no week {as_of}: expected one that was run")
