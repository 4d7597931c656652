"""The page of all weeks: what it shows, where its figures are drawn, and that it needs nothing from
anywhere.
"""

import math
import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.db.connect import Connection
from recsys.models import COMPETING
from recsys.weeks_page.charts import (
    BASELINE_COLOUR,
    COLOURS,
    DIGIT,
    LABEL_GAP,
    LETTER,
    Frame,
    frame_around,
    runs,
    spread,
    styles_of,
)
from recsys.weeks_page.page import REST, View, duration, page
from recsys.weeks_page.record import (
    DriftFigure,
    ExamScore,
    Flip,
    Observed,
    Record,
    StepTime,
    WeekLine,
    read_record,
)

DATES = [date(2018, 12, 10) + timedelta(weeks=week) for week in range(5)]
POPULARITY, ALS, EASE = "popularity-a1b2c3d4", "als-3f9a2c41", "ease-92cc01aa"

WEEKS = [
    WeekLine(DATES[0], "first", ALS, ALS, ["The first champion."], 261, 1, True),
    WeekLine(DATES[1], "kept", ALS, ALS, ["ease is not <surely> better."], 262, 2, True),
    WeekLine(DATES[2], "promoted", EASE, EASE, ["ease beats als by 0.0300."], 263, 3, True),
    WeekLine(DATES[3], "not decided", EASE, ALS, ["Too few users."], 264, 2, True),  # rolled back
    WeekLine(DATES[4]),
]
SCORES = [
    ExamScore(day, key, value + 0.001 * week)
    for week, day in enumerate(DATES[:4])
    for key, value in ((POPULARITY, 0.1), (ALS, 0.2), (EASE, 0.23))
]
OBSERVED = [
    Observed(DATES[0], 1, ALS, False, 0.05, 0.02, 0.08, 37),
    Observed(DATES[1], 2, ALS, False, 0.06, 0.03, 0.09, 1_038),
    Observed(DATES[1], 2, EASE, True, 0.07, 0.04, 0.10, 39),
]
FLIPS = [Flip(DATES[3], "rolled back", 2, ALS, "too much <noir>")]
DRIFT = [
    DriftFigure(DATES[2], "rating histogram", 0.01, 0.0, 0.2, False, "as ever"),
    DriftFigure(DATES[3], "rating histogram", 0.31, 0.0, 0.2, True, "0.31 is above 0.2"),
    DriftFigure(DATES[3], "exam score", 0.23, None, None, False, "nothing to go by"),
]
TIMES = [
    StepTime(day, step, seconds)
    for day in DATES[:4]
    for step, seconds in (
        ("train_model", 40.0),
        ("examine_models", 9.0),
        ("score_users", 8.0),
        ("refit_winner", 7.0),
        ("ingest_drops", 6.0),
        ("publish_recommendations", 0.5),
        ("report_week", 0.25),
    )
]
RECORD = Record(WEEKS, SCORES, OBSERVED, FLIPS, DRIFT, TIMES)
EMPTY = {
    "scores": "No exam has been held yet.",
    "observed": "Nothing to judge yet",
    "drift": "No week could be judged by those before it",
    "times": "No step has been timed yet.",
}


