"""Drawing the page of all weeks: one HTML file with its plots as inline SVG, which needs nothing
from anywhere.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from recsys.evaluation.metrics import DECIDING
from recsys.observed import LEAST_USERS
from recsys.weeks_page.charts import (
    LABEL_GAP,
    REST_SHADE,
    SHADES,
    Frame,
    Style,
    day_label,
    frame_around,
    runs,
    spread,
    styles_of,
)
from recsys.weeks_page.record import DriftFigure, ExamScore, Flip, Observed, Record, WeekLine

TEMPLATE = "page.html.jinja"
REST = "other steps"
#: Room at the right of a wide chart for the recipes' and steps' names.
NAMES = 182


def draw_page(record: Record, path: Path) -> Path:
    """Write the page, in one go: who looks while it is drawn anew sees the old one."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(page(record), encoding="utf-8")
    return unfinished.replace(path)


def page(record: Record) -> str:
    """The page as HTML. A part without data says so."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "day": day_label}
    return environment.get_template(TEMPLATE).render(
        view=View(record), metric=DECIDING, least_users=LEAST_USERS, label_gap=LABEL_GAP
    )


def duration(seconds: float) -> str:
    """As people say it: `48 s`, `3.5 min`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 6_000:
        return f"{seconds / 60:.1f} min"
    return f"{int(seconds // 3600)} h {seconds % 3600 / 60:.0f} min"


@dataclass(frozen=True)
class Sign:
    """A decision or a flip that changed, or might have changed, what readers see."""

    as_of: date
    kind: str
    recipe_key: str
    text: str


@dataclass(frozen=True)
class Measure:
    """One of the small charts on drift."""

    name: str
    figures: Sequence[DriftFigure]
    frame: Frame

    @property
    def n_drifted(self) -> int:
        return sum(figure.drifted for figure in self.figures)

    @property
    def band(self) -> str:
        """The corners of the area between the bounds, "" where no week has them."""
        bounded = [
            figure for figure in self.figures if figure.low is not None and figure.high is not None
        ]
        upper = [(figure.as_of, self._inside(figure.high)) for figure in bounded]
        lower = [(figure.as_of, self._inside(figure.low)) for figure in reversed(bounded)]
        return self.frame.path(upper + lower)

    def _inside(self, bound: float | None) -> float:
        """Of a bound without end, what the chart has room for."""
        return min(max(bound or 0.0, self.frame.low), self.frame.high)


@dataclass(frozen=True)
class Bar:
    """A step's part of a week's time."""

    as_of: date
    step: str
    seconds: float
    below: float


