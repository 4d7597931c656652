"""A decision as people read it: what each gate said, the verdict, and the question beforehand."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_value, find_row
from recsys.promotion.decision import Decision
from recsys.promotion.ledger import Champion
from recsys.promotion.retire import LiveModel
from recsys.promotion.verdict import Verdict
from recsys.report.exam import exam_page

__all__ = ["Question", "gates_list", "proposal", "verdict"]


@dataclass(frozen=True)
class Question:
    """A new champion that a person may refuse: `fallback` is champion then."""

    decision: Decision
    competitors: Sequence[str]
    fallback: str

    @property
    def key(self) -> str:
        """The recipe that is proposed."""
        return self.decision.champion_key


def verdict(champion: Champion) -> str:
    """Return the decision in one paragraph."""
    return (
        f"Week {champion.as_of}: {champion.outcome}. {' '.join(champion.reasons)} "
        f"Champion: {champion.recipe.key}, version {champion.model.version}."
    )


def gates_list(verdicts: Iterable[Verdict]) -> str:
    """Return what every gate said, recipe by recipe, a line each with its reason."""
    by_recipe: dict[str, list[str]] = defaultdict(list)
    for each in sorted(verdicts, key=lambda each: each.recipe_key):
        answer = "passed" if each.passed else "refused"
        by_recipe[each.recipe_key].append(f"- {each.gate}: {answer}. {each.sentence}")
    parts = [f"{key}:\n\n" + "\n".join(lines) for key, lines in by_recipe.items()]
    return "\n\n".join(parts) or "None was asked."


def proposal(conn: Connection, as_of: date, question: Question) -> str:
    """Return what a person reads before a new champion, in Markdown: what the answer does, why it
    is proposed, its gates, the exam.
    """
    decision = question.decision
    exam = exam_page(conn, as_of, competitors=question.competitors, proposed=question.key)
    shown = [each for each in decision.verdicts if each.recipe_key == question.key]
    parts = [
        answers(conn, as_of, question),
        decision.reasons[-1],
        exam.markdown(),
        gates_list(shown),
        *other_challengers(question),
        all_figures(as_of),
    ]
    return "\n\n".join(parts)


def all_figures(as_of: date) -> str:
    """Return how to see every figure of an exam."""
    return f"All figures: `python -m recsys exam --all --as-of {as_of}`."


def answers(conn: Connection, as_of: date, question: Question) -> str:
    """What each answer does to the champion, and to what readers see."""
    live = find_row(conn, LiveModel, queries("live")["live_model"])
    visible = f"publication {live.publication_id} of week {live.as_of}" if live else "nothing yet"
    moves = fetch_value(conn, bool, queries("live")["moves_readers"], {"as_of": as_of})
    effect = (
        f"Readers now see {visible}; after this run they see the lists of the recipe that is "
        "chosen here."
        if moves
        else f"Neither changes what readers see, {visible}: week {as_of} is past, or was rolled "
        "back. The ledger keeps the decision."
    )
    return (
        f"- **Approve**: {question.key} is the week's champion, and makes its lists.\n"
        f"- **Reject**, or no answer in time: {question.fallback} is, and makes them.\n"
        f"- {effect}"
    )


def other_challengers(question: Question) -> list[str]:
    """A list of the challengers that are not proposed, and by which gates each was refused."""
    refusals: dict[str, list[str]] = {}
    for each in question.decision.verdicts:
        gates = refusals.setdefault(each.recipe_key, [])
        if not each.passed:
            gates.append(each.gate)
    refusals.pop(question.key, None)
    lines = [f"- {key}: {refusal(gates)}" for key, gates in refusals.items()]
    return ["The other challengers:\n\n" + "\n".join(lines)] if lines else []


def refusal(gates: Sequence[str]) -> str:
    return (
        f"refused by {', '.join(gates)}" if gates else "passes every gate too, with a lower score"
    )
