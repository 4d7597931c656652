"""The made world keeps the promises that the demo and the tests rely on."""

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import END, START, generate_movielens

HEADERS = {
    "ratings.csv": "userId,movieId,rating,timestamp",
    "movies.csv": "movieId,title,genres",
    "links.csv": "movieId,imdbId,tmdbId",
    "tags.csv": "userId,movieId,tag,timestamp",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    generate_movielens(folder / "movielens", users=60, movies=120, ratings=2_500, seed=3)
    generate_imdb(folder / "imdb", folder / "movielens", seed=3)
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def tsv(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


def ratings(folder: Path) -> np.ndarray:
    return np.loadtxt(folder / "movielens" / "ratings.csv", delimiter=",", skiprows=1)


def test_files_have_the_published_layout(world: Path) -> None:
    for name, header in HEADERS.items():
        assert (world / "movielens" / name).read_bytes().startswith(header.encode() + b"\r\n")


def test_sizes_are_those_asked_for_and_nobody_rates_a_movie_twice(world: Path) -> None:
    rated = ratings(world)
    assert len(rated) == 2_500
    assert len(np.unique(rated[:, 0])) == 60
    assert len(np.unique(rated[:, :2], axis=0)) == 2_500
    assert len(rows(world / "movielens" / "movies.csv")) == 120


def test_ratings_are_half_stars_in_time(world: Path) -> None:
    rated = ratings(world)
    assert set(rated[:, 2]) <= set(np.arange(0.5, 5.5, 0.5))
    assert rated[:, 3].min() >= START
    assert rated[:, 3].max() < END


def test_every_rated_movie_is_known_and_titles_are_unique(world: Path) -> None:
    movies = rows(world / "movielens" / "movies.csv")
    assert {int(movie) for movie in ratings(world)[:, 1]} <= {int(row["movieId"]) for row in movies}
    assert len({row["title"] for row in movies}) == len(movies)


def test_same_seed_same_bytes_other_seed_others(world: Path, tmp_path: Path) -> None:
    for seed in (3, 4):
        folder = tmp_path / str(seed)
        generate_movielens(folder / "movielens", users=60, movies=120, ratings=2_500, seed=seed)
        generate_imdb(folder / "imdb", folder / "movielens", seed=seed)
        for file in sorted(world.rglob("*.*sv*")):
            same = file.read_bytes() == (folder / file.relative_to(world)).read_bytes()
            assert same is (seed == 3), f"{file.name}, seed {seed}"


def test_popularity_has_a_long_tail_and_taste_shows_in_genres(tmp_path: Path) -> None:
    generate_movielens(tmp_path / "movielens", users=300, movies=1_000, ratings=20_000, seed=5)
    rated = ratings(tmp_path)
    _, counts = np.unique(rated[:, 1], return_counts=True)
    assert np.sort(counts)[-100:].sum() > 0.35 * len(rated)
    genre = {
        int(row["movieId"]): row["genres"].split("|")[0]
        for row in rows(tmp_path / "movielens" / "movies.csv")
    }
    assert own_genre_share(rated, genre) > 1.1 * own_genre_share(shuffled(rated), genre)


def own_genre_share(rated: np.ndarray, genre: dict[int, str]) -> float:
    """Over users: the share of their ratings that goes to their own favourite genre."""
    shares = []
    for user in np.unique(rated[:, 0]):
        _, counts = np.unique(
            [genre[int(movie)] for movie in rated[rated[:, 0] == user, 1]], return_counts=True
        )
        shares.append(counts.max() / counts.sum())
    return float(np.mean(shares))


def shuffled(rated: np.ndarray) -> np.ndarray:
    mixed = rated.copy()
    mixed[:, 1] = np.random.default_rng(0).permutation(mixed[:, 1])
    return mixed


def test_impossible_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 5 a user to half of all movies"):
        generate_movielens(tmp_path, users=10, movies=20, ratings=101, seed=1)


def test_imdb_files_join_with_links_and_each_other(world: Path) -> None:
    basics = tsv(world / "imdb" / "title.basics.tsv.gz")
    header = [
        "tconst",
        "titleType",
        "primaryTitle",
        "originalTitle",
        "isAdult",
        "startYear",
        "endYear",
        "runtimeMinutes",
        "genres",
    ]
    assert basics[0] == header
    in_movielens = {f"tt{row['imdbId']}" for row in rows(world / "movielens" / "links.csv")}
    titles = {row[0] for row in basics[1:]}
    assert 0.85 < len(titles & in_movielens) / len(in_movielens) < 1
    assert titles - in_movielens, "IMDb knows movies that MovieLens does not"
    people = {row[0] for row in tsv(world / "imdb" / "name.basics.tsv.gz")[1:]}
    principals = tsv(world / "imdb" / "title.principals.tsv.gz")[1:]
    assert {row[0] for row in principals} == titles
    assert {row[2] for row in principals} == people
    assert {row[0] for row in tsv(world / "imdb" / "title.crew.tsv.gz")[1:]} == titles
    assert all(0 < float(row[1]) <= 10 for row in tsv(world / "imdb" / "title.ratings.tsv.gz")[1:])


def test_imdb_writes_the_article_first(world: Path) -> None:
    articles = [
        row["title"]
        for row in rows(world / "movielens" / "movies.csv")
        if ", The (" in row["title"]
    ]
    names = {row[2] for row in tsv(world / "imdb" / "title.basics.tsv.gz")}
    assert articles
    assert not any(", The" in name for name in names)
    assert any(name.startswith("The ") for name in names)
