"""What people are shown of a week: the exam's table, the verdict, one page. Markdown, which a log
and MLflow both take.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from recsys import observed
from recsys.costs import costs_of_run
from recsys.db.connect import Connection, one_row
from recsys.db.queries import queries
from recsys.drift import watch
from recsys.evaluation.metrics import DECIDING, ERRORS, EXPOSURE, LISTS, RANKING
from recsys.promotion.decision import Decision
from recsys.promotion.failed_fits import failed_fits
from recsys.promotion.gates.guardrails import cold_users, new_movies
from recsys.promotion.ledger import Champion, verdicts_of
from recsys.promotion.verdict import Verdict
from recsys.week import WeekPlan

#: Lines of the exam's table: the deciding figure first.
METRICS = (*RANKING, *EXPOSURE, *LISTS, *ERRORS)
#: Slice → users that its figure needs, as the gates ask: of fewer, one user's hit is most of it.
LEAST_USERS = {guardrail.part: guardrail.least for guardrail in (new_movies, cold_users)}


@dataclass(frozen=True)
class ExamPage:
    """An exam in a sentence and a table: a column a recipe, a line a figure."""

    sentence: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]


def exam_table(
    conn: Connection,
    as_of: date,
    *,
    competitors: Collection[str] | None = None,
    proposed: str | None = None,
    metrics: Sequence[str] = METRICS,
) -> str:
    """The exam of a week in Markdown."""
    page = exam(conn, as_of, competitors=competitors, proposed=proposed, metrics=metrics)
    return f"{page.sentence}\n\n{_table(page.header, page.lines)}"


def exam(
    conn: Connection,
    as_of: date,
    *,
    competitors: Collection[str] | None = None,
    proposed: str | None = None,
    metrics: Sequence[str] = METRICS,
) -> ExamPage:
    """The exam of a week, the best recipe first: figures on all users, and the deciding one on each
    slice.

    `competitors` leaves out recipes that other runs of the week examined; `proposed` is marked, as
    the incumbent is.
    """
    held = one_row(conn, queries("exams")["exam"], {"as_of": as_of})
    rows = conn.execute(queries("exams")["results"], {"as_of": as_of}).fetchall()
    rows = [row for row in rows if competitors is None or row.recipe_key in competitors]
    values = {(row.recipe_key, row.slice, row.metric): row.value for row in rows}
    keys = sorted(
        {row.recipe_key for row in rows},
        key=lambda key: (-values.get((key, "all", DECIDING), 0.0), key),
    )
    counted = {row.slice: row.n for row in rows if row.metric == DECIDING}
    figures = [("all", metric, metric) for metric in metrics]
    figures += [
        (name, DECIDING, _slice_label(name, n)) for name, n in counted.items() if name != "all"
    ]
    unmeasured = {name for name, n in counted.items() if n < LEAST_USERS.get(name, 1)}
    lines = [
        [
            label,
            *(_exam_figure(values.get((key, part, metric)), part in unmeasured) for key in keys),
        ]
        for part, metric, label in figures
        if any((key, part, metric) in values for key in keys)
    ]
    suffixes = {held.incumbent: " (incumbent)", proposed: " (proposed)"}
    header = ["", *(f"{key}{suffixes.get(key, '')}" for key in keys)]
    shared = conn.execute(queries("exams")["most_shared"], {"as_of": as_of}).fetchone()
    overlap = (
        f" Of these ratings {shared.share:.0%} were asked in week {shared.earlier}'s exam too."
        if shared
        else ""
    )
    unfitted = "".join(
        f" {key} is not among them, as it cannot be fitted: {reason.rstrip('.')}."
        for key, reason in failed_fits(conn, as_of, "exam").items()
        if competitors is None or key in competitors
    )
    return ExamPage(f"{_exam_sentence(held)}.{overlap}{unfitted}", header, lines)


def _slice_label(name: str, n: int) -> str:
    enough = n >= LEAST_USERS.get(name, 1)
    return f"{DECIDING}, {name} ({n:,} users{'' if enough else ', too few to measure'})"


def _exam_figure(value: float | None, unmeasured: bool) -> str:
    return "–" if value is None or unmeasured else f"{value:.4f}"


def exam_metrics(conn: Connection, as_of: date) -> dict[str, float]:
    """The deciding figure of every recipe, for MLflow's charts over the weeks."""
    rows = conn.execute(queries("exams")["results"], {"as_of": as_of}).fetchall()
    return {
        f"{row.metric} {row.recipe_key}": row.value
        for row in rows
        if (row.slice, row.metric) == ("all", DECIDING)
    }


