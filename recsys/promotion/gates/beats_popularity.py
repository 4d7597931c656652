"""Gate (b): surely better than a mere list of what is popular."""

from recsys.promotion.contest import Contest
from recsys.promotion.gates.beats_champion import beats
from recsys.promotion.verdict import Answer


def beats_popularity(contest: Contest, challenger: str) -> Answer:
    """As against the champion. Popularity itself, which may depose a champion that now loses to it,
    has nothing to beat.
    """
    if challenger == contest.popularity:
        return Answer(True, None, None, "It is popularity itself.")
    return beats(
        contest,
        challenger,
        contest.popularity,
        "popularity",
        contest.against_popularity.get(challenger),
    )