class Reader(HTMLParser):
    """The page as a browser takes it: texts, tags with their attributes, and whether each tag that
    opens is closed.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def read() -> Reader:
    return Reader(page(RECORD))


def test_every_part_is_there(read: Reader) -> None:
    assert [section["id"] for section in read.all("section")] == [
        "exam",
        "observed",
        "drift",
        "times",
        "weeks",
    ]
    assert not [message for message in EMPTY.values() if message in read.text]


def test_the_table_has_a_line_a_week(read: Reader) -> None:
    assert len(read.all("tr")) == 1 + len(WEEKS)
    assert (
        "17 Dec 2018 als kept ease is not <surely> better. 262 0.2010 0.0600 0.0300 to 0.0900, "
        "1,038 users" in read.text
    )
    assert "challenger ease 0.0700 0.0400 to 0.1000, 39 users 2 1.2 min" in read.text
    assert "7 Jan 2019 – – – – – – –" in read.text  # a week that has begun


def test_how_many_users_judged_a_week_stands_above_it(read: Reader) -> None:
    assert "users who could be judged 37 1,038" in read.text


def test_hovering_tells_the_figures(read: Reader) -> None:
    for text in (
        f"24 Dec 2018: {EASE} 0.2320, champion",
        f"24 Dec 2018: {ALS} 0.2020",
        f"17 Dec 2018, publication 2, {ALS}: 0.0600 on 1,038 users",
        f"17 Dec 2018, publication 2, {EASE}, challenger: 0.0700 on 39 users",
        f"31 Dec 2018: rolled back, {ALS}. to publication 2. too much <noir>",
        f"24 Dec 2018: promoted, {EASE}. ease beats als by 0.0300.",
        "31 Dec 2018: 0.31 is above 0.2",
        "10 Dec 2018: train_model 40 s",
    ):
        assert text in read.texts, text


def test_nothing_comes_from_elsewhere() -> None:
    html = page(RECORD)
    for means in (
        "http:",
        "https:",
        "//",
        "url(",
        "@import",
        "<script",
        "<link",
        "<img",
        "src=",
        "href=",
    ):
        assert means not in html, means
    assert "default-src 'none'" in html


def test_what_people_wrote_stays_text() -> None:
    html = page(RECORD)
    assert "too much &lt;noir&gt;" in html
    assert "<noir>" not in html
    assert "<surely>" not in html


@pytest.mark.parametrize("part", EMPTY)
def test_a_part_without_data_says_so(part: str) -> None:
    read = Reader(page(replace(RECORD, **{part: ()})))
    assert [message for message in EMPTY.values() if message in read.text] == [EMPTY[part]]


def test_the_first_minutes_of_a_history() -> None:
    assert "No week has run yet." in page(Record([]))
    begun = Reader(page(Record([WeekLine(DATES[0])])))
    assert all(message in begun.text for message in EMPTY.values())


def test_every_score_lies_inside_its_chart() -> None:
    """With one week and with a hundred."""
    many = [
        WeekLine(DATES[0] + timedelta(weeks=week), "kept", ALS, ALS, ["r"], 1, week)
        for week in range(100)
    ]
    for record in (
        RECORD,
        Record(WEEKS[:1], SCORES[:3]),
        Record(many, [ExamScore(week.as_of, ALS, 0.2) for week in many]),
    ):
        view = View(record)
        for score in record.scores:
            assert view.exam_frame.left <= view.exam_frame.x(score.as_of) <= view.exam_frame.end
            assert view.exam_frame.top <= view.exam_frame.y(score.value) <= view.exam_frame.floor


# ---------------------------------------------------------------- recipes


def test_every_recipe_has_a_colour_of_its_own_and_popularity_is_grey() -> None:
    styles = styles_of(f"{name}-00000000" for name in COMPETING)
    assert styles["popularity-00000000"].colour == BASELINE_COLOUR
    assert len({style.colour for style in styles.values()}) == len(COMPETING)


def test_a_recipes_colour_is_the_same_on_every_page() -> None:
    on_one = styles_of([POPULARITY, ALS, EASE, "retired-12345678"])
    on_another = styles_of(["retired-12345678", EASE, "hybrid-12345678", ALS])
    for key in (ALS, EASE, "retired-12345678"):
        assert on_one[key].colour == on_another[key].colour in COLOURS


def test_recipes_of_one_name_share_a_colour_and_differ_by_dash() -> None:
    styles = list(styles_of([ALS, "als-00000000", "als-11111111"]).values())
    assert len({style.colour for style in styles}) == 1
    assert len({style.dash for style in styles}) == 3


def test_two_recipes_of_a_name_look_different() -> None:
    styles = styles_of([ALS, "als-00000000", "item_knn-12345678"])
    assert [style.label for style in styles.values()] == [ALS, "als-00000000", "item_knn"]


def test_a_recipe_looks_the_same_everywhere(read: Reader) -> None:
    colour = View(RECORD).styles[EASE].colour
    dots = [tag for tag in read.all("circle") if tag.get("fill") == colour]
    assert len(dots) == 4 + 1  # at the exam, and beside its name
    assert colour in [tag.get("stroke") for tag in read.all("circle")]  # the challenger's, hollow
    assert colour in [tag.get("stroke") for tag in read.all("line")]  # in the table
    assert colour in [tag.get("fill") for tag in read.all("rect")]  # as champion


def test_the_champion_now_is_whose_lists_readers_have() -> None:
    assert View(RECORD).champion == ALS
    assert View(replace(RECORD, weeks=WEEKS[:3])).champion == EASE
    forced_in_the_past = replace(WEEKS[0], decided=EASE)
    assert View(replace(RECORD, weeks=[forced_in_the_past])).champion == ALS
    never_live = replace(WEEKS[3], was_live=False)
    assert View(replace(RECORD, weeks=[*WEEKS[:3], never_live])).champion == EASE
    assert View(Record([WeekLine(DATES[0])])).champion is None


def test_a_publication_that_was_never_live_is_called_so() -> None:
    weeks = [replace(WEEKS[0], was_live=False), *WEEKS[1:]]
    assert "1 never live" in Reader(page(replace(RECORD, weeks=weeks))).text
    assert "never live" not in Reader(page(RECORD)).text


def test_what_goes_on_as_before_has_no_sign() -> None:
    kinds = [(sign.as_of, sign.kind) for sign in View(RECORD).signs]
    assert kinds == [
        (DATES[0], "first"),
        (DATES[2], "promoted"),
        (DATES[3], "not decided"),
        (DATES[3], "rolled back"),
    ]


def test_reigns_are_stretches_of_one_champion() -> None:
    assert View(RECORD).reigns == [(ALS, 0, 2), (EASE, 2, 1), (ALS, 3, 1)]
    assert list(runs([None, "a", "a", None, "b", "a"])) == [("a", 1, 2), ("b", 4, 1), ("a", 5, 1)]
    assert list(runs([])) == []


# ---------------------------------------------------------------- drift and times


def test_a_week_that_drifted_is_a_diamond_and_its_measure_stands_first() -> None:
    view = View(RECORD)
    assert [(measure.name, measure.n_drifted) for measure in view.measures] == [
        ("rating histogram", 1),
        ("exam score", 0),
    ]
    assert "rating histogram 1 week outside" in Reader(page(RECORD)).text
    assert view.drifted_weeks == 1
    assert (
        len(
            [
                tag
                for tag in Reader(page(RECORD)).all("path")
                if tag.get("fill") == "#D55E00" and tag.get("stroke") == "var(--paper)"
            ]
        )
        == 1
    )


def test_bounds_are_a_band_and_no_bounds_are_none() -> None:
    histogram, score = View(RECORD).measures
    corners = histogram.band.split()
    x, y = histogram.frame.x, histogram.frame.y
    assert corners == [
        f"{x(day)},{y(bound)}"
        for day, bound in zip([*DATES[2:4], *DATES[3:1:-1]], [0.2, 0.2, 0.0, 0.0], strict=True)
    ]
    assert score.band == ""


def test_a_bound_without_end_reaches_the_charts_edge() -> None:
    figure = replace(DRIFT[0], high=math.inf)
    (measure,) = View(replace(RECORD, drift=[figure])).measures
    assert measure.band.split()[0] == f"{measure.frame.x(DATES[2])},{measure.frame.top:.1f}"


def test_bars_add_up_to_the_weeks_time() -> None:
    view = View(RECORD)
    assert list(view.shades) == [
        "train_model",
        "examine_models",
        "score_users",
        "refit_winner",
        "ingest_drops",
        REST,
    ]
    first = [bar for bar in view.bars if bar.as_of == DATES[0]]
    assert [bar.seconds for bar in first] == [40.0, 9.0, 8.0, 7.0, 6.0, 0.75]
    assert [bar.below for bar in first] == [0.0, 40.0, 49.0, 57.0, 64.0, 70.0]
    assert view.total_seconds == 4 * 70.75


def test_times_are_said_as_people_say_them() -> None:
    assert [duration(seconds) for seconds in (0.4, 48, 210, 7_500)] == [
        "0 s",
        "48 s",
        "3.5 min",
        "2 h 5 min",
    ]


# ---------------------------------------------------------------- geometry

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda value: round(value, 6))


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_ticks_are_few_inside_the_plane_and_evenly_apart(values: list[float]) -> None:
    frame = frame_around(DATES, values)
    places = [place for place, _ in frame.ticks()]
    assert 1 <= len(places) <= 7
    assert all(frame.top - 0.1 <= place <= frame.floor + 0.1 for place in places)
    gaps = [above - below for above, below in pairwise(places)]
    assert all(math.isclose(gap, gaps[0], abs_tol=0.2) for gap in gaps)


@given(st.lists(VALUES, min_size=1, max_size=20))
def test_no_label_of_a_tick_is_cut_off(values: list[float]) -> None:
    frame = frame_around(DATES, values, width=300, height=120, left=44)
    assert all(
        len(label) * DIGIT <= frame.left - LABEL_GAP for n in (4, 5) for _, label in frame.ticks(n)
    )


def test_figures_of_too_few_users_are_in_the_table_alone() -> None:
    few = replace(OBSERVED[0], n=3, value=0.0, low=0.0, high=0.0)
    record = replace(RECORD, observed=[few, *OBSERVED[1:]])
    assert View(record).measured == OBSERVED[1:]
    assert View(record).observed_frame.low > 0
    text = Reader(page(record)).text
    assert "1 of 3 figures rest on fewer than 30 users" in text
    assert "0.0000 3 users" in text
    alone = Reader(page(replace(RECORD, observed=[few]))).text
    assert "1 of 1 figures rest on fewer than 30 users" in alone


def test_the_page_follows_a_dark_system() -> None:
    html = page(RECORD)
    light, dark = html.split("@media (prefers-color-scheme: dark)")
    names = set(re.findall(r"(--[\w-]+):", dark.split("</style>")[0]))
    assert names == set(re.findall(r"(--[\w-]+):", light))
    assert set(re.findall(r"var\((--[\w-]+)\)", html)) <= names
    fixed = set(re.findall(r'(?:fill|stroke)="(#[0-9A-Fa-f]+)"', html))
    assert fixed <= {*COLOURS, BASELINE_COLOUR}


def test_ticks_are_round() -> None:
    assert [label for _, label in Frame(DATES, 0.157, 0.298).ticks()] == ["0.20", "0.25"]
    assert [label for _, label in Frame(DATES, 0.0, 2_600.0).ticks()] == ["0", "1,000", "2,000"]


def test_the_weeks_named_do_not_overlap() -> None:
    dates = [DATES[0] + timedelta(weeks=week) for week in range(60)]
    for shape, letters in (({}, 11), ({"width": 300, "left": 44}, 6)):
        places = [place for place, _ in Frame(dates, 0, 1, **shape).week_labels()]
        assert all(after - before > letters * LETTER for before, after in pairwise(places))
    assert [label for _, label in Frame(DATES, 0, 1).week_labels()] == [
        "10 Dec 2018",
        "17 Dec",
        "24 Dec",
        "31 Dec",
        "7 Jan 2019",
    ]


@given(st.dictionaries(st.text("abcdefgh", min_size=1), st.floats(0, 300), max_size=8))
def test_labels_keep_their_order_and_their_distance(places: dict[str, float]) -> None:
    moved = spread(places, gap=15, end=300)
    assert sorted(moved, key=lambda name: moved[name]) == sorted(
        places, key=lambda name: (places[name], name)
    )
    assert all(after - before >= 15 - 1e-9 for before, after in pairwise(sorted(moved.values())))
    assert all(place <= 300 for place in moved.values())


def test_labels_stay_where_there_is_room_and_give_way_downwards() -> None:
    assert spread({"a": 10.0, "b": 12.0, "c": 100.0}, gap=15, end=300) == {
        "a": 10.0,
        "b": 25.0,
        "c": 100.0,
    }
    assert spread({"a": 290.0, "b": 295.0}, gap=15, end=300) == {"a": 285.0, "b": 300.0}


# ---------------------------------------------------------------- the ledgers


@pytest.fixture
def ledgers(conn: Connection) -> Connection:
    """Two weeks: promoted and then rolled back; the first judged with two arms and a shadow, the
    second not yet.
    """
    first, second = DATES[:2]
    for day in (first, second):
        conn.execute(
            "INSERT INTO weeks (as_of, watermark, params, resolved_late) VALUES (%s, 1, "
            "'{}', false)",
            [day],
        )
        conn.execute(
            "INSERT INTO exams (as_of, kind, fingerprint, n_users, n_ratings) VALUES (%s, "
            "'leave-newest-out', 'f', 261, 900)",
            [day],
        )
        for slice_ in ("all", "cold"):
            conn.execute(
                "INSERT INTO exam_results VALUES (%s, %s, %s, 'NDCG@10', 0.2, 261)",
                [day, ALS, slice_],
            )
    for day, decision, key, forced in (
        (first, "first", ALS, False),
        (second, "kept", ALS, False),
        (second, "promoted", EASE, True),
        (second, "rolled back", ALS, False),
    ):
        conn.execute(
            "INSERT INTO promotions (as_of, decision, recipe_key, recipe, model_version, fit_key, "
            "comparisons, reasons, forced) "
            "VALUES (%s, %s, %s, '{}', '1', 'f', '[]', ARRAY['r'], %s)",
            [day, decision, key, forced],
        )
    for number, (day, key, shadow) in enumerate(
        [(first, ALS, False), (first, EASE, True), (second, EASE, False)], start=1
    ):
        conn.execute(
            "INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key, "
            "model_version, n_users, n_rows, "
            "n_fallback, rows_sha256, is_shadow, run_id) VALUES (%s, %s, 1, '{}', %s, '1', 1, 1, "
            "0, 'x', %s, 'r')",
            [f"k{number}", day, key, shadow],
        )
    for publication, as_of, cause in (
        (1, first, "published"),
        (3, second, "published"),
        (1, second, "rolled back"),
    ):
        conn.execute(
            "INSERT INTO live_history (publication_id, as_of, cause) VALUES (%s, %s, %s)",
            [publication, as_of, cause],
        )
    for publication, arm, source, key, value in (
        (1, "all", "all", ALS, 0.06),
        (1, "all", "model", ALS, 0.06),
        (1, "champion", "all", ALS, 0.05),
        (1, "challenger", "all", EASE, 0.07),
        (1, "challenger - champion", "all", EASE, 0.02),
        (2, "all", "model", EASE, 0.09),
        (2, "all", "all", EASE, 0.08),
    ):
        conn.execute(
            "INSERT INTO observed_hits (as_of, publication_id, since, arm, source, recipe_key, "
            "metric, value, low, high, n) "
            "VALUES (%s, %s, %s, %s, %s, %s, 'NDCG@10', %s, 0, 1, 9)",
            [second, publication, first, arm, source, key, value],
        )
    for measure, value, drifted in (("exam score", None, None), ("rating histogram", 0.3, True)):
        conn.execute(
            "INSERT INTO drift VALUES (%s, %s, %s, 0, 0.2, %s, 's')",
            [second, measure, value, drifted],
        )
    for step, started, seconds in (
        ("train_model", "08:00", 2),
        ("train_model", "09:00", 3),
        ("report_week", "10:00", 1),
    ):
        conn.execute(
            "INSERT INTO step_times VALUES (%s, 'r', %s, %s, %s)",
            [first, step, f"2018-12-10 {started}", seconds],
        )
    return conn


def test_the_ledgers_are_read(ledgers: Connection) -> None:
    first, second = DATES[:2]
    assert read_record(ledgers) == Record(
        weeks=[
            WeekLine(first, "first", ALS, ALS, ["r"], 261, 1, True),
            # as it was decided anew; a rollback is no decision, and says what readers had
            WeekLine(second, "promoted", EASE, ALS, ["r"], 261, 1, True),
        ],
        scores=[ExamScore(first, ALS, 0.2), ExamScore(second, ALS, 0.2)],
        observed=[
            Observed(first, 1, EASE, True, 0.07, 0, 1, 9),
            Observed(first, 1, ALS, False, 0.05, 0, 1, 9),
            Observed(first, 2, EASE, True, 0.08, 0, 1, 9),  # in the shadow
        ],
        flips=[Flip(second, "rolled back", 1, ALS, "")],
        drift=[DriftFigure(second, "rating histogram", 0.3, 0, 0.2, True, "s")],
        # its repetition is left out
        times=[StepTime(first, "report_week", 1), StepTime(first, "train_model", 2)],
    )


def test_the_empty_ledger_is_a_page_too(conn: Connection) -> None:
    assert "No week has run yet." in page(read_record(conn))
