"""The sections of a week's page that are read from the ledgers of drops, publications and costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from recsys.costs import StepCost, costs_of_run
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_rows
from recsys.drift import watch
from recsys.report.grid import Grid
from recsys.week import WeekPlan

__all__ = ["Publication", "costs_grid", "counts_line", "drift", "drops", "publication", "snapshot"]


@dataclass(frozen=True)
class Facts:
    """How much a week's snapshot holds."""

    n_ratings: int
    n_users: int
    newest: datetime


@dataclass(frozen=True)
class Movies:
    """How many movies a week's snapshot holds, and how many of them IMDb describes."""

    n_movies: int
    n_with_imdb: int


@dataclass(frozen=True)
class Drop:
    """What became of a drop; `counts` has rows by file and fact, `reason` why it was refused."""

    source: str
    drop_date: date
    revision: int
    state: str
    counts: Mapping[str, Mapping[str, int]] | None
    reason: str | None

    def __str__(self) -> str:
        outcome = self.reason or counts_line(self.counts or {})
        return (
            f"- {self.source} {self.drop_date}, revision {self.revision}: {self.state}; {outcome}"
        )


@dataclass(frozen=True)
class RejectedRow:
    """A row that was set aside."""

    source: str
    drop_date: date
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"- {self.source} {self.drop_date} {self.file} line {self.line:,}: {self.reason}"


@dataclass(frozen=True)
class Publication:
    """What a week published."""

    publication_id: int
    as_of: date
    n_users: int
    n_rows: int
    n_fallback: int
    rows_sha256: str
    first_live_at: datetime | None
    model_version: str
    recipe_key: str
    run_id: str

    @property
    def sentence(self) -> str:
        """Whether it went live, its size, and what made it."""
        state = "went live" if self.first_live_at else "has not been live"
        return (
            f"Publication {self.publication_id} ({state}): {self.n_rows:,} rows for "
            f"{self.n_users:,} users, {self.n_fallback:,} from the fallback; made by "
            f"{self.recipe_key}, version {self.model_version}; sha256 of its rows "
            f"{self.rows_sha256}."
        )


@dataclass(frozen=True)
class Favourite:
    """A movie that is in many lists."""

    title: str
    n_lists: int


def snapshot(conn: Connection, week: WeekPlan) -> Iterator[str]:
    """Yield sentences on what the run could read."""
    facts = fetch_row(conn, Facts, queries("report")["facts"], week.snapshot.params)
    movies = fetch_row(conn, Movies, queries("report")["movies"], week.snapshot.params)
    yield (
        f"The run read {facts.n_ratings:,} ratings of {facts.n_users:,} users and "
        f"{movies.n_movies:,} movies, {movies.n_with_imdb:,} of them with IMDb content; newest "
        f"rating {facts.newest:%Y-%m-%d %H:%M} UTC; watermark: drop {week.watermark}."
    )
    if week.resolved_late:
        yield (
            "This week ran for the first time after later ones: its watermark is of that day, not "
            "of its own."
        )


def drops(conn: Connection, week: WeekPlan) -> Iterator[str]:
    """Yield what came in with the week, and the first rows that were set aside."""
    rows = fetch_rows(conn, Drop, queries("drops")["drops_of_week"], week.snapshot.params)
    yield "\n".join(map(str, rows)) or "Nothing new."
    sample = queries("drops")["rejected_sample"]
    rejected = fetch_rows(conn, RejectedRow, sample, week.snapshot.params)
    if rejected:
        yield "Set aside, the first of them:"
        yield "\n".join(map(str, rejected))


def counts_line(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Return what a drop brought: rows read, set aside and new."""
    return "; ".join(f"{word}: {_named(counts, word)}" for word in ("read", "rejected", "new"))


def _named(counts: Mapping[str, Mapping[str, int]], word: str) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.get(word, {}).items()) or "none"


def drift(conn: Connection, week: WeekPlan) -> str:
    """Return what drifted, then what did not, then what could not be judged."""
    labels = {True: "**drifted**", False: "as before", None: "not judged"}
    order = list(labels)
    findings = sorted(watch.recorded(conn, week), key=lambda row: order.index(row.drifted))
    lines = [f"- {labels[row.drifted]}: {row.sentence}" for row in findings]
    return "\n".join(lines) or "Not watched."


def publication(conn: Connection, published: Publication) -> Iterator[str]:
    """Yield what was published, and which movies are in most lists."""
    key = {"publication_id": published.publication_id}
    favourites = fetch_rows(conn, Favourite, queries("report")["most_recommended"], key)
    named = ", ".join(f"{movie.title} ({movie.n_lists:,})" for movie in favourites)
    yield published.sentence
    yield f"In most lists: {named}."


def costs_grid(conn: Connection, published: Publication) -> Grid | None:
    """Return what each step of the run that made a publication cost; None where nothing was
    measured.

    The report's own step is left out: it ends after the page is written.
    """
    every = costs_of_run(conn, published.as_of, published.run_id)
    costs = [cost for cost in every if cost.step != "report_week"]
    if not costs:
        return None
    seconds = sum(cost.seconds for cost in costs)
    lines = [cost_line(cost, seconds) for cost in costs]
    header = ["step", "seconds", "share", "peak MiB", "rows", "rows/s"]
    return Grid(header, [*lines, total_line(costs, seconds)])


def total_line(costs: list[StepCost], seconds: float) -> list[str]:
    peak = max(cost.peak_bytes or 0 for cost in costs)
    return ["in all, and the largest peak", f"{seconds:,.1f}", "100.0%", _mebibytes(peak), "", ""]


def cost_line(cost: StepCost, whole: float) -> list[str]:
    return [
        f"{cost.step} {cost.part}".rstrip(),
        f"{cost.seconds:,.1f}",
        f"{cost.seconds / whole:.1%}",
        _mebibytes(cost.peak_bytes),
        "–" if cost.n_rows is None else f"{cost.n_rows:,}",
        f"{cost.n_rows / cost.seconds:,.0f}" if cost.n_rows else "–",
    ]


def _mebibytes(n_bytes: int | None) -> str:
    return f"{n_bytes / 2**20:,.0f}" if n_bytes else "–"
