"""The mutants are always the same, and what is wrong with a drop's end is seen."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bench.mutants.__main__ import main, report
from bench.mutants.changes import CHANGES
from bench.mutants.draft import Draft
from bench.mutants.independent import Verdict, judge_movielens
from bench.mutants.independent_archives import open_stored
from bench.mutants.independent_imdb import judge_imdb
from bench.mutants.mutant import Mutant, make_mutant
from bench.mutants.packing import BAD_PACKINGS, GOOD_PACKINGS, damage, gzipped, zipped
from bench.mutants.releases import LAYOUTS, Release, generated_releases, release_in
from bench.mutants.verdicts import Outcome, outcome_of
from bench.mutants.worker import Observed

T = 1_577_836_800
CSV = {
    "movies.csv": b'movieId,title,genres\n1,Toy Story (1995),Drama | Comedy\n2,"Say ""Hi"", The '
    b'(1994)",(no genres listed)\n',
    "links.csv": b"movieId,imdbId,tmdbId\n1,0114709,862\n2,,\n",
    "ratings.csv": f"userId,movieId,rating,timestamp\n7,1,4.5,{T}\n7,2,.5,{T}\n".encode(),
    "tags.csv": f'userId,movieId,tag,timestamp\n7,1,"pixar, ""great""",{T}\n'.encode(),
}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Release]:
    return generated_releases(tmp_path_factory.mktemp("world"))


# ---------------------------------------- the independent parser, on what was worked out by hand


def test_the_independent_parser_reads_csv() -> None:
    verdict = judge_movielens(CSV)
    assert not verdict.refused and not verdict.rejects
    assert verdict.read == {"movies.csv": 2, "links.csv": 2, "ratings.csv": 2, "tags.csv": 1}
    assert verdict.facts == {
        "movies": Counter(
            {
                (1, "Toy Story (1995)", 1995, ("Drama", "Comedy")): 1,
                (2, 'Say "Hi", The (1994)', 1994, ()): 1,
            }
        ),
        "links": Counter({(1, 114709, 862): 1, (2, None, None): 1}),
        "ratings": Counter({(7, 1, 4.5, T): 1, (7, 2, 0.5, T): 1}),
        "tags": Counter({(7, 1, 'pixar, "great"', T): 1}),
    }


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("ratings.csv", f"7,1,4,{T}000"),
        ("ratings.csv", f"7,1,6,{T}"),
        ("ratings.csv", f"-7,1,4,{T}"),
        ("ratings.csv", f"7,3,4,{T}"),
        ("ratings.csv", f"007,1,4.50,{T}"),
        ("ratings.csv", f"7,1,4,{T},more"),
        ("tags.csv", f'7,1,"pixar, ""great""",{T}'),
        ("tags.csv", f'7,1,"a" b,{T}'),
        ("tags.csv", f'7,1,"a,{T}'),
        ("tags.csv", f"7,1,a\0,{T}"),
        ("movies.csv", "1,Again (1995),Drama"),
        ("movies.csv", '3,"Two\nlines",Drama'),
        ("links.csv", "3,nm1,"),
    ],
)
def test_the_independent_parser_sets_a_bad_row_aside(file: str, row: str) -> None:
    text = CSV[file]
    verdict = judge_movielens(CSV | {file: text + row.encode() + b"\n"}, max_bad_share=0.9)
    assert set(verdict.rejects) == {(file, text.count(b"\n") + 1)}
    assert verdict.facts == judge_movielens(CSV).facts


def test_the_independent_parser_refuses_too_many_bad_rows_and_missing_columns() -> None:
    assert set(judge_movielens(CSV | {"ratings.csv": CSV["ratings.csv"] + b"x\n"}).refused) == {
        "ratings.csv"
    }
    assert set(judge_movielens(CSV | {"links.csv": b"movieId\n1\n"}).refused) == {"links.csv"}
    assert judge_movielens({"README.txt": b""}).refused


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_the_independent_parser_tells_encodings_apart(encoding: str) -> None:
    files = {
        "movies.dat": "1::Cité perdue, La (1995)::Drama\n".encode(encoding),
        "ratings.dat": f"7::1::5::{T}\n".encode(),
        "users.dat": b"7::F::1::10::48067\n",
    }
    verdict = judge_movielens(files)
    assert set(verdict.facts["movies"]) == {(1, "Cité perdue, La (1995)", 1995, ("Drama",))}
    assert set(verdict.facts["users"]) == {(7, "F", 1, "10", "48067")}


