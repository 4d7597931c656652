"""Generated releases have MovieLens' layout and sizes, and a world in which movies come out and
users come and go.
"""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from implicit.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix

from stack.datasets import release_events
from stack.datasets.__main__ import main
from stack.datasets.release import RELEASES, generate_release
from stack.datasets.release_world import LEAST
from stack.datasets.text_rows import either, fixed, joined, number, rows_of, text
from stack.datasets.world import YEAR

SMALL = RELEASES["ml-20m"].share(0.002)
DAY = 86_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release")
    generate_release(out, SMALL, seed=3)
    return out


@pytest.fixture(scope="module")
def ratings(folder: Path) -> np.ndarray:
    """Columns: user, movie, rating, timestamp."""
    return np.loadtxt(folder / "ratings.csv", delimiter=",", skiprows=1)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def runs(folder: Path, user_column: str = "userId") -> list[tuple[int, int]]:
    return [(int(row[user_column]), int(row["movieId"])) for row in rows(folder)]


def test_full_sizes_are_those_of_the_publishers_readmes() -> None:
    sizes = {
        name: (full.users, full.movies, full.ratings, full.tags) for name, full in RELEASES.items()
    }
    assert sizes == {
        "ml-20m": (138_493, 27_278, 20_000_263, 465_564),
        "ml-32m": (200_948, 87_585, 32_000_204, 2_000_072),
    }


def test_a_share_is_of_users_and_rows_and_the_square_root_of_movies() -> None:
    quarter = RELEASES["ml-20m"].share(0.25)
    assert (quarter.users, quarter.ratings, quarter.tags) == (34_623, 5_000_066, 116_391)
    assert (quarter.movies, quarter.rated) == (13_639, 13_372)
    for share in (0, 1.5):
        with pytest.raises(ValueError, match="expected more than 0, at most 1"):
            RELEASES["ml-20m"].share(share)


def test_files_have_the_published_layout(folder: Path) -> None:
    headers = {
        "ratings.csv": "userId,movieId,rating,timestamp",
        "movies.csv": "movieId,title,genres",
        "links.csv": "movieId,imdbId,tmdbId",
        "tags.csv": "userId,movieId,tag,timestamp",
    }
    assert {file.name for file in folder.iterdir()} == set(headers)
    for name, header in headers.items():
        content = (folder / name).read_bytes()
        assert content.startswith(header.encode() + b"\r\n")
        assert content.count(b"\n") == content.count(b"\r\n")
        assert content.endswith(b"\r\n")
        assert b"\0" not in content


def test_counts_are_exact(folder: Path, ratings: np.ndarray) -> None:
    _, given = np.unique(ratings[:, 0], return_counts=True)
    assert len(ratings) == SMALL.ratings
    assert len(given) == SMALL.users == ratings[:, 0].max()
    assert given.min() >= LEAST
    assert len(np.unique(ratings[:, 1])) == SMALL.rated
    assert len(rows(folder / "movies.csv")) == len(rows(folder / "links.csv")) == SMALL.movies
    assert len(rows(folder / "tags.csv")) == SMALL.tags


def test_ratings_are_by_user_and_movie_and_nobody_rates_a_movie_twice(folder: Path) -> None:
    pairs = runs(folder / "ratings.csv")
    assert pairs == sorted(set(pairs))


def test_movies_are_by_id_and_cover_all_rated_ones(folder: Path, ratings: np.ndarray) -> None:
    ids = [int(row["movieId"]) for row in rows(folder / "movies.csv")]
    assert ids == sorted(set(ids)) == [int(row["movieId"]) for row in rows(folder / "links.csv")]
    assert set(ratings[:, 1]) <= set(ids)
    assert len({row["imdbId"] for row in rows(folder / "links.csv")}) == len(ids)


def test_tags_are_of_rated_movies_and_each_but_once(folder: Path) -> None:
    rated = {
        (row["userId"], row["movieId"]): int(row["timestamp"])
        for row in rows(folder / "ratings.csv")
    }
    tags = rows(folder / "tags.csv")
    assert all(int(row["timestamp"]) >= rated[row["userId"], row["movieId"]] for row in tags)
    assert len({(row["userId"], row["movieId"], row["tag"]) for row in tags}) == len(tags)
    pairs = runs(folder / "tags.csv")
    assert pairs == sorted(pairs)


def test_ratings_are_half_stars_and_all_ten_occur(ratings: np.ndarray) -> None:
    assert set(ratings[:, 2]) == set(np.arange(0.5, 5.5, 0.5))


def test_users_arrive_over_all_years_and_rate_in_sessions(ratings: np.ndarray) -> None:
    order = np.lexsort((ratings[:, 3], ratings[:, 0]))
    user, when = ratings[order, 0], ratings[order, 3]
    assert when.min() >= SMALL.start
    assert when.max() < SMALL.end
    arrival = when[np.unique(user, return_index=True)[1]]
    assert np.histogram(arrival, 10, (SMALL.start, SMALL.end))[0].min() > 0.05 * SMALL.users
    pause = np.diff(when)[np.diff(user) == 0]
    assert (pause < 300).mean() > 0.9, "a session's ratings follow each other"
    returns = np.unique(user[1:][(np.diff(user) == 0) & (np.diff(when) > DAY)])
    assert 0.3 < len(returns) / SMALL.users < 0.8


