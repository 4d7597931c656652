"""A week of a mistyped year: refused, or taken out again, and nothing that counts weeks looks at it
from then on.
"""

from datetime import date, timedelta

import pytest

from recsys.db.connect import Connection
from recsys.errors import NothingToRecommend, PublicationError, RequestError
from recsys.promotion import ledger
from recsys.registry.store import Registry
from recsys.settings import Settings
from recsys.week import undecided_before
from tests import steps
from tests.integration.test_promises import RATINGS, write_drop

FAR = date(2062, 1, 6)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One recipe, as it is not the recipes that matter; and time that does not, as an earlier
    release ran.
    """
    return settings.model_copy(update={"recipes": ("popularity",), "allow_future": True})


@pytest.fixture
def far(settings: Settings, weeks: list[date], conn: Connection) -> date:
    """Two true weeks, then one of a mistyped year, which is live."""
    for as_of in (*weeks[:2], FAR):
        steps.run_week(settings, as_of=as_of)
    assert live(conn) == FAR
    return FAR


def live(conn: Connection) -> date:
    return conn.execute("SELECT as_of FROM publications WHERE is_live").fetchone().as_of


def retire(
    settings: Settings, as_of: date, reason: str = "mistyped year", undo: bool = False
) -> str:
    return steps.retire_week(settings, as_of, reason=reason, requested_by="ann", undo=undo)


def roll_back(settings: Settings, publication_id: int | None = None) -> str:
    return steps.rollback_publication(
        settings, publication_id=publication_id, reason="bad lists", requested_by="ann"
    )


# ---------------------------------------------------------------- the future


@pytest.mark.parametrize(
    ("days", "refused"), [(8, True), (13_000, True), (7, False), (0, False), (-400, False)]
)
def test_a_week_more_than_seven_days_ahead_is_refused(
    settings: Settings, weeks: list[date], conn: Connection, days: int, refused: bool
) -> None:
    careful = settings.model_copy(update={"allow_future": False})
    as_of = weeks[2] + timedelta(days)
    write_drop(
        settings.drops, "movielens", weeks[2] + timedelta(13_000), {"ratings.csv": [RATINGS]}
    )
    if not refused:
        assert steps.resolve_week(careful, as_of=as_of, today=weeks[2]).as_of == as_of
        return
    with pytest.raises(
        RequestError,
        match=rf"as_of {as_of} is .* days after today, "
        rf"{weeks[2]}.*RECSYS_ALLOW_FUTURE",
    ) as error:
        steps.resolve_week(careful, as_of=as_of, today=weeks[2])
    assert f"are those of {weeks[0]}, {weeks[1]}, {weeks[2]}" in str(error.value), (
        "a drop of the future is not on offer"
    )
    assert (
        conn.execute("SELECT (SELECT count(*) FROM weeks) + (SELECT count(*) FROM drops) AS n")
        .fetchone()
        .n
        == 0
    )


def test_the_clock_says_what_the_future_is_where_nobody_else_does(
    settings: Settings, weeks: list[date]
) -> None:
    write_drop(settings.drops, "movielens", FAR, {"ratings.csv": [RATINGS]})
    careful = settings.model_copy(update={"allow_future": False})
    with pytest.raises(RequestError, match="as_of 2062-01-06"):
        steps.run_week(careful, as_of=FAR)
    assert steps.resolve_week(careful, as_of=None).as_of == weeks[2]
    assert steps.resolve_week(settings, as_of=None).as_of == FAR, "where the setting allows it"


# ---------------------------------------------------------------- taken out


def test_a_retired_week_gives_way_to_what_readers_had_before(
    settings: Settings, weeks: list[date], conn: Connection, far: date
) -> None:
    before = ledger.champion_of(conn, weeks[1])
    sentence = retire(settings, far)
    assert sentence == (
        "Week 2062-01-06 is retired: it counts for nothing from now on. Publication 2 of week "
    ) + (f"{weeks[1]} is live in place of 3")
    assert live(conn) == weeks[1]
    assert (
        ledger.newest_champion(conn).model.version
        == before.model.version
        == Registry(settings).champion()
    )
    row = conn.execute("SELECT reason, requested_by, publication_id FROM retirements").fetchone()
    assert row == ("mistyped year", "ann", 3)


def test_true_weeks_go_live_again_after_a_retirement(
    settings: Settings, weeks: list[date], conn: Connection, far: date
) -> None:
    retire(settings, far)
    week = steps.run_week(settings, as_of=weeks[2])
    assert not week.resolved_late
    assert live(conn) == weeks[2]
    assert undecided_before(conn, weeks[2]) == []
    judged = conn.execute(
        "SELECT DISTINCT since FROM observed_hits WHERE as_of = %s", [weeks[2]]
    ).fetchall()
    assert judged in ([], [(weeks[1],)])


def test_a_true_week_that_was_kept_from_readers_is_what_they_get(
    settings: Settings, weeks: list[date], conn: Connection, far: date
) -> None:
    steps.run_week(settings, as_of=weeks[2])
    assert live(conn) == far, "the fault that a retirement undoes"
    assert f"Publication 4 of week {weeks[2]} is live in place of 3" in retire(settings, far)
    assert live(conn) == weeks[2]
    assert ledger.newest_champion(conn).as_of == weeks[2]
    steps.run_week(settings, as_of=weeks[2], top_n=4)
    assert conn.execute("SELECT max(rank) AS n FROM recommendations").fetchone().n == 4, (
        "it may be run again, as any newest week"
    )


def test_a_rollback_before_the_mistyped_week_stays_one(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
    roll_back(settings)
    steps.run_week(settings, as_of=FAR)
    retire(settings, FAR)
    assert live(conn) == weeks[0]
    steps.run_week(settings, as_of=weeks[1], top_n=4)
    assert live(conn) == weeks[0], "what was rolled back from does not come back"


def test_a_retired_week_is_refused_until_that_is_undone(
    settings: Settings, weeks: list[date], conn: Connection, far: date
) -> None:
    week = steps.resolve_week(settings, as_of=far, run_id="under way")
    decided = ledger.champion_of(conn, far).promotion_id
    retire(settings, far)
    with pytest.raises(
        RequestError,
        match=r"week 2062-01-06 was retired by ann on .*: mistyped "
        r"year; expected another week",
    ):
        steps.run_week(settings, as_of=far)
    steps.publish_recommendations(settings, week, decided)
    assert live(conn) == weeks[1], "a run that was under way moves nothing"
    with pytest.raises(
        PublicationError, match="publication 3 is of week 2062-01-06, which ann retired"
    ):
        roll_back(settings, 3)
    assert "counts again. Publication 3 of week 2062-01-06 is live in place of 2" in retire(
        settings, far, undo=True
    )
    assert live(conn) == far
    assert ledger.newest_champion(conn).as_of == far
    steps.run_week(settings, as_of=far)
    with pytest.raises(RequestError, match="is not retired"):
        retire(settings, far, undo=True)


def test_the_same_again_changes_nothing(settings: Settings, conn: Connection, far: date) -> None:
    retire(settings, far)
    tables = ("retirements", "live_history", "promotions")
    count = f"SELECT {' + '.join(f'(SELECT count(*) FROM {table})' for table in tables)} AS n"
    before = conn.execute(count.encode()).fetchone()
    assert "It was retired before, by ann on" in retire(settings, far)
    assert conn.execute(count.encode()).fetchone() == before


def test_what_cannot_be_retired_is_refused(settings: Settings, weeks: list[date]) -> None:
    steps.run_week(settings, as_of=weeks[0])
    with pytest.raises(RequestError, match=rf"no week 2062-01-06 in the ledger: found {weeks[0]}"):
        retire(settings, FAR)
    with pytest.raises(RequestError, match="the reason is empty"):
        retire(settings, weeks[0], reason="  ")


def test_the_only_week_there_is_stays_before_readers(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    steps.run_week(settings, as_of=weeks[1])
    assert "its lists stay until another week is run" in retire(settings, weeks[1])
    assert live(conn) == weeks[1]
    assert ledger.newest_champion(conn) is None
    steps.run_week(settings, as_of=weeks[0])
    assert live(conn) == weeks[0], "even an earlier one"


def test_an_older_week_is_retired_without_a_flip(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
    assert "Readers see another week's lists, and keep them" in retire(
        settings, weeks[0], "a broken drop"
    )
    assert live(conn) == weeks[1]
    with pytest.raises(PublicationError, match="no publication was live before the present one"):
        roll_back(settings)
    assert ledger.champion_before(conn, weeks[1]) is None
    assert steps.find_week(settings, None).as_of == weeks[1]
    with pytest.raises(NothingToRecommend):
        steps.find_week(settings, weeks[0])


# ---------------------------------------------------------------- how long lists are kept


def kept(conn: Connection) -> list[date]:
    query = "SELECT as_of FROM publications WHERE dropped_at IS NULL ORDER BY as_of"
    return [row.as_of for row in conn.execute(query).fetchall()]


def test_a_mistyped_week_drops_no_good_lists(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    brief = settings.model_copy(update={"keep_weeks": 2})
    for as_of in (*weeks[:2], FAR):
        steps.run_week(brief, as_of=as_of)
    assert kept(conn) == [*weeks[:2], FAR]


def test_runs_of_one_week_push_no_other_weeks_lists_out(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    brief = settings.model_copy(update={"keep_weeks": 1})
    steps.run_week(brief, as_of=weeks[0])
    for top_n in (3, 4, 5):
        steps.run_week(brief, as_of=weeks[1], top_n=top_n)
    assert kept(conn) == [weeks[0], *[weeks[1]] * 3]
    steps.run_week(brief, as_of=weeks[2])
    assert kept(conn) == [weeks[1], weeks[2]], "of the week's, what readers had last"


def test_what_was_never_live_goes_with_what_was_live_when_it_was_made(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    brief = settings.model_copy(update={"keep_weeks": 1})
    steps.run_week(brief, as_of=weeks[1], challenger="popularity", challenger_weeks=1)
    steps.run_week(brief, as_of=weeks[0])  # a backfill
    assert kept(conn) == [weeks[0], weeks[1], weeks[1]], "and the challenger's own"
    steps.run_week(brief, as_of=weeks[2])
    assert kept(conn) == [weeks[0], weeks[1], weeks[1], weeks[2]]
    steps.run_week(brief, as_of=FAR)
    assert kept(conn) == [weeks[2], FAR]