def verdict(champion: Champion) -> str:
    """The decision in one paragraph."""
    reasons = " ".join(champion.reasons)
    return (
        f"Week {champion.as_of}: {champion.outcome}. {reasons} Champion: {champion.recipe.key}, "
        f"version {champion.model.version}."
    )


def gates_table(verdicts: Sequence[Verdict]) -> str:
    """What every gate said of every challenger: a line each, with its reason."""
    lines = [
        [
            verdict.recipe_key,
            verdict.gate,
            "passed" if verdict.passed else "refused",
            verdict.sentence,
        ]
        for verdict in sorted(verdicts, key=lambda verdict: verdict.recipe_key)
    ]
    return _table(["recipe", "gate", "answer", "why"], lines)


def proposal(
    conn: Connection,
    week: WeekPlan,
    decision: Decision,
    competitors: Collection[str],
    fallback: str,
) -> str:
    """What a person reads before a new champion: what the answer does, why it is proposed, its
    gates, the exam, in Markdown.
    """
    shown = [
        verdict for verdict in decision.verdicts if verdict.recipe_key == decision.champion_key
    ]
    table = exam_table(
        conn,
        week.as_of,
        competitors=competitors,
        proposed=decision.champion_key,
        metrics=(*RANKING, *EXPOSURE),
    )
    parts = [
        _answers(conn, week, decision.champion_key, fallback),
        decision.reasons[-1],
        table,
        gates_table(shown),
    ]
    parts += [
        *_other_challengers(decision),
        f"All figures: `python -m recsys exam --as-of {week.as_of}`.",
    ]
    return "\n\n".join(parts)


def _answers(conn: Connection, week: WeekPlan, proposed: str, fallback: str) -> str:
    """What each answer does to the champion, and to what readers see."""
    live = conn.execute(queries("live")["now"]).fetchone()
    visible = f"publication {live.publication_id} of week {live.as_of}" if live else "nothing yet"
    moves = one_row(conn, queries("live")["moves_readers"], {"as_of": week.as_of}).moves
    if moves:
        effect = (
            f"Readers now see {visible}; after this run they see the lists of the recipe that is "
            "chosen here."
        )
    else:
        effect = (
            f"Neither changes what readers see, {visible}: week {week.as_of} is past, or was "
            "rolled back. "
            "The ledger keeps the decision."
        )
    lines = [
        f"- **Approve**: {proposed} is the week's champion, and makes its lists.",
        f"- **Reject**, or no answer in time: {fallback} is, and makes them.",
    ]
    return "\n".join([*lines, f"- {effect}"])


def _other_challengers(decision: Decision) -> list[str]:
    """A line on each challenger that is not proposed: by which gates it was refused."""
    refusals: dict[str, list[str]] = {}
    for verdict in decision.verdicts:
        gates = refusals.setdefault(verdict.recipe_key, [])
        if not verdict.passed:
            gates.append(verdict.gate)
    refusals.pop(decision.champion_key, None)
    lines = []
    for key, gates in refusals.items():
        answer = (
            f"refused by {', '.join(gates)}"
            if gates
            else ("passes every gate too, with a lower score")
        )
        lines.append(f"- {key}: {answer}")
    return ["The other challengers:\n\n" + "\n".join(lines)] if lines else []


