"""A week on one page."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row
from recsys.promotion.ledger import Champion, verdicts_of
from recsys.report import sections
from recsys.report.decision import all_figures, gates_list, verdict
from recsys.report.exam import ExamPage, exam_page
from recsys.report.grid import PAGE_WIDTH, Grid
from recsys.report.lists import observed_table
from recsys.week import WeekPlan

__all__ = ["WeekPage", "week_page"]

#: Columns of the costs that a log shows: what follows from the others is left out.
BRIEF_COSTS = (0, 1, 3, 4)


@dataclass(frozen=True)
class WeekPage:
    """A week's page in Markdown: what comes before the exam, the exam, what comes between it and
    the costs, and the costs.
    """

    week: WeekPlan
    before: str
    exam: ExamPage
    after: str
    costs: Grid | None
    run_id: str

    @property
    def full(self) -> str:
        """Everything, as MLflow keeps it."""
        exam = self.exam.markdown(every=True)
        return self._page(exam, self.costs and self.costs.markdown(PAGE_WIDTH))

    @property
    def brief(self) -> str:
        """What a log shows: of the exam what decides, of the costs what was measured."""
        exam = f"{self.exam.markdown()}\n\n{all_figures(self.week.as_of)}"
        return self._page(exam, self.costs and self.costs.columns(BRIEF_COSTS).markdown())

    def _page(self, exam: str, costs: str | None) -> str:
        parts = [self.before, "## The exam", exam, self.after, "## What it cost", self.cost(costs)]
        return "\n\n".join(parts) + "\n"

    def cost(self, costs: str | None) -> str:
        if costs is None:
            return "Not measured."
        return (
            f"The steps of the run that made this publication ({self.run_id}), each as it first "
            "ran. Memory is the most that the step's process had resident; a step that had nothing "
            f"left to do has no rows.\n\n{costs}"
        )


def week_page(
    conn: Connection, week: WeekPlan, champion: Champion, publication_id: int, notes: Sequence[str]
) -> WeekPage:
    """Return what came in, what was set aside, the exam, the gates, the verdict, what was
    published, what each step cost. `notes` come first.
    """
    key = {"publication_id": publication_id}
    published = fetch_row(conn, sections.Publication, queries("report")["publication"], key)
    return WeekPage(
        week=week,
        before=_joined(_before(conn, week, notes)),
        exam=exam_page(conn, week.as_of),
        after=_joined(_after(conn, week, champion, published)),
        costs=sections.costs_grid(conn, published),
        run_id=published.run_id,
    )


def _before(conn: Connection, week: WeekPlan, notes: Sequence[str]) -> Iterator[str]:
    yield f"# Week {week.as_of}"
    yield from (f"> {note}" for note in notes)
    yield from sections.snapshot(conn, week)
    yield "## What came in"
    yield from sections.drops(conn, week)
    yield "## How the last lists did"
    yield observed_table(conn, week) or "There were none."


def _after(
    conn: Connection, week: WeekPlan, champion: Champion, published: sections.Publication
) -> Iterator[str]:
    yield "## Drift"
    yield sections.drift(conn, week)
    yield "## The gates"
    yield gates_list(verdicts_of(conn, champion.promotion_id))
    yield "## The verdict"
    yield verdict(champion)
    yield "## What was published"
    yield from sections.publication(conn, published)


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(parts)
