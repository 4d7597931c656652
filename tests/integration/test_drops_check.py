"""`drops list` and `drops check`: what would be taken in, and what not, with nothing changed."""

import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from recsys import cli
from recsys.db.connect import Connection
from recsys.errors import DropError
from recsys.settings import Settings
from tests.integration.test_ingest_imdb import WHOLE as IMDB
from tests.integration.test_ingest_movielens import CSV, DAY, ML_1M, MOVIES, WEEK, T, only, ratings
from tests.landing import Landing
from tests.pages import blocks, pages

#: So many good rows that one bad one is not too many.
MANY = [(user, 1, 4, T + user) for user in range(1, 201)]
Check = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def landing(settings: Settings, conn: Connection) -> Landing:
    return Landing(Path(settings.drops), conn)


@pytest.fixture
def drops(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """Run `drops …` beside the test's database; give its status and its lines."""
    monkeypatch.setenv("RECSYS_DATABASE_URL", settings.database_url.get_secret_value())
    monkeypatch.setenv("RECSYS_DROPS", settings.drops)
    monkeypatch.setenv("COLUMNS", "250")

    def run(*arguments: str) -> tuple[int, list[str]]:
        status = cli.main(["drops", *arguments])
        return status, capsys.readouterr().out.splitlines()

    return run


def everything(conn: Connection) -> dict[str, list]:
    """All rows of the ledger, the facts and staging."""
    tables = conn.execute(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN "
        "('public', 'staging')"
    ).fetchall()
    return {
        row.name: sorted(map(str, conn.execute(f"TABLE {row.name}".encode()).fetchall()))
        for row in tables
    }


def test_a_good_drop_would_be_taken_in_and_nothing_changes(
    landing: Landing, drops: Check, conn: Connection
) -> None:
    landing.bring(DAY - WEEK, only((7, 1, 4, T - 500)))
    landing.put(DAY, CSV)
    before = everything(conn)
    status, lines = drops("check")
    assert status == 0
    assert (
        f"movielens {DAY}: would be taken in, movies.csv 3 rows, links.csv 3 rows, ratings.csv 3 "
        "rows, tags.csv 1 rows" in lines
    )
    assert f"movielens {DAY - WEEK}: is taken in, movies.csv 3 rows, ratings.csv 1 rows" in lines
    assert everything(conn) == before
    assert landing.take_in()[0].new["ratings"] == 3


def test_a_missing_column_is_reported_before_it_is_ingested(landing: Landing, drops: Check) -> None:
    landing.put(
        DAY, {"movies.csv": MOVIES, "ratings.csv": "userId,movieId,stars,timestamp\n7,1,4,5\n"}
    )
    status, lines = drops("check", "movielens", str(DAY))
    assert status == 1
    assert lines[-1].startswith(
        f"movielens {DAY}: refused: ratings.csv line 1: no column rating; "
        "found 'userId,movieId,stars"
    )


def test_a_share_of_bad_rows_is_reported_with_the_first_of_them(
    landing: Landing, drops: Check, conn: Connection
) -> None:
    landing.put(DAY, only((7, 1, 4, T), (7, 2, 55, T), (8, 9, 4, T)))
    before = everything(conn)
    status, lines = drops("check")
    assert status == 1
    assert lines[1:] == [
        f"movielens {DAY}: refused: 2 of 3 rows of ratings.csv are bad (66.7%, allowed 1.0%); "
        "the first is line 3: rating '55' is not between 0.5 and 5 in half stars",
        "    ratings.csv line 3: rating '55' is not between 0.5 and 5 in half stars",
        "    ratings.csv line 4: movie 9 is in no movies file so far",
    ]
    assert everything(conn) == before


def test_a_few_bad_rows_are_shown_of_a_drop_that_would_be_taken_in(
    landing: Landing, drops: Check
) -> None:
    landing.put(DAY, only(*MANY, (7, 2, 55, T)))
    status, lines = drops("check")
    assert status == 0
    assert lines[1] == (
        f"movielens {DAY}: would be taken in, movies.csv 3 rows, ratings.csv 201 rows (1 bad)"
    )
    assert lines[2] == (
        "    ratings.csv line 202: rating '55' is not between 0.5 and 5 in half stars"
    )


def test_a_drop_of_other_users_is_reported(landing: Landing, drops: Check) -> None:
    landing.bring(DAY, CSV)
    landing.put(DAY + WEEK, ML_1M)
    status, lines = drops("check")
    assert status == 1
    assert lines[-1].startswith(
        f"movielens {DAY + WEEK}: refused: its users are of another "
        "release: found layout 'double-colon'"
    )


def test_a_drop_sees_the_movies_of_those_before_it(landing: Landing, drops: Check) -> None:
    landing.put(DAY, CSV)
    landing.put(
        DAY + WEEK, {"movies.csv": "movieId,title,genres\n", "ratings.csv": ratings((9, 1, 4, T))}
    )
    for arguments in ((), ("movielens", str(DAY + WEEK))):
        status, lines = drops("check", *arguments)
        assert status == 0
        assert lines[-1] == f"movielens {DAY + WEEK}: would be taken in, ratings.csv 1 rows"


def test_imdb_is_cut_down_to_the_movies_of_a_drop_before_it(landing: Landing, drops: Check) -> None:
    landing.put(DAY, CSV)
    landing.put(DAY, IMDB, "imdb")
    status, lines = drops("check", "imdb", str(DAY))
    assert (status, len(lines)) == (0, 2)
    assert lines[1].startswith(f"imdb {DAY}: would be taken in, title.basics.tsv ")


def dead_link(place: Path) -> str:
    (place / "x.csv").symlink_to("/gone")
    return "x.csv cannot be read: it is a link to /gone, which is not there"


def other_sums(place: Path) -> str:
    (place / "SHA256SUMS").write_text(f"{'0' * 64}  ratings.csv\n")
    return "movies.csv is there; SHA256SUMS lists only ratings.csv"


def damaged_archive(place: Path) -> str:
    with zipfile.ZipFile(place / "release.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("tags.csv", CSV["tags.csv"])
    content = bytearray((place / "release.zip").read_bytes())
    content[60] ^= 0xFF
    (place / "release.zip").write_bytes(content)
    return "release.zip:tags.csv cannot be read: "


@pytest.mark.parametrize("database", [True, False], ids=["database", "files alone"])
@pytest.mark.parametrize("spoil", [dead_link, other_sums, damaged_archive])
def test_a_spoilt_drop_is_reported_and_the_others_are_checked(
    landing: Landing,
    drops: Check,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], str],
    database: bool,
) -> None:
    reason = spoil(landing.put(DAY, only((7, 1, 4, T))))
    landing.put(DAY + WEEK, only((7, 1, 4, T)))
    if not database:
        monkeypatch.delenv("RECSYS_DATABASE_URL")
    status, lines = drops("check")
    assert status == 1
    assert [line for line in lines if line.startswith(f"movielens {DAY}: refused: {reason}")]
    assert [
        line
        for line in lines
        if line.startswith(
            f"movielens {DAY + WEEK}: {'would be taken in' if database else 'can be read'}"
        )
    ]