def observed_table(conn: Connection, week: WeekPlan) -> str:
    """How the lists of the week before did, in Markdown; why they were not judged, or nothing where
    there were none.
    """
    rows = observed.recorded(conn, week.as_of)
    if not rows:
        return observed.unjudged(conn, week)
    lists: dict[tuple[int, str, str], dict[str, Any]] = {}
    for row in rows:
        lists.setdefault((row.publication_id, row.arm, row.source), {})[row.metric] = row
    lines = [
        [
            _whose(row),
            str(row.publication_id),
            row.recipe_key,
            f"{row.n:,}",
            *(_between(figures[name]) for name in observed.METRICS),
        ]
        for figures in lists.values()
        for row in [figures[observed.METRICS[0]]]
    ]
    header = ["lists", "publication", "recipe", "users", *observed.METRICS]
    until = f"from {rows[0].since} until {week.as_of}"
    return (
        f"By what users rated {until} for the first time, and liked; with 95% "
        f"intervals.\n\n{_table(header, lines)}"
    )


def observed_metrics(conn: Connection, week: WeekPlan) -> dict[str, float]:
    """What `week` found of the lists before it, for MLflow's charts: of what readers saw, and by
    source, recipe and arm.
    """
    found: dict[str, float] = {}
    for row in observed.recorded(conn, week.as_of):
        parts = [part for part in (row.arm, row.source) if part != observed.ALL]
        if not parts:
            found[f"observed {row.metric} {row.recipe_key}"] = row.value
        if not row.is_shadow:
            found[" ".join([f"observed {row.metric}", *parts])] = row.value
        elif row.arm == observed.DIFFERENCE:
            found[f"observed {row.metric} {row.arm}"] = row.value
    return found


def counts_line(counts: Mapping[str, Mapping[str, int]]) -> str:
    """What a drop brought: rows read, set aside and new."""
    parts = []
    for word in ("read", "rejected", "new"):
        named = ", ".join(f"{name} {n:,}" for name, n in counts.get(word, {}).items())
        parts.append(f"{word}: {named or 'none'}")
    return "; ".join(parts)


def week_page(
    conn: Connection, week: WeekPlan, champion: Champion, publication_id: int, notes: Sequence[str]
) -> str:
    """What came in, what was set aside, the exam, the gates, the verdict, what was published, what
    each step cost.
    """
    parts = [
        f"# Week {week.as_of}",
        *(f"> {note}" for note in notes),
        *_sight(conn, week),
        "## What came in",
        *_drops(conn, week),
    ]
    parts += ["## How the last lists did", observed_table(conn, week) or "There were none."]
    parts += ["## The exam", exam_table(conn, week.as_of)]
    parts += ["## Drift", _drift(conn, week)]
    parts += [
        "## The gates",
        gates_table(verdicts_of(conn, champion.promotion_id)),
        "## The verdict",
        verdict(champion),
        "## What was published",
        *_publication(conn, publication_id),
        "## What it cost",
        *_costs(conn, publication_id),
    ]
    return "\n\n".join(parts) + "\n"


def _whose(row: Any) -> str:
    """Which lists a line of observed hits is about."""
    if row.arm == observed.DIFFERENCE:
        return "challenger less champion"
    part = row.source if row.arm == observed.ALL else f"{row.arm}'s arm"
    return f"in the shadow, {part}" if row.is_shadow else part


def _between(row: Any) -> str:
    if row.n < observed.LEAST_USERS:
        return f"{row.value:.4f} (too few users for an interval)"
    return f"{row.value:.4f} ({row.low:.4f} to {row.high:.4f})"


def _drift(conn: Connection, week: WeekPlan) -> str:
    """What drifted, then what did not, then what could not be judged."""
    told = {True: "**drifted**", False: "as before", None: "not judged"}
    found = sorted(watch.recorded(conn, week), key=lambda row: list(told).index(row.drifted))
    return "\n".join(f"- {told[row.drifted]}: {row.sentence}" for row in found) or "Not watched."


def _sight(conn: Connection, week: WeekPlan) -> list[str]:
    facts = one_row(conn, queries("report")["facts"], week.snapshot.params)
    movies = one_row(conn, queries("report")["movies"], week.snapshot.params)
    lines = [
        f"The run saw {facts.n_ratings:,} ratings of {facts.n_users:,} users and "
        f"{movies.n_movies:,} movies, "
        f"{movies.n_with_imdb:,} of them with IMDb content; newest rating "
        f"{facts.newest:%Y-%m-%d %H:%M} UTC; "
        f"watermark: drop {week.watermark}."
    ]
    if week.resolved_late:
        lines.append(
            "This week ran for the first time after later ones: it took the watermark of "
            "that day, not of its own."
        )
    return lines


