"""The exam as Postgres splits it, against the same one split in memory."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from recsys.db.arrays import write_arrays
from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.errors import LedgerError
from recsys.evaluation.split import Exam, deciding_users, split_exam
from recsys.exam_data import n_deciding, read_exam, split_of
from recsys.features.interactions import Interactions
from recsys.features.stored_train import StoredTrain
from recsys.features.visible import read_interactions, read_rerated
from recsys.recipe import Recipe
from recsys.week import WeekPlan

AS_OF = date(2026, 11, 16)
N_DROPS = 4
N_USERS, N_MOVIES = 60, 40
#: Of the catalogue: some rated movies are not in it, some in it nobody rated.
MOVIES = np.arange(3, N_MOVIES + 5)
KINDS = {"user_id": "bigint", "movie_id": "bigint", "rated_at": "timestamptz"}
KINDS |= {"drop_id": "bigint", "rating": "real"}


def rate(conn: Connection, seed: int) -> None:
    """Ratings of twelve weeks; each pair once or several times, in any drop:
    rated again, corrected, late.
    """
    rng = np.random.default_rng(seed)
    for number in range(1, N_DROPS + 1):
        conn.execute(
            "INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for) "
            "VALUES ('movielens', %s, 1, %s, '[]', %s)",
            [AS_OF - timedelta(weeks=N_DROPS - number), str(number), AS_OF],
        )
    pairs = rng.choice(N_USERS * N_MOVIES, 900, replace=False)
    pairs = np.concatenate([pairs, rng.choice(pairs, 500)])
    n = len(pairs)
    # few distinct moments and their halves of a second, so that some are those of the cuts
    age = rng.integers(1, 24 * 7 * 12, n) * 3_600 + rng.integers(0, 4, n) / 2
    rows = {
        "user_id": pairs // N_MOVIES + 1,
        "movie_id": pairs % N_MOVIES,
        "rated_at": np.datetime64(AS_OF, "us") - (age * 1e6).astype("timedelta64[us]"),
        "drop_id": rng.integers(1, N_DROPS + 1, n),
        "rating": rng.integers(1, 11, n) / 2,
    }
    keys = np.stack([rows["user_id"], rows["movie_id"], age * 2, rows["drop_id"]], axis=1)
    _, once = np.unique(keys, axis=0, return_index=True)
    write_arrays(
        conn,
        "COPY ratings (user_id, movie_id, rated_at, drop_id, rating) FROM STDIN (FORMAT binary)",
        {name: column[once] for name, column in rows.items()},
        KINDS,
    )
    conn.execute(queries("ingest")["find_rerated"])
    for statement in queries("views").values():
        conn.execute(statement)


def week_of(watermark: int, min_users: int, n_users: int) -> WeekPlan:
    return WeekPlan(
        AS_OF,
        watermark,
        (Recipe.of("popularity"),),
        top_n=10,
        seed=0,
        like_threshold=4.0,
        exam_min_users=min_users,
        min_history=5,
        half_life_days=30.0,
        exam_wanted_users=n_users,
    )


def split_in_memory(conn: Connection, week: WeekPlan) -> Exam:
    """Return the exam of all ratings, read into this process."""
    exam = split_exam(
        read_interactions(conn, week.snapshot, MOVIES),
        min_users=week.exam_min_users,
        wanted_users=week.exam_wanted_users,
        like_threshold=week.like_threshold,
    )
    if not exam.cut:
        return exam
    rerated = read_rerated(conn, replace(week.snapshot, as_of=exam.cut), MOVIES)
    return exam.with_train(exam.train.interactions().adding(rerated))


def rows_of(ratings: Interactions) -> list[list[float]]:
    columns = (ratings.row_user_ids, ratings.row_movie_ids, ratings.ratings, ratings.rated_at)
    return np.column_stack(columns).tolist()


def assert_equal(stored: Exam, loaded: Exam) -> None:
    assert (stored.kind, stored.weeks, stored.cut) == (loaded.kind, loaded.weeks, loaded.cut)
    assert stored.users.tolist() == loaded.users.tolist()
    assert rows_of(stored.held_out) == rows_of(loaded.held_out)
    assert rows_of(stored.histories) == rows_of(loaded.histories)
    assert rows_of(stored.train.interactions()) == rows_of(loaded.train.interactions())
    assert stored.raters.counts.tolist() == loaded.raters.counts.tolist()
    assert stored.raters.n_users == loaded.raters.n_users
    assert stored.train.extent() == loaded.train.extent()
    assert stored.train.fingerprint() == loaded.train.fingerprint()
    assert isinstance(stored.train, StoredTrain)
    assert_equal_when_read_ahead(stored.train)


def assert_equal_when_read_ahead(train: StoredTrain) -> None:
    """What is counted here is what Postgres counts."""
    ahead = replace(train)  # which has counted nothing
    ahead.read_ahead()
    assert (ahead.fingerprint(), ahead.extent()) == (train.fingerprint(), train.extent())
    assert ahead.users(3).tolist() == train.users(3).tolist()
    assert rows_of(ahead.interactions()) == rows_of(train.interactions())


@pytest.mark.parametrize("seed", range(3))
def test_postgres_splits_an_exam_as_memory_does(conn: Connection, seed: int) -> None:
    rate(conn, seed)
    spans: set[int | None] = set()
    for watermark in range(1, N_DROPS + 1):
        for min_users in (1, *range(15, 60, 5), 1_000):
            week = week_of(watermark, min_users, n_users=min_users + 2)
            stored = read_exam(split_of(conn, week, MOVIES))
            loaded = split_in_memory(conn, week)
            assert_equal(stored, loaded)
            spans.add(stored.weeks)
    assert spans == {None, 1, 2, 4, 8}


def test_a_rating_that_is_given_again_after_the_cut_is_back_before_it(conn: Connection) -> None:
    rate(conn, seed=0)
    split = split_of(conn, week_of(N_DROPS, 1, n_users=0), MOVIES)
    held_out = read_exam(split).held_out
    assert 0 < len(held_out) < len(split.candidates())
    assert not split.train.interactions().has(held_out.row_user_ids, held_out.movies).any()


def test_ratings_that_change_after_they_were_counted_are_not_fitted(conn: Connection) -> None:
    rate(conn, seed=1)
    train = split_of(conn, week_of(N_DROPS, 1, n_users=0), MOVIES).train
    assert train.fingerprint()
    gone = train.histories(np.arange(N_USERS)).user_ids[0]
    conn.execute("DELETE FROM ratings WHERE user_id = %s", [int(gone)])
    for statement in queries("views").values():
        conn.execute(statement)
    with pytest.raises(LedgerError, match="run the step again"):
        train.interactions()


def test_users_decide_by_a_rating_before_the_cut_and_a_like_from_its_very_second_on(
    conn: Connection,
) -> None:
    rate(conn, seed=2)
    week = week_of(N_DROPS, 1, n_users=0)
    data = read_interactions(conn, week.snapshot, MOVIES)
    is_like = data.ratings >= week.like_threshold
    seconds = np.unique(data.rated_at[is_like])[::10].tolist()
    cuts = [datetime.fromtimestamp(second, UTC) for second in seconds]
    assert n_deciding(conn, week, data, cuts) == [
        len(deciding_users(data, data.rated_at >= second, is_like)) for second in seconds
    ]