def test_the_independent_parser_reads_ml_100k() -> None:
    flags = "|".join("1" if place in (1, 4) else "0" for place in range(19))
    files = {
        "u.data": f"7\t1\t5\t{T}\n".encode(),
        "u.item": f"1|Caf\xe9 (1995)|01-Jan-1995||http://x|{flags}\n".encode("latin-1"),
    }
    verdict = judge_movielens(files)
    assert set(verdict.facts["movies"]) == {(1, "Café (1995)", 1995, ("Action", "Children's"))}


def test_the_independent_parser_reads_imdb() -> None:
    files = {
        "title.basics.tsv": b"tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\t"
        b"endYear\truntimeMinutes"
        b"\tgenres\ntt0114709\tmovie\tToy Story\tToy Story\t0\t1995\t\\N\t81\tComedy,Drama\n"
        b"tt9\tmovie\t\xff\tX\t0\tx\t\\N\t\\N\t\\N\n",
        "title.ratings.tsv": b"tconst\taverageRating\tnumVotes\ntt0114709\t8.3\t1000\n",
        "title.crew.tsv": b"tconst\tdirectors\twriters\ntt0114709\tnm0005124\t\\N\n",
        "title.principals.tsv": b"tconst\tordering\tnconst\tcategory\tjob\tcharacters\n"
        b"tt0114709\t2\tnm0000741\tactor\t\\N\t\\N\ntt0114709\t1\tnm0000158\tactor\t\\N\t\\N\n",
        "name.basics.tsv": b"nconst\tprimaryName\tbirthYear\tdeathYear\nnm0000158\tTom "
        b"Hanks\t1956\t\\N\nnm1\tNobody\tx\tx\n",
    }
    verdict = judge_imdb(files, {1: 114709})
    assert not verdict.refused and not verdict.rejects
    assert set(verdict.facts["imdb_titles"]) == {
        (1, 114709, "movie", "Toy Story", 1995, 81, ("Comedy", "Drama"), 8.3, 1000)
    }
    assert set(verdict.facts["persons"]) == {(158, "Tom Hanks", 1956, None)}
    assert set(verdict.facts["movie_persons"]) == {
        (1, "director", 1, 5124),
        (1, "actor", 1, 158),
        (1, "actor", 2, 741),
    }


# ---------------------------------------------------------------- mutants