def test_no_movie_is_rated_before_it_is_out_and_many_come_out_meanwhile(
    folder: Path, ratings: np.ndarray
) -> None:
    year = {
        int(row["movieId"]): int(row["title"].rpartition("(")[2][:4])
        for row in rows(folder / "movies.csv")
    }
    released = np.array([year[int(movie)] for movie in ratings[:, 1]])
    rated_in = 1970 + ratings[:, 3] / YEAR
    assert (released <= rated_in).all()
    assert np.mean([out >= 1996 for out in year.values()]) > 0.3
    first = {movie: ratings[ratings[:, 1] == movie, 3].min() for movie in np.unique(ratings[:, 1])}
    assert np.corrcoef(list(first), list(first.values()))[0, 1] > 0.3, (
        "movies come to the site over the years"
    )


@pytest.mark.slow
def test_few_movies_have_most_of_the_ratings_and_als_finds_more_than_that(tmp_path: Path) -> None:
    """ALS ranks the movie that was held out of a user's among the first twenty far more often than
    popularity does.
    """
    release = RELEASES["ml-20m"].share(0.02)
    generate_release(tmp_path, release, seed=5)
    rated = np.loadtxt(
        tmp_path / "ratings.csv", delimiter=",", skiprows=1, usecols=(0, 1), dtype=np.int64
    )
    user = rated[:, 0] - 1
    _, movie, seen = np.unique(rated[:, 1], return_inverse=True, return_counts=True)
    assert np.sort(seen)[-len(seen) // 10 :].sum() > 0.5 * len(rated)
    out = np.random.default_rng(0).permutation(len(rated))
    out = out[np.unique(user[out], return_index=True)[1]]  # one row of each user
    kept = np.setdiff1d(np.arange(len(rated)), out)
    matrix = csr_matrix((np.ones(len(kept), np.float32), (user[kept], movie[kept])))
    model = AlternatingLeastSquares(
        factors=32, regularization=48, alpha=4.33, iterations=6, num_threads=1, random_state=1
    )
    model.fit(matrix, show_progress=False)
    recommended, _ = model.recommend(np.arange(release.users), matrix, N=20)
    popularity = np.where(matrix.toarray() > 0, -1, np.asarray(matrix.sum(axis=0)))
    popular = np.argsort(-popularity, axis=1)[:, :20]
    assert hits(recommended, movie[out]) > 1.3 * hits(popular, movie[out])


def hits(lists: np.ndarray, held_out: np.ndarray) -> float:
    """The share of users whose held-out movie is in their list."""
    return float((lists == held_out[:, None]).any(axis=1).mean())


def test_users_differ_in_how_much_they_rate(ratings: np.ndarray) -> None:
    _, given = np.unique(ratings[:, 0], return_counts=True)
    assert given.mean() > 1.2 * np.median(given)


def test_same_seed_same_bytes_other_seed_others(folder: Path, tmp_path: Path) -> None:
    for seed in (3, 4):
        generate_release(tmp_path / str(seed), SMALL, seed)
        for file in folder.iterdir():
            same = file.read_bytes() == (tmp_path / str(seed) / file.name).read_bytes()
            assert same is (seed == 3), f"{file.name}, seed {seed}"


def test_all_promises_hold_over_many_blocks_of_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_events, "ROWS_AT_A_TIME", 1_000)
    written: list[int] = []
    generate_release(tmp_path, SMALL, 3, written.append)
    assert len(written) > 30
    assert sum(written) == SMALL.ratings
    pairs = runs(tmp_path / "ratings.csv")
    assert pairs == sorted(set(pairs))
    assert len({movie for _, movie in pairs}) == SMALL.rated
    assert len(rows(tmp_path / "tags.csv")) == SMALL.tags


@pytest.mark.parametrize("wrong", [{"rated": 500, "movies": 600}, {"users": 10}, {"users": 5_000}])
def test_impossible_sizes_are_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="20 ratings a user to an eighth of the rated movies"):
        generate_release(tmp_path, replace(SMALL, **wrong), 1)


def test_the_command_writes_a_share_of_a_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = [
        "generate",
        "--like",
        "ml-20m",
        "--share",
        "0.002",
        "--seed",
        "3",
        "--out",
        str(tmp_path / "there"),
    ]
    monkeypatch.setattr(sys, "argv", command)
    main()
    assert len(runs(tmp_path / "there" / "ratings.csv")) == SMALL.ratings


def test_rows_of_columns() -> None:
    numbers = number(np.array([0, 7, 10, 4_294_967_295]))
    padded = joined(fixed("tt", 4), number(np.array([0, 7, 10_000_000, 42]), least_digits=7))
    words = text(["", "é", "abc"])[np.array([2, 1, 0, 2])]
    chosen = either(np.array([True, False, True, False]), words, numbers)
    assert rows_of([numbers, padded, words, chosen], "\t", "\n").decode() == (
        "0\ttt0000000\tabc\tabc\n7\ttt0000007\té\t7\n10\ttt10000000\t\t\n4294967295\ttt0000042\t"
        "abc\t4294967295\n"
    )