def test_a_drop_taken_in_that_was_damaged_since_is_reported(landing: Landing, drops: Check) -> None:
    landing.bring(DAY, CSV)
    (landing.folder / "movielens" / str(DAY) / "extra.csv").symlink_to("/gone")
    status, lines = drops("check")
    assert (status, lines[-1][: len(f"movielens {DAY}: refused: extra.csv")]) == (
        1,
        f"movielens {DAY}: refused: extra.csv",
    )


def test_a_refused_drop_and_its_revision(landing: Landing, drops: Check) -> None:
    landing.put(DAY, only((7, 1, 55, T)))
    with pytest.raises(DropError):
        landing.take_in(as_of=DAY)
    assert drops("check")[0] == 1
    landing.put(DAY, only((7, 1, 5, T)))
    assert drops("check")[0] == 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "RECSYS_DATABASE_URL is not set: checked is what the files alone can say"),
        ("postgresql://nobody@127.0.0.1:1/none", "Postgres"),
    ],
)
def test_without_a_database_the_files_alone_are_checked(
    landing: Landing, drops: Check, monkeypatch: pytest.MonkeyPatch, url: str | None, message: str
) -> None:
    landing.put(DAY, only(*MANY, (7, 2, 55, T)) | {"tags.csv": CSV["tags.csv"]})
    landing.put(DAY, IMDB, "imdb")
    landing.put(DAY + WEEK, {"movies.csv": MOVIES, "ratings.csv": ratings((7, 1, 4), (7, 1, 4, T))})
    if url is None:
        monkeypatch.delenv("RECSYS_DATABASE_URL")
    else:
        monkeypatch.setenv("RECSYS_DATABASE_URL", url)
    status, lines = drops("check")
    assert status == 1
    assert (
        message in lines[1] and "whether their users are those that the database knows" in lines[1]
    )
    assert (
        f"movielens {DAY}: can be read, movies.csv 3 rows, ratings.csv 201 rows, tags.csv 1 rows"
        in lines
    )
    assert [
        line for line in lines if line.startswith(f"imdb {DAY}: can be read, title.basics.tsv ")
    ]
    assert (
        f"movielens {DAY + WEEK}: refused: 1 of 2 rows of ratings.csv are bad (50.0%, allowed "
        "1.0%); the first is line 2: 3" in "\n".join(lines)
    )


def test_a_database_before_its_schema_is_no_database(
    landing: Landing, drops: Check, conn: Connection
) -> None:
    landing.put(DAY, CSV)
    conn.execute("DROP SCHEMA staging CASCADE")
    status, lines = drops("check")
    assert status == 0
    assert lines[1].startswith(
        "the database has no schema yet (python -m recsys migrate): checked is what the files "
        "alone can say"
    )


def test_what_is_no_drop_or_not_complete_is_reported(landing: Landing, drops: Check) -> None:
    landing.put(DAY, CSV)
    (landing.folder / "movielens" / "2020-1-6").mkdir()
    half = landing.put(DAY + WEEK, CSV)
    (half / "_SUCCESS").unlink()
    status, lines = drops("check")
    assert status == 1
    assert "movielens/2020-1-6: strange; expected a folder named YYYY-MM-DD" in lines
    assert f"movielens {DAY + WEEK}: not complete: no _SUCCESS; it is not checked" in lines
    status, lines = drops("check", "movielens", str(DAY + WEEK))
    assert (status, lines[-1]) == (1, f"movielens {DAY + WEEK}: not complete: no _SUCCESS")
    assert drops("check", "movielens", str(DAY))[0] == 0


def test_drops_of_the_future_are_warned_of(
    landing: Landing, drops: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing.put(date(2062, 1, 6), only((7, 1, 4, T)))
    landing.put(datetime.now(UTC).date() + timedelta(days=6), only((8, 1, 4, T)))
    for command in ("list", "check"):
        status, lines = drops(command)
        assert status == 0
        (warning,) = [line for line in lines if line.startswith("warning: ")]
        assert warning.startswith("warning: movielens 2062-01-06: more than 7 days after today")
    monkeypatch.setenv("RECSYS_ALLOW_FUTURE", "true")
    assert not [line for line in drops("list")[1] if line.startswith("warning: ")]


def test_the_list_shows_what_cannot_be_read(landing: Landing, drops: Check) -> None:
    (landing.put(DAY, CSV) / "extra.csv").symlink_to("/gone")
    landing.put(DAY + WEEK, CSV | {"[bold]x.csv": "x"})
    (landing.folder / "imdb").write_text("no folder")
    status, lines = drops("list")
    text = "\n".join(lines)
    assert status == 0
    assert (
        f"movielens {DAY}: extra.csv cannot be read: it is a link to /gone, which is not there"
        in text
    )
    assert "imdb is a file; expected a folder with a folder for each drop" in text
    assert "[bold]x.csv, links.csv, movies.csv, ratings.csv, tags.csv" in text


@pytest.mark.parametrize("command", ["list", "check"])
def test_a_zone_without_a_drop_says_what_is_expected(drops: Check, command: str) -> None:
    status, lines = drops(command, "--drops", "/nonexistent/zone")
    assert (status, lines[-1]) == (
        0,
        "no complete drop here; expected movielens/<YYYY-MM-DD>/ with _SUCCESS in it",
    )


@pytest.mark.parametrize(
    ("uri", "reason"),
    [("foo://x", "Protocol not known: foo"), ("s3://x", "Install s3fs to access S3")],
)
def test_a_zone_of_an_unknown_kind_is_refused_in_words(drops: Check, uri: str, reason: str) -> None:
    status, lines = drops("list", "--drops", uri)
    assert (
        status,
        lines[0].startswith(f"DropError: {reason}; expected a folder or an fsspec URI"),
    ) == (1, True)


def test_the_tutorials_bad_drop_is_refused_as_the_page_says(
    drops: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = [text for text in blocks(pages()["docs/tutorial.md"], "bash") if "printf" in text]
    shell = [line for line in block.splitlines() if "python" not in line]
    subprocess.run(["bash", "-euc", "\n".join(shell)], cwd=tmp_path, check=True)
    monkeypatch.setenv("RECSYS_DROPS", str(tmp_path / ".recsys" / "drops"))
    status, lines = drops("check")
    assert status == 1
    (sentence,) = [line for line in lines if "2018-10-08" in line]
    assert all(word in sentence for word in ("ratings.csv", "found", "stars", "expected", "rating"))