FACTS = {
    "csv": {"movies", "links", "ratings", "tags"},
    "ml-1m": {"movies", "users", "ratings"},
    "ml-10m": {"movies", "ratings", "tags"},
    "ml-100k": {"movies", "users", "ratings"},
    "imdb": {"imdb_titles", "movie_persons", "persons"},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_release_without_a_change_has_no_bad_row(
    releases: dict[str, Release], layout: str
) -> None:
    if layout == "imdb":
        links = judge_movielens(releases["csv"].files).facts["links"]
        verdict = judge_imdb(releases["imdb"].files, {movie: imdb for movie, imdb, _ in links})
    else:
        verdict = judge_movielens(releases[layout].files)
    assert not verdict.refused and not verdict.rejects
    assert {name for name, facts in verdict.facts.items() if facts} >= FACTS[layout]


def test_a_number_and_a_seed_give_always_the_same_mutant(releases: dict[str, Release]) -> None:
    assert [make_mutant(number, 7, releases) for number in range(20)] == [
        make_mutant(number, 7, releases) for number in range(20)
    ]
    assert make_mutant(3, 7, releases).stored != make_mutant(3, 8, releases).stored


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_change_can_be_made_to_every_layout_and_after_any_other(
    releases: dict[str, Release], layout: str
) -> None:
    small = Release(
        layout,
        {
            name: b"".join(data.splitlines(True)[:30])
            for name, data in releases[layout].files.items()
        },
    )
    dice = random.Random(5)
    for change in CHANGES:
        draft = Draft(small, dice)
        for each in (change, dice.choice(CHANGES), change):
            if draft.files:
                each(draft)
        assert draft.notes
    for packing in (*GOOD_PACKINGS, *BAD_PACKINGS):
        stored, how = packing(small.files, dice)
        assert stored and how


@pytest.mark.parametrize("packing", GOOD_PACKINGS)
def test_a_good_packing_holds_the_same_files(releases: dict[str, Release], packing) -> None:
    files = releases["ml-1m"].files
    stored, _ = packing(files, random.Random(1))
    assert open_stored(stored).data == files


def test_damage_changes_an_archive() -> None:
    stored = {"release.zip": zipped(CSV, "deflate"), "more.csv.gz": gzipped(b"a\n" * 100)}
    for number in range(30):
        damaged = dict(stored)
        assert damage(damaged, random.Random(number))
        assert damaged != stored


def test_a_real_release_is_recognised_by_its_files(
    tmp_path: Path, releases: dict[str, Release]
) -> None:
    for layout in ("csv", "ml-1m", "ml-10m", "ml-100k"):
        folder = tmp_path / layout
        folder.mkdir()
        for name, data in releases[layout].files.items():
            (folder / name).write_bytes(data)
        assert release_in(folder) == releases[layout]
    with pytest.raises(ValueError, match="no MovieLens release"):
        release_in(tmp_path)


# ---------------------------------------------------------------- how a mutant ended

MUTANT = Mutant(3, "csv", "movielens", {"ratings.csv": b""}, ("changed",), damaged=False)
REFUSED = Verdict(refused={"ratings.csv": "2 of 10 rows are bad; the first is line 5"})
AGREED = Verdict(
    facts={"ratings": Counter({(7, 1, 4.5, T): 1})},
    rejects={("tags.csv", 2): "empty"},
    read={"ratings.csv": 1},
)
OBSERVED = Observed(
    "ingested",
    facts=AGREED.facts,
    rejects={("tags.csv", 2): ("empty", "x")},
    read={"ratings.csv": 1},
)
MESSAGE = (
    "2 of 10 rows of ratings.csv are bad; the first is line 5: no number (movielens drop of "
    "2020-01-06 in /tmp/drops)"
)


def test_what_agrees_is_good() -> None:
    assert outcome_of(MUTANT, AGREED, OBSERVED).is_good
    assert outcome_of(MUTANT, REFUSED, Observed("refused", error=MESSAGE)).is_good


@pytest.mark.parametrize(
    ("verdict", "observed", "kind"),
    [
        (AGREED, None, "stopped"),
        (AGREED, replace(OBSERVED, crash="Traceback …"), "traceback"),
        (AGREED, replace(OBSERVED, printed="Exception ignored"), "printed"),
        (
            AGREED,
            replace(OBSERVED, facts={"ratings": Counter({(7, 1, 4.0, T): 1})}),
            "ratings differ",
        ),
        (AGREED, replace(OBSERVED, facts={"movies": Counter({(7,): 1})}), "movies differ"),
        (AGREED, replace(OBSERVED, facts={}), "ratings differ"),
        (AGREED, replace(OBSERVED, rejects={}), "rejects differ"),
        (AGREED, replace(OBSERVED, rejects={("tags.csv", 3): ("empty", "x")}), "rejects differ"),
        (AGREED, replace(OBSERVED, rejects={("tags.csv", 2): ("", "x")}), "no reason"),
        (AGREED, replace(OBSERVED, read={"ratings.csv": 2}), "counts differ"),
        (AGREED, Observed("refused", error=MESSAGE), "should be taken in"),
        (REFUSED, OBSERVED, "should be refused"),
        (REFUSED, replace(OBSERVED, state="refused", error=MESSAGE), "with facts"),
        (REFUSED, Observed("known", error=MESSAGE), "neither"),
        (REFUSED, Observed("refused", error=""), "neither"),
        (
            REFUSED,
            Observed("refused", error=MESSAGE.replace("ratings.csv", "a file")),
            "file's name",
        ),
        (
            REFUSED,
            Observed("refused", error=MESSAGE.replace("line 5", "line 6")),
            "without the line",
        ),
        (REFUSED, Observed("refused", error=MESSAGE + "\x1f\x8b"), "unreadable"),
    ],
)
def test_what_does_not_agree_is_seen(
    verdict: Verdict, observed: Observed | None, kind: str
) -> None:
    outcome = outcome_of(MUTANT, verdict, observed)
    assert kind in outcome.kind and not outcome.is_good


def test_the_report_says_how_to_see_a_bad_one_again(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = Outcome("refused with file"), Outcome("traceback", "Traceback …", 2.5)
    console = Console(width=100)
    assert report({0: (MUTANT, good)}, 7, None, console) == 0
    assert "1 of 1 ended as they should" in capsys.readouterr().out
    assert report({0: (MUTANT, good), 3: (MUTANT, bad)}, 7, Path("ml-1m"), console) == 1
    assert "python -m bench.mutants --seed 7 --only 3 --from ml-1m" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["--count", "0"], ["--only", "-1"], ["--from", "/nonexistent"]]
)
def test_what_cannot_be_run_is_said_at_once(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
    assert "expected" in capsys.readouterr().err