class View:
    """What the template asks of a record."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.weeks = record.weeks
        self.dates = [week.as_of for week in record.weeks]

    @cached_property
    def styles(self) -> dict[str, Style]:
        """The look of every recipe named anywhere, one for all charts."""
        rows = (self.record.scores, self.record.observed, self.record.flips)
        named = [row.recipe_key for part in rows for row in part]
        named += [week.decided for week in self.weeks if week.decided]
        named += [week.champion for week in self.weeks if week.champion]
        return styles_of(named)

    # the exam

    @cached_property
    def lines(self) -> dict[str, list[ExamScore]]:
        """The scores of each recipe, week after week."""
        lines = defaultdict(list)
        for score in self.record.scores:
            lines[score.recipe_key].append(score)
        return {key: sorted(scores, key=lambda score: score.as_of) for key, scores in lines.items()}

    @cached_property
    def exam_frame(self) -> Frame:
        return frame_around(
            self.dates,
            [score.value for score in self.record.scores],
            height=340,
            right=NAMES,
            top=26,
            bottom=52,
        )

    @property
    def name_places(self) -> dict[str, float]:
        """The height at which each recipe's name stands, beside the end of its line."""
        ends = {key: self.exam_frame.y(scores[-1].value) for key, scores in self.lines.items()}
        return spread(ends, gap=15, end=self.exam_frame.floor)

    @property
    def reigns(self) -> list[tuple[str, int, int]]:
        """Which recipe was champion: (key, first week's place, weeks)."""
        return list(runs([week.champion for week in self.weeks]))

    @cached_property
    def signs(self) -> list[Sign]:
        """Decisions that are no mere going on, and what people rolled back and forward, in
        order.
        """
        decided = [
            Sign(week.as_of, week.decision, week.decided, " ".join(week.reasons or ()))
            for week in self.weeks
            if week.decision and week.decided and week.decision != "kept"
        ]
        return sorted([*decided, *map(change_sign, self.record.flips)], key=lambda sign: sign.as_of)

    def exam_value(self, week: WeekLine) -> float | None:
        """What the champion of a week reached at its exam."""
        return next(
            (
                score.value
                for score in self.lines.get(week.champion or "", ())
                if score.as_of == week.as_of
            ),
            None,
        )

    def is_champion(self, score: ExamScore) -> bool:
        return any(
            week.as_of == score.as_of and week.champion == score.recipe_key for week in self.weeks
        )

    # what came true

    @cached_property
    def measured(self) -> list[Observed]:
        """The figures of enough users to be drawn; the table has the others."""
        return [row for row in self.record.observed if row.n >= LEAST_USERS]

    @property
    def n_unmeasured(self) -> int:
        return len(self.record.observed) - len(self.measured)

    @cached_property
    def observed_frame(self) -> Frame:
        values = [value for row in self.measured for value in (row.value, row.low, row.high)]
        return frame_around(
            self.dates,
            [*values, *(value for _, value in self.promised)],
            height=245,
            right=NAMES,
            top=28,
        )

    @property
    def promised(self) -> list[tuple[date, float]]:
        """What the exam said of each week's champion."""
        values = ((week.as_of, self.exam_value(week)) for week in self.weeks)
        return [(day, value) for day, value in values if value is not None]

    def beside(self, row: Observed) -> float:
        """How far from its week's middle a figure stands, so that two of a week do not hide each
        other.
        """
        same = [other for other in self.measured if other.as_of == row.as_of]
        return 9.0 * (same.index(row) - (len(same) - 1) / 2)

    def observed_of(self, week: WeekLine) -> list[Observed]:
        return [row for row in self.record.observed if row.as_of == week.as_of]

    # drift

    @cached_property
    def measures(self) -> list[Measure]:
        """A chart a measure, those that left their bounds first."""
        ordered = sorted(self.record.drift, key=lambda figure: (figure.measure, figure.as_of))
        grouped = [
            (name, list(figures))
            for name, figures in groupby(ordered, key=lambda figure: figure.measure)
        ]
        charts = [Measure(name, figures, self.drift_frame(figures)) for name, figures in grouped]
        return sorted(charts, key=lambda measure: -measure.n_drifted)

    def drift_frame(self, figures: Sequence[DriftFigure]) -> Frame:
        values = [value for figure in figures for value in (figure.value, figure.low, figure.high)]
        return frame_around(
            self.dates, values, width=300, height=120, left=44, right=8, top=8, bottom=20
        )

    # times

    @cached_property
    def seconds(self) -> dict[date, float]:
        seconds: dict[date, float] = defaultdict(float)
        for time in self.record.times:
            seconds[time.as_of] += time.seconds
        return dict(seconds)

    @cached_property
    def shades(self) -> dict[str, str]:
        """Steps and their shades, the longest first; short steps are one."""
        total: dict[str, float] = defaultdict(float)
        for time in self.record.times:
            total[time.step] += time.seconds
        longest = sorted(total, key=lambda step: (-total[step], step))
        named = dict(zip(longest, SHADES, strict=False))
        return named | ({REST: REST_SHADE} if len(longest) > len(named) else {})

    @property
    def unit(self) -> tuple[str, float]:
        """In what the times are shown, and how many seconds that is."""
        return ("minutes", 60.0) if max(self.seconds.values()) > 120 else ("seconds", 1.0)

    @cached_property
    def time_frame(self) -> Frame:
        values = [seconds / self.unit[1] for seconds in self.seconds.values()]
        return frame_around(self.dates, values, floor=0.0, height=230, right=NAMES)

    @property
    def bars(self) -> Iterator[Bar]:
        """The parts of each week's time, from the bottom up."""
        for day in self.seconds:
            spent = self._spent(day)
            below = [0.0, *accumulate(spent.values())]
            for (step, seconds), under in zip(spent.items(), below, strict=False):
                yield Bar(day, step, seconds, under)

    def _spent(self, day: date) -> dict[str, float]:
        """Seconds of a week by the steps that have a shade of their own, and of the rest."""
        spent: dict[str, float] = dict.fromkeys(self.shades, 0.0)
        for time in self.record.times:
            if time.as_of == day:
                spent[time.step if time.step in self.shades else REST] += time.seconds
        return spent

    # in one line

    @property
    def champion(self) -> str | None:
        """The recipe whose lists readers have now; before anything was live, the newest
        decision's.
        """
        live = [week.champion for week in self.weeks if week.was_live]
        decided = [week.decided for week in self.weeks if week.decided]
        return next(reversed(live or decided), None)

    def count(self, *kinds: str) -> int:
        return sum(sign.kind in kinds for sign in self.signs)

    @property
    def drifted_weeks(self) -> int:
        return len({figure.as_of for figure in self.record.drift if figure.drifted})

    @property
    def total_seconds(self) -> float:
        return math.fsum(self.seconds.values())


def change_sign(flip: Flip) -> Sign:
    """Return the sign of a change of what is live."""
    return Sign(
        flip.as_of,
        flip.cause,
        flip.recipe_key,
        f"to publication {flip.publication_id}. {flip.reason}".strip(),
    )