def _drops(conn: Connection, week: WeekPlan) -> list[str]:
    drops = conn.execute(queries("drops")["drops_of_week"], week.snapshot.params).fetchall()
    lines = [
        f"- {drop.source} {drop.drop_date}, revision {drop.revision}: {drop.state}; {_told(drop)}"
        for drop in drops
    ]
    rejected = conn.execute(queries("drops")["rejected_sample"], week.snapshot.params).fetchall()
    parts = ["\n".join(lines) or "Nothing new."]
    if rejected:
        parts += [
            "Set aside, the first of them:",
            "\n".join(
                f"- {row.source} {row.drop_date} {row.file} line {row.line:,}: {row.reason}"
                for row in rejected
            ),
        ]
    return parts


def _told(drop: Any) -> str:
    return drop.reason or counts_line(drop.counts or {})


def _publication(conn: Connection, publication_id: int) -> list[str]:
    made = one_row(conn, queries("report")["publication"], {"publication_id": publication_id})
    top = conn.execute(
        queries("report")["most_recommended"], {"publication_id": made.publication_id}
    ).fetchall()
    state = "went live" if made.first_live_at else "has not been live"
    return [
        f"Publication {made.publication_id} ({state}): {made.n_rows:,} rows for {made.n_users:,} "
        "users, "
        f"{made.n_fallback:,} from the fallback; made by {made.recipe_key}, version "
        f"{made.model_version}; "
        f"sha256 of its rows {made.rows_sha256}.",
        "In most lists: " + ", ".join(f"{row.title} ({row.n_lists:,})" for row in top) + ".",
    ]


def _costs(conn: Connection, publication_id: int) -> list[str]:
    """What the steps of the run that made the publication cost: it stays so however often the week
    is run again.

    The report's own step is left out: it ends after the page is written.
    """
    made = one_row(conn, queries("report")["publication"], {"publication_id": publication_id})
    costs = [
        cost for cost in costs_of_run(conn, made.as_of, made.run_id) if cost.step != "report_week"
    ]
    if not costs:
        return ["Not measured."]
    seconds, peak = sum(cost.seconds for cost in costs), max(cost.peak_bytes or 0 for cost in costs)
    lines = [_cost_line(cost, seconds) for cost in costs]
    lines.append(
        ["in all, and the largest peak", f"{seconds:,.1f} s", "100.0%", _mebibytes(peak), "", ""]
    )
    return [
        f"The steps of the run that made this publication ({made.run_id}), each as it was first "
        "got through. "
        "Memory is the most that the step's process had resident; a step that found its work done "
        "has no rows.",
        _table(["step", "time", "share", "peak memory", "rows", "rows/s"], lines),
    ]


def _cost_line(cost: Any, whole: float) -> list[str]:
    speed = f"{cost.n_rows / cost.seconds:,.0f}" if cost.n_rows else "–"
    n_rows = "–" if cost.n_rows is None else f"{cost.n_rows:,}"
    name, share = f"{cost.step} {cost.part}".rstrip(), f"{cost.seconds / whole:.1%}"
    return [name, f"{cost.seconds:,.1f} s", share, _mebibytes(cost.peak_bytes), n_rows, speed]


def _mebibytes(n_bytes: int | None) -> str:
    return f"{n_bytes / 2**20:,.0f} MiB" if n_bytes else "–"


def _exam_sentence(exam: Any) -> str:
    if exam.kind == "dated":
        since = f"{exam.cut:%Y-%m-%d %H:%M} UTC"
        return (
            f"All ratings from {since} on ({exam.weeks} weeks, {exam.n_ratings:,} ratings), "
            f"decided by {exam.n_users:,} users"
        )
    return (
        f"Leave-newest-out: each user's newest ratings ({exam.n_ratings:,}), decided by "
        f"{exam.n_users:,} users. Too few users rated lately for a dated exam, so models peek at "
        "other users' futures"
    )


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    widths = [max(len(line[place]) for line in (header, *lines)) for place in range(len(header))]
    rows = [header, ["-" * width for width in widths], *lines]
    return ("\n").join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )
