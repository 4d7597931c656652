"""Feedback becomes a drop once: closed by day, rendered from its batch, known to the week that it
closes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from time import sleep
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.drops.zone import LandingZone
from recsys.errors import DropError, RequestError
from recsys.feedback import close_feedback
from recsys.ingest.ratings import FIRST_ISSUED
from recsys.removal import erase_user
from recsys.request import RunRequest
from recsys.run import run_step
from recsys.settings import Settings
from tests import steps
from tests.landing import Landing

DAY = date(2026, 11, 23)
WEEK = timedelta(days=7)
MOVIES = "movieId,title,genres\n1,Toy Story (1995),Animation\n2,Heat (1995),Crime\n"
RATINGS = "userId,movieId,rating,timestamp\n7,1,4.5,1577836800\n8,1,3,1577836800\n"


@pytest.fixture
def landing(settings: Settings, conn: Connection) -> Landing:
    """Two movies and two users."""
    landing = Landing(Path(settings.drops), conn)
    landing.bring(DAY - WEEK, {"movies.csv": MOVIES, "ratings.csv": RATINGS})
    return landing


def rate(
    conn: Connection, user: int | None, movie: int, stars: float, at: datetime | None = None
) -> int:
    """Rate through the API, and let it have been then; return the user."""
    rating = {"movie_id": movie, "rating": stars} | ({"user_id": user} if user else {})
    query = "SELECT api.record_ratings('k', NULL, %s, %s) AS answer"
    answer = conn.execute(query, [Jsonb([rating]), user is None]).fetchone().answer
    assert answer["status"] == 201, answer
    if at:
        conn.execute(
            "UPDATE feedback_ratings SET received_at = %s, rated_at = date_trunc('second', %s) "
            "WHERE feedback_id = (SELECT max(feedback_id) FROM feedback_ratings)",
            [at, at],
        )
    return user or answer["user_id"]


def before(day: date, **ago: float) -> datetime:
    return datetime.combine(day, time(), UTC) - timedelta(**ago)


def drops(landing: Landing) -> dict[str, bytes]:
    """Return all files of feedback drops by their path."""
    root = landing.folder / "feedback"
    return {
        str(f.relative_to(root)): f.read_bytes() for f in sorted(root.rglob("*")) if f.is_file()
    }


def lines(landing: Landing, day: date) -> list[str]:
    return drops(landing)[f"{day}/ratings.csv"].decode().splitlines()[1:]


# ---------------------------------------------------------------- closing


def test_a_closing_takes_what_was_received_before_its_day(
    conn: Connection, landing: Landing
) -> None:
    saturday = before(DAY, hours=30)
    rate(conn, 8, 2, 2.5, before(DAY, seconds=0.5))
    rate(conn, 7, 2, 4, saturday)
    rate(conn, 7, 2, 3.5, saturday)  # in the same second: the last word
    rate(conn, 7, 1, 1, before(DAY, seconds=-1))  # on Monday: the next week's
    assert close_feedback(conn, landing.zone, DAY) == 3
    seconds = int(saturday.timestamp())
    midnight = int(before(DAY, seconds=1).timestamp())
    assert lines(landing, DAY) == [f"7,2,3.5,{seconds}", f"8,2,2.5,{midnight}"]
    files = drops(landing)
    assert set(files) == {f"{DAY}/{name}" for name in ("ratings.csv", "SHA256SUMS", "_SUCCESS")}
    digest = sha256(files[f"{DAY}/ratings.csv"]).hexdigest()
    assert files[f"{DAY}/SHA256SUMS"].decode() == f"{digest}  ratings.csv\n"
    assert close_feedback(conn, landing.zone, DAY + WEEK) == 1
    assert len(lines(landing, DAY + WEEK)) == 1


def test_a_week_without_feedback_makes_no_drop(conn: Connection, landing: Landing) -> None:
    assert close_feedback(conn, landing.zone, DAY) == 0
    assert drops(landing) == {} and landing.rows("SELECT count(*) FROM feedback_batches") == [(0,)]


@pytest.mark.parametrize("again", [DAY, DAY - WEEK])
def test_a_day_that_is_not_newer_than_the_last_closes_nothing(
    conn: Connection, landing: Landing, again: date
) -> None:
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    close_feedback(conn, landing.zone, DAY)
    files = drops(landing)
    rate(conn, 8, 2, 4, before(DAY - WEEK, hours=1))
    assert close_feedback(conn, landing.zone, again) == 0
    assert drops(landing) == files
    assert close_feedback(conn, landing.zone, DAY + WEEK) == 1  # it was not lost


def test_a_drop_rendered_again_has_the_same_bytes(conn: Connection, landing: Landing) -> None:
    for movie, stars in ((2, 4), (1, 0.5), (2, 5)):
        rate(conn, 7, movie, stars, before(DAY, hours=movie * stars))
    close_feedback(conn, landing.zone, DAY)
    files = drops(landing)
    (landing.folder / "feedback" / str(DAY) / "_SUCCESS").unlink()
    conn.execute("UPDATE feedback_batches SET written_at = NULL")
    rate(conn, 8, 1, 4, before(DAY, hours=1))  # meanwhile: the batch is what it is
    close_feedback(conn, landing.zone, DAY)
    assert drops(landing) == files


def test_a_closing_that_was_broken_off_is_finished_by_the_next(
    conn: Connection, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    with monkeypatch.context() as patched:
        patched.setattr("recsys.feedback.write_drop", broken_off)
        with pytest.raises(ConnectionError):
            close_feedback(conn, landing.zone, DAY)
    assert drops(landing) == {}
    assert close_feedback(conn, landing.zone, DAY) == 0
    assert len(lines(landing, DAY)) == 1


def broken_off(*_: Any) -> None:
    raise ConnectionError("gone")


def test_an_insert_beside_the_closing_is_neither_lost_nor_doubled(
    settings: Settings, conn: Connection, landing: Landing
) -> None:
    """One commits before the closing, one is open during it, and many come meanwhile."""
    rate(conn, 7, 1, 4)
    url = settings.api_database_url.get_secret_value()
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    stop = threading.Event()
    with psycopg.connect(url) as slow, in_background(url, stop) as n_sent:
        add(slow, 8, 2)  # not committed yet
        first = close_feedback(conn, landing.zone, tomorrow)
        slow.commit()
        assert len(lines(landing, tomorrow)) <= first
        closed = [tomorrow]
        for number in range(1, 6):
            closed.append(tomorrow + timedelta(days=number))
            wait_for_more(n_sent)
            close_feedback(conn, landing.zone, closed[-1])
        stop.set()
    closed.append(tomorrow + WEEK)
    close_feedback(conn, landing.zone, closed[-1])
    assert ("8", "2") not in pairs(landing, tomorrow)
    counts = "SELECT count(*) AS n, count(batch_id) AS n_closed FROM feedback_ratings"
    assert landing.rows(counts) == [(n_sent[0] + 2, n_sent[0] + 2)]
    assert landing.rows("SELECT sum(n_ratings)::integer FROM feedback_batches") == [
        (n_sent[0] + 2,)
    ]


def wait_for_more(n_sent: list[int]) -> None:
    before = n_sent[0]
    while n_sent[0] == before:
        sleep(0.01)


def add(api: psycopg.Connection[Any], user: int, movie: int) -> None:
    rating = [{"user_id": user, "movie_id": movie, "rating": 4}]
    api.execute("SELECT api.record_ratings('k', NULL, %s, false)", [Jsonb(rating)])


@contextmanager
def in_background(url: str, stop: threading.Event) -> Iterator[list[int]]:
    """Ratings come, one after the other, until `stop`; the list has how many they were."""
    n_sent = [0]

    def send() -> None:
        with psycopg.connect(url, autocommit=True) as api:
            while not stop.is_set():
                add(api, 7, 1 + n_sent[0] % 2)
                n_sent[0] += 1

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield n_sent
    finally:
        stop.set()
        thread.join()


def pairs(landing: Landing, day: date) -> set[tuple[str, str]]:
    return {(user, movie) for user, movie, *_ in (line.split(",") for line in lines(landing, day))}


# ---------------------------------------------------------------- the landing zone


def test_a_zone_in_a_bucket_gets_the_same_files(conn: Connection, landing: Landing) -> None:
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    zone = LandingZone("memory://bucket/drops")
    close_feedback(conn, zone, DAY)
    (drop,) = zone.drops("feedback")
    assert drop.date == DAY and set(zone.checksums(drop)) == {"ratings.csv"}


def test_a_zone_that_cannot_be_written_is_named_and_nothing_is_lost(
    conn: Connection, landing: Landing
) -> None:
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    (landing.folder / "feedback").write_text("no folder")
    with pytest.raises(DropError, match=r"cannot be written.*RECSYS_DROPS"):
        close_feedback(conn, landing.zone, DAY)
    (landing.folder / "feedback").unlink()
    close_feedback(conn, landing.zone, DAY)
    assert len(lines(landing, DAY)) == 1


# ---------------------------------------------------------------- in the week


def test_sundays_feedback_is_in_mondays_history_exam_and_lists(
    settings: Settings, conn: Connection, weeks: list[date]
) -> None:
    """And the week before, run again, does not see it."""
    settings = settings.model_copy(update={"exam_min_users": 1})  # so that the exam is a dated one
    monday = weeks[-1]
    first = steps.run_week(settings, as_of=weeks[-2])
    seen_before = visible(conn, first)
    sunday = before(monday, hours=10)
    user = conn.execute("SELECT min(user_id) AS id FROM recommendations").fetchone().id
    listed = movies_of(conn, user)
    rate(conn, user, listed[0], 5, sunday)
    newcomer = rate(conn, None, listed[1], 5, sunday)
    for movie in listed[2:8]:
        rate(conn, newcomer, movie, 4.5, sunday)
    week = steps.run_week(settings, as_of=monday)
    history = visible(conn, week)
    assert (user, listed[0], 5.0, sunday) in history
    assert {row[1] for row in history if row[0] == newcomer} == set(listed[1:8])
    exam = conn.execute("SELECT kind, cut FROM exams WHERE as_of = %s", [monday]).fetchone()
    assert exam.kind == "dated" and exam.cut <= sunday
    assert listed[0] not in movies_of(conn, user)
    theirs = movies_of(conn, newcomer)
    assert len(theirs) == week.top_n and not set(theirs) & set(listed[1:8])
    published = rows_of_week(conn, weeks[-2])
    again = steps.run_week(settings, as_of=weeks[-2])
    assert visible(conn, again) == seen_before
    assert rows_of_week(conn, weeks[-2]) == published
    drops_known = conn.execute("SELECT drop_date FROM drops WHERE source = 'feedback'").fetchall()
    assert [row.drop_date for row in drops_known] == [monday]


def visible(conn: Connection, week: Any) -> set[tuple[Any, ...]]:
    query = "SELECT user_id, movie_id, rating, rated_at FROM visible_ratings(%s, %s)"
    return {tuple(row) for row in conn.execute(query, [week.as_of, week.watermark])}


def movies_of(conn: Connection, user: int) -> list[int]:
    query = "SELECT movie_id FROM recommendations WHERE user_id = %s ORDER BY rank"
    return [row.movie_id for row in conn.execute(query, [user])]


def rows_of_week(conn: Connection, as_of: date) -> list[tuple[Any, ...]]:
    query = "SELECT publication_id, rows_sha256 FROM publications WHERE as_of = %s"
    return [tuple(row) for row in conn.execute(query, [as_of])]


def test_the_step_again_writes_nothing(
    settings: Settings, conn: Connection, landing: Landing
) -> None:
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    request = RunRequest(as_of=DAY)
    assert run_step(settings, "collect_feedback", request).n_ratings == 1
    files = drops(landing)
    stamps = {path: path.stat().st_mtime_ns for path in landing.folder.rglob("*")}
    assert run_step(settings, "collect_feedback", request).n_ratings == 0
    assert drops(landing) == files
    assert {path: path.stat().st_mtime_ns for path in landing.folder.rglob("*")} == stamps


def test_a_mistyped_year_closes_nothing(
    settings: Settings, conn: Connection, landing: Landing
) -> None:
    rate(conn, 7, 2, 4)
    with pytest.raises(RequestError, match="days after today"):
        run_step(settings, "collect_feedback", RunRequest(as_of=date(2099, 1, 5)))
    assert landing.rows("SELECT count(*) FROM feedback_batches") == [(0,)]


def test_what_people_rate_here_makes_no_drop_of_movielens_foreign(
    conn: Connection, landing: Landing
) -> None:
    """A full release knows nothing of it."""
    users = range(20, 50)
    movies = "".join(f"{m},Film {m} (1995),Drama\n" for m in range(10, 30))
    header = "userId,movieId,rating,timestamp\n"
    start = int(before(DAY, days=20).timestamp())

    def release(first: int, count: int) -> str:
        rows = [
            f"{u},{m},4,{start + 86_400 * (m - 10)}\n"
            for u in users
            for m in range(first, first + count)
        ]
        return header + "".join(rows)

    landing.bring(DAY - WEEK, {"movies.csv": MOVIES + movies, "ratings.csv": release(10, 1)})
    for user in users:
        for movie in range(10, 16):
            rate(conn, user, movie, 4, before(DAY, days=9, hours=movie))
    close_feedback(conn, landing.zone, DAY)
    (ingested,) = landing.take_in()
    assert ingested.new == {"ratings": len(users) * 6}
    landing.bring(DAY + WEEK, {"movies.csv": MOVIES + movies, "ratings.csv": release(11, 19)})


# ---------------------------------------------------------------- erasure


def test_an_erasure_takes_feedback_out_of_tables_and_drops(
    settings: Settings, conn: Connection, landing: Landing
) -> None:
    newcomer = rate(conn, None, 1, 4, before(DAY, hours=2))
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    rate(conn, 8, 2, 3, before(DAY, hours=1))
    event = Jsonb([{"user_id": 7, "movie_id": 1, "kind": "dismissed"}])
    conn.execute("SELECT api.record_events('k', 'once', %s)", [event])
    close_feedback(conn, landing.zone, DAY)
    landing.take_in()
    rate(conn, 7, 1, 5)  # not closed yet
    counts = erase_user(settings, 7)
    assert (counts["feedback ratings"], counts["feedback events"]) == (2, 1)
    for table in ("feedback_ratings", "feedback_events", "ratings"):
        assert landing.rows(f"SELECT count(*) FROM {table} WHERE user_id = 7") == [(0,)]
    assert landing.rows("SELECT count(*) FROM feedback_requests") == [(0,)]
    assert pairs(landing, DAY) == {(str(newcomer), "1"), ("8", "2")}
    assert landing.zone.checksums(landing.zone.at("feedback", DAY))
    (again,) = landing.take_in()
    assert again.new == {"ratings": 0}
    revisions = "SELECT revision, state FROM drops WHERE source = 'feedback' ORDER BY revision"
    assert landing.rows(revisions) == [(1, "ingested"), (2, "ingested")]
    assert close_feedback(conn, landing.zone, DAY + WEEK) == 0


def test_an_erasure_without_the_landing_zone_leaves_the_drop_to_the_next_run(
    settings: Settings, conn: Connection, landing: Landing, tmp_path: Path
) -> None:
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    rate(conn, 8, 2, 3, before(DAY, hours=1))
    close_feedback(conn, landing.zone, DAY)
    elsewhere = tmp_path / "no-drops"
    erase_user(settings.model_copy(update={"drops": str(elsewhere)}), 7)
    assert not elsewhere.exists() and len(lines(landing, DAY)) == 2
    close_feedback(conn, landing.zone, DAY)
    assert pairs(landing, DAY) == {("8", "2")}


def test_a_user_known_by_feedback_alone_can_be_erased(
    settings: Settings, conn: Connection, landing: Landing
) -> None:
    newcomer = rate(conn, None, 1, 4)
    assert newcomer >= FIRST_ISSUED
    erase_user(settings, newcomer)
    assert landing.rows("SELECT count(*) FROM feedback_ratings") == [(0,)]


def test_a_rating_beside_an_erasure_does_not_survive_it(
    settings: Settings, conn: Connection, landing: Landing
) -> None:
    url = settings.api_database_url.get_secret_value()
    with psycopg.connect(url) as slow:
        add(slow, 7, 2)  # not committed yet
        thread = threading.Thread(target=erase_user, args=(settings, 7))
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # it waits for whoever writes about the user
        slow.commit()
        thread.join()
    assert landing.rows("SELECT count(*) FROM feedback_ratings") == [(0,)]


def test_an_old_idempotency_key_is_forgotten(conn: Connection, landing: Landing) -> None:
    rate(conn, 7, 2, 4, before(DAY, hours=1))
    for key, age in (("old", "8 days"), ("new", "6 days")):
        conn.execute(
            "INSERT INTO feedback_requests (api_key_id, idempotency_key, body_sha256, answer, "
            "user_ids, received_at) VALUES ('k', %s, '', '{}', '{}', now() - %s::interval)",
            [key, age],
        )
    close_feedback(conn, landing.zone, DAY)
    assert landing.rows("SELECT idempotency_key FROM feedback_requests") == [("new",)]
    assert "forget_requests" in queries("feedback")
