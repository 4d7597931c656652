"""Publications, rollbacks and withdrawals while lists are read, and whether every answer was
right.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bench.serving.load import Answer
from bench.serving.world import World
from recsys.db.connect import connect
from recsys.removal.withdrawal import withdraw_movie
from recsys.run import run_step

N_CHANGES = 10
PAUSE = 1.0


@dataclass
class Changes:
    """What was changed; `withdrawn_at` says for each movie from when on nobody may see it."""

    withdrawn_at: dict[int, float] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)


def make_changes(world: World) -> Changes:
    """Publish three later weeks, roll back and forward, and withdraw what is recommended most: ten
    changes of what is live.
    """
    changes = Changes()
    acts: list[tuple[str, Callable[[], None]]] = [
        ("publish", lambda: world.publish(1)),
        ("withdraw", lambda: withdraw_most_recommended(world, changes)),
        ("roll back", lambda: roll_back(world, "first")),
        ("roll forward", lambda: roll_back(world, "last")),
        ("publish", lambda: world.publish(2)),
        ("withdraw", lambda: withdraw_most_recommended(world, changes)),
        ("roll back", lambda: roll_back(world, "first")),
        ("withdraw", lambda: withdraw_most_recommended(world, changes)),
        ("roll forward", lambda: roll_back(world, "last")),
        ("publish", lambda: world.publish(3)),
    ]
    for name, act in acts:
        time.sleep(PAUSE)
        act()
        changes.names.append(name)
    time.sleep(PAUSE)
    return changes


def withdraw_most_recommended(world: World, changes: Changes) -> None:
    """Withdraw the movie that is in most lists, at once."""
    with connect(world.settings) as conn:
        rows = conn.execute(
            "SELECT movie_id FROM recommendations GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        ).fetchall()
    movie_id = rows[0].movie_id
    withdraw_movie(world.settings, movie_id, "bench", now=True)
    changes.withdrawn_at[movie_id] = time.time()


def roll_back(world: World, which: str) -> None:
    """Make the oldest or the newest publication live that may be."""
    with connect(world.settings) as conn:
        rows = conn.execute(
            "SELECT publication_id FROM publications "
            "WHERE NOT is_live AND dropped_at IS NULL AND NOT is_shadow ORDER BY 1"
        ).fetchall()
    publication_id = rows[0 if which == "first" else -1].publication_id
    run_step(
        world.settings,
        "rollback_publication",
        publication_id=publication_id,
        reason="bench",
        requested_by="bench",
    )


@dataclass
class Faults:
    """How many answers were wrong, by what was wrong with them."""

    torn: int = 0
    withdrawn: int = 0
    examples: list[str] = field(default_factory=list)  # the first torn lists, beside the right ones


def faults_of(world: World, answers: Sequence[Answer], changes: Changes, n: int) -> Faults:
    """Hold each answer, of n movies, against the publication that it names."""
    return wrong_answers(answers, lists_of(world, answers), changes, n)


def wrong_answers(
    answers: Sequence[Answer],
    lists: Mapping[tuple[int, int], Sequence[int]],
    changes: Changes,
    n: int,
) -> Faults:
    """Return how many answers are wrong. Right is the publication's own list of the user, less
    movies that were withdrawn meanwhile, in its order.
    """
    faults = Faults()
    for answer in answers:
        movies = [item["movie_id"] for item in answer.body["items"]]
        gone = changes.withdrawn_at.keys() - set(movies)
        whole = lists[answer.body["publication"], answer.user_id]
        expected = [movie for movie in whole if movie not in gone]
        if movies != expected[:n]:
            faults.torn += 1
            faults.examples.append(f"{answer.body}; expected {expected[:n]}")
        after = [changes.withdrawn_at.get(movie, math.inf) for movie in movies]
        faults.withdrawn += any(answer.began_at > moment for moment in after)
    return faults


def lists_of(world: World, answers: Sequence[Answer]) -> dict[tuple[int, int], list[int]]:
    """Return the whole lists of the users asked for, by publication and user."""
    users = sorted({answer.user_id for answer in answers})
    with connect(world.settings) as conn:
        rows = conn.execute(
            "SELECT publication_id, user_id, movie_ids "
            "FROM published_lists WHERE user_id = ANY (%s)",
            [users],
        ).fetchall()
    return {(row.publication_id, row.user_id): row.movie_ids for row in rows}
