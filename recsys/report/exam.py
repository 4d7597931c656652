"""An exam as people read it: a sentence on it, and a line for each recipe."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, find_row
from recsys.evaluation.metrics import DECIDING, ERRORS, EXPOSURE, LISTS, RANKING
from recsys.promotion.exams import ExamRecord, Result, results_of
from recsys.promotion.failed_fits import failed_fits
from recsys.promotion.gates.guardrails import cold_users, new_movies
from recsys.report.grid import PAGE_WIDTH, Grid

__all__ = ["METRICS", "ExamPage", "exam_metrics", "exam_page"]

#: Figures on all users, the deciding one first.
METRICS = (*RANKING, *EXPOSURE, *LISTS, *ERRORS)
#: Slice → users that its figure needs, as the gates ask: of fewer, one user's hit is most of it.
LEAST_USERS = {guardrail.part: guardrail.least for guardrail in (new_movies, cold_users)}


class HeldExam(ExamRecord):
    """A row of `exams`, in words."""

    @property
    def sentence(self) -> str:
        """What was held out, and who decides."""
        decided = f"decided by {self.n_users:,} users"
        if self.kind == "dated":
            return (
                f"All ratings from {self.cut:%Y-%m-%d %H:%M} UTC on ({self.weeks} weeks, "
                f"{self.n_ratings:,} ratings), {decided}."
            )
        return (
            f"The newest ratings of each user ({self.n_ratings:,}), {decided}. Too few users rated "
            "lately for a dated exam, so models see other users' later ratings."
        )


@dataclass(frozen=True)
class SharedRatings:
    """The share of an exam's ratings that an earlier week's exam held out too."""

    earlier: date
    share: float


@dataclass(frozen=True)
class Slice:
    """Some of an exam's users, whose deciding figure is a column of its own."""

    name: str
    n: int

    @property
    def is_measured(self) -> bool:
        """Whether they are enough for a figure."""
        return self.n >= LEAST_USERS.get(self.name, 1)

    def __str__(self) -> str:
        enough = "" if self.is_measured else ", too few to measure"
        return f"{self.name} ({self.n:,} users{enough})"


@dataclass(frozen=True)
class ExamPage:
    """An exam: sentences on it, its figures, and what each recipe is beside a recipe ("incumbent",
    "proposed").
    """

    sentence: str
    results: tuple[Result, ...]
    roles: Mapping[str | None, str]

    @cached_property
    def values(self) -> dict[tuple[str, str, str], float]:
        """Figures by recipe key, slice and metric."""
        return {(row.recipe_key, row.slice, row.metric): row.value for row in self.results}

    @cached_property
    def keys(self) -> list[str]:
        """Recipe keys, the best first."""
        keys = {row.recipe_key for row in self.results}
        return sorted(keys, key=lambda key: (-self.values.get((key, "all", DECIDING), 0.0), key))

    @cached_property
    def slices(self) -> list[Slice]:
        """The slices, each once."""
        counts = {row.slice: row.n for row in self.results if row.metric == DECIDING}
        return [Slice(name, n) for name, n in counts.items() if name != "all"]

    @property
    def slices_sentence(self) -> str:
        """What the columns of slices are, and of how many users each is."""
        if not self.slices:
            return ""
        return f"{DECIDING} also by slice: {', '.join(map(str, self.slices))}."

    @property
    def brief(self) -> Grid:
        """What decides: the deciding figure, and that of slices which a gate looks at."""
        guarded = [part for part in self.slices if part.name in LEAST_USERS]
        return self._grid((DECIDING,), guarded)

    @property
    def full(self) -> Grid:
        """Every figure."""
        measured = {row.metric for row in self.results}
        return self._grid([name for name in METRICS if name in measured], self.slices)

    def markdown(self, *, every: bool = False) -> str:
        """Return the page in Markdown: what decides, or every figure."""
        table = self.full.markdown(PAGE_WIDTH) if every else self.brief.markdown()
        parts = [self.sentence, self.slices_sentence, table]
        return "\n\n".join(filter(None, parts))

    def _grid(self, metrics: Iterable[str], slices: Iterable[Slice]) -> Grid:
        names = list(metrics)
        parts = list(slices)
        lines = [
            [
                self.label(key),
                *(_figure(self.values.get((key, "all", metric))) for metric in names),
                *(self.on_slice(key, part) for part in parts),
            ]
            for key in self.keys
        ]
        return Grid(["recipe", *names, *(part.name for part in parts)], lines)

    def on_slice(self, key: str, part: Slice) -> str:
        value = self.values.get((key, part.name, DECIDING))
        return _figure(value if part.is_measured else None)

    def label(self, key: str) -> str:
        return f"{key} ({self.roles[key]})" if key in self.roles else key


def exam_page(
    conn: Connection,
    as_of: date,
    *,
    competitors: Collection[str] | None = None,
    proposed: str | None = None,
) -> ExamPage:
    """Return the exam of a week.

    `competitors` leaves out recipes that other runs of the week examined; `proposed` is marked, as
    the incumbent is.
    """
    exam = fetch_row(conn, HeldExam, queries("exams")["exam"], {"as_of": as_of})
    results = [row for row in results_of(conn, as_of) if _competes(row.recipe_key, competitors)]
    sentences = [exam.sentence, overlap(conn, as_of), *unfitted(conn, as_of, competitors)]
    roles = {exam.incumbent: "incumbent", proposed: "proposed"}
    return ExamPage(" ".join(filter(None, sentences)), tuple(results), roles)


def exam_metrics(conn: Connection, as_of: date) -> dict[str, float]:
    """Return the deciding figure of every recipe, for MLflow's charts over the weeks."""
    return {
        f"{row.metric} {row.recipe_key}": row.value
        for row in results_of(conn, as_of)
        if (row.slice, row.metric) == ("all", DECIDING)
    }


def _competes(key: str, competitors: Collection[str] | None) -> bool:
    return competitors is None or key in competitors


def overlap(conn: Connection, as_of: date) -> str:
    shared = find_row(conn, SharedRatings, queries("exams")["most_shared"], {"as_of": as_of})
    if shared is None:
        return ""
    return f"Of these ratings {shared.share:.0%} were in week {shared.earlier}'s exam too."


def unfitted(conn: Connection, as_of: date, competitors: Collection[str] | None) -> list[str]:
    return [
        f"{key} is not among them, as it cannot be fitted: {reason.rstrip('.')}."
        for key, reason in failed_fits(conn, as_of, "exam").items()
        if _competes(key, competitors)
    ]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
