"""Generated IMDb files of any size have IMDb's layout, exact counts, and the MovieLens folder's
movies among their titles.
"""

import csv
import gzip
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from stack.datasets import full_imdb, full_imdb_titles
from stack.datasets.__main__ import main
from stack.datasets.full_imdb import FULL_IMDB, HEADERS, Sizes, generate_full_imdb
from stack.datasets.movielens import generate_movielens

SIZES = Sizes(titles=6_000, principals=48_000, persons=2_500, ratings=400)


@pytest.fixture(scope="module")
def movielens(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("movielens")
    generate_movielens(folder, users=60, movies=120, ratings=2_500, seed=3)
    return folder


@pytest.fixture(scope="module")
def imdb(movielens: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imdb")
    generate_full_imdb(folder, SIZES, movielens, seed=3)
    return folder


def tsv(folder: Path, name: str) -> list[dict[str, str]]:
    header, *lines = (
        gzip.decompress((folder / f"{name}.tsv.gz").read_bytes())
        .decode()
        .removesuffix("\n")
        .split("\n")
    )
    return [dict(zip(header.split("\t"), line.split("\t"), strict=True)) for line in lines]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def linked(movielens: Path) -> set[str]:
    return {f"tt{row['imdbId']}" for row in rows(movielens / "links.csv")}


def test_full_sizes() -> None:
    assert (
        Sizes(titles=11_000_000, principals=90_000_000, persons=14_000_000, ratings=1_500_000)
        == FULL_IMDB
    )
    assert FULL_IMDB.share(0.1) == Sizes(
        titles=1_100_000, principals=9_000_000, persons=1_400_000, ratings=150_000
    )
    with pytest.raises(ValueError, match="expected more than 0, at most 1"):
        FULL_IMDB.share(2)


def test_files_have_the_published_layout_and_exact_counts(imdb: Path) -> None:
    counts = {
        "title.basics": SIZES.titles,
        "title.crew": SIZES.titles,
        "title.principals": SIZES.principals,
    }
    counts |= {"title.ratings": SIZES.ratings, "name.basics": SIZES.persons}
    assert {file.name for file in imdb.iterdir()} == {f"{name}.tsv.gz" for name in HEADERS}
    for name, count in counts.items():
        table = tsv(imdb, name)
        assert len(table) == count, name
        assert " ".join(table[0]) == HEADERS[name]
        assert all(value for row in table for value in row.values()), (
            f"{name}: unknown is \\N, not an empty text"
        )


def test_all_movies_of_the_folder_are_titles_with_their_names_years_and_scores(
    imdb: Path, movielens: Path
) -> None:
    titles = {row["tconst"]: row for row in tsv(imdb, "title.basics")}
    scores = {row["tconst"]: row for row in tsv(imdb, "title.ratings")}
    assert list(titles) == sorted(titles)
    assert len(titles) == SIZES.titles, "each number once"
    assert linked(movielens) <= set(titles) & set(scores)
    given = defaultdict(list)
    for row in rows(movielens / "ratings.csv"):
        given[row["movieId"]].append(float(row["rating"]))
    names = {row["movieId"]: row["title"] for row in rows(movielens / "movies.csv")}
    for link in rows(movielens / "links.csv"):
        title, movie = titles[f"tt{link['imdbId']}"], link["movieId"]
        article_last = title["primaryTitle"].removeprefix("The ") + ", The"
        plain = article_last if title["primaryTitle"].startswith("The ") else title["primaryTitle"]
        assert f"{plain} ({title['startYear']})" == names[movie]
        assert title["titleType"] == "movie"
        if movie in given:
            score = scores[title["tconst"]]
            assert float(score["averageRating"]) == pytest.approx(
                2 * sum(given[movie]) / len(given[movie]), abs=0.051
            )
            assert int(score["numVotes"]) == 100 * len(given[movie])


def test_people_of_a_title_are_numbered_distinct_and_known(imdb: Path) -> None:
    people = {row["nconst"] for row in tsv(imdb, "name.basics")}
    by_title = defaultdict(list)
    for row in tsv(imdb, "title.principals"):
        by_title[row["tconst"]].append(row)
    assert set(by_title) == {row["tconst"] for row in tsv(imdb, "title.basics")}
    for group in by_title.values():
        assert [row["ordering"] for row in group] == [
            str(place) for place in range(1, len(group) + 1)
        ]
        assert len({row["nconst"] for row in group}) == len(group)
        assert {row["nconst"] for row in group} <= people


def test_crew_and_principals_agree(imdb: Path, movielens: Path) -> None:
    people = {
        (row["tconst"], row["category"]): row["nconst"] for row in tsv(imdb, "title.principals")
    }
    for row in tsv(imdb, "title.crew"):
        assert row["directors"] == people.get((row["tconst"], "director"), r"\N")
        assert row["writers"] == (
            people[row["tconst"], "writer"] if row["writers"] != r"\N" else r"\N"
        )
    ours = linked(movielens)
    assert ours <= {title for title, category in people if category == "director"}
    assert ours <= {title for title, category in people if category in ("actor", "actress")}
    assert not ours & {title for title, category in people if category == "self"}


def test_people_of_movielens_movies_keep_to_a_genre(imdb: Path, movielens: Path) -> None:
    genre = {row["tconst"]: row["genres"].split(",")[0] for row in tsv(imdb, "title.basics")}
    ours = linked(movielens)
    seen = defaultdict(Counter)
    for row in tsv(imdb, "title.principals"):
        if row["tconst"] in ours and genre[row["tconst"]] != r"\N":
            seen[row["nconst"]][genre[row["tconst"]]] += 1
    assert max(sum(genres.values()) for genres in seen.values()) > 3, (
        "the same people make several movies"
    )
    assert all(len(genres) == 1 for genres in seen.values())


def test_same_seed_same_bytes_other_seed_others(
    imdb: Path, movielens: Path, tmp_path: Path
) -> None:
    for seed in (3, 4):
        generate_full_imdb(tmp_path / str(seed), SIZES, movielens, seed)
        for file in imdb.glob("title.*"):  # names do not depend on the seed
            same = file.read_bytes() == (tmp_path / str(seed) / file.name).read_bytes()
            assert same is (seed == 3), f"{file.name}, seed {seed}"
        assert (imdb / "name.basics.tsv.gz").read_bytes() == (
            tmp_path / str(seed) / "name.basics.tsv.gz"
        ).read_bytes()


def test_gzip_headers_have_no_name_and_no_time(imdb: Path) -> None:
    for file in imdb.iterdir():
        assert file.read_bytes()[:8] == b"\x1f\x8b\x08" + bytes(5), file.name


def test_counts_hold_over_many_blocks(
    movielens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_imdb_titles, "TITLES_AT_A_TIME", 250)
    monkeypatch.setattr(full_imdb, "PERSONS_AT_A_TIME", 90)
    written: list[int] = []
    generate_full_imdb(tmp_path, SIZES, movielens, 3, written.append)
    assert len(written) > 40
    assert sum(written) == SIZES.principals + SIZES.persons
    assert len(tsv(tmp_path, "title.principals")) == SIZES.principals
    assert len({row["tconst"] for row in tsv(tmp_path, "title.crew")}) == SIZES.titles
    assert linked(movielens) <= {row["tconst"] for row in tsv(tmp_path, "title.ratings")}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ratings": 100}, "expected at least as many titles and ratings"),
        ({"principals": 20_000}, "principals a title"),
        ({"persons": 300}, "persons"),
    ],
)
def test_impossible_sizes_are_refused(
    wrong: dict[str, int], says: str, movielens: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=says):
        generate_full_imdb(tmp_path, replace(SIZES, **wrong), movielens, 1)


def test_the_command_needs_a_movielens_folder(
    movielens: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["generate", "--like", "imdb", "--share", "0.001", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit):
        main()
    assert "--like imdb needs --movielens" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", [*command, "--movielens", str(movielens)])
    main()
    assert len(tsv(tmp_path, "title.principals")) == 90_000
