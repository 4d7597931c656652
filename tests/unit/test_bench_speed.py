"""The speed bench takes turns, judges medians of ratios, goes on where it was cut, fails while a
target is missed at 20m.
"""

import inspect
import io
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import bench.speed.__main__ as command
from bench.harness.journal import Journal
from bench.harness.sources import digest_of, files_of
from bench.quality.measuring import SOURCES
from bench.speed.data import zones_of
from bench.speed.measurement import Measurement
from bench.speed.measuring import Row, rows_of
from bench.speed.plots import draw, newest
from bench.speed.scale import DELTAS, SCALES, Scale
from bench.speed.sources import ALL, DATA, FACTS
from bench.speed.stages import FITS, STAGES, stage_class
from bench.speed.stages.base import Bound, Stage, Way, time_rounds
from bench.speed.table import digits, table_of
from bench.speed.verdict import verdicts_of
from recsys.drops.zone import LandingZone
from recsys.errors import RecsysError
from stack.datasets.release import RELEASES, generate_release

WORLD = replace(RELEASES["ml-20m"], users=60, movies=400, rated=390, ratings=2_000, tags=50)
TINY = Scale("tiny", WORLD)
DECIDES = Scale("tiny", WORLD, decides=True)


class StubStage(Stage):
    """Gives the seconds that it was made with."""

    name, title, ours = "made", "a made stage", "ours"
    bounds = (Bound("ours", "theirs", "≤", 2),)

    def __init__(
        self,
        seconds: dict[str, list[float]],
        scale: Scale = TINY,
        *,
        fails: str = "",
        lacking: str = "",
    ) -> None:
        super().__init__(SimpleNamespace(scale=scale))  # pyright: ignore[reportArgumentType]
        self.seconds, self.fails, self.lacking = seconds, fails, lacking
        self.measured = 0

    @contextmanager
    def ways(self):
        yield ()

    def lacks(self) -> str:
        return self.lacking

    def measure(self, rounds: int) -> dict[str, list[float]]:
        self.measured += 1
        if self.fails:
            raise RecsysError(self.fails)
        return self.seconds


def rows_from(stage: Stage, path: Path, rounds: int = 3) -> list[Row]:
    return rows_of([stage], rounds, Journal(path, Measurement))


# rounds


@pytest.mark.slow
def test_ways_take_turns_and_only_the_run_is_timed(monkeypatch):
    clock, done = [0.0], []

    def way(label: str, seconds: float) -> Way:
        def ready(number: int) -> int:
            clock[0] += 100
            return number

        def run(number: int) -> None:
            done.append((label, number))
            clock[0] += seconds

        return Way(label, run, ready)

    monkeypatch.setattr("bench.speed.stages.base.time.perf_counter", lambda: clock[0])
    seconds = time_rounds([way("a", 1.0), way("b", 2.0)], 3)
    assert seconds == {"a": [1.0] * 3, "b": [2.0] * 3}
    assert done == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]


# the journal


def test_a_second_call_measures_nothing(tmp_path):
    first, second = (StubStage({"ours": [1.0], "theirs": [1.0]}) for _ in range(2))
    measurements = [
        rows_from(stage, tmp_path / "s.jsonl")[0].measurement for stage in (first, second)
    ]
    assert (first.measured, second.measured) == (1, 0)
    assert measurements[0] == measurements[1]


def test_a_line_cut_off_is_passed_over(tmp_path):
    (tmp_path / "s.jsonl").write_text('{"key": "half a li')
    rows_from(StubStage({"ours": [1.0], "theirs": [1.0]}), tmp_path / "s.jsonl")
    rows_from(again := StubStage({}), tmp_path / "s.jsonl")
    assert again.measured == 0


def test_other_rounds_scale_or_code_are_measured_anew(tmp_path, monkeypatch):
    seconds = {"ours": [1.0], "theirs": [1.0]}
    rows_from(StubStage(seconds), tmp_path / "s.jsonl")
    rows_from(rounds := StubStage(seconds), tmp_path / "s.jsonl", rounds=2)
    rows_from(
        scale := StubStage(seconds, Scale("tiny", replace(WORLD, ratings=2_001))),
        tmp_path / "s.jsonl",
    )
    monkeypatch.setattr("bench.speed.measuring.digest_of", lambda _: "changed")
    rows_from(code := StubStage(seconds), tmp_path / "s.jsonl")
    assert rounds.measured == scale.measured == code.measured == 1


def test_the_newest_measurement_of_each_scale(tmp_path):
    journal = Journal(tmp_path / "s.jsonl", Measurement)
    for key, ratings, seconds in (("a", 20, 1.0), ("b", 10, 2.0), ("c", 20, 3.0)):
        journal.add(Measurement(key, "made", "", ratings, 2, {"ours": [seconds]}, ""))
    assert [(each.ratings, each.seconds["ours"]) for each in newest(journal, "made")] == [
        (10, [2.0]),
        (20, [3.0]),
    ]
    assert newest(journal, "other") == []


def test_every_source_that_decides_a_measurement_is_there():
    digests = {digest_of(patterns) for patterns in (ALL, FACTS, SOURCES)}
    assert len(digests) == 3
    assert Path(inspect.getfile(generate_release)) in files_of(DATA)
    with pytest.raises(ValueError, match=r"bench/world\.py matches no file"):
        digest_of(("bench/speed/data.py", "bench/world.py"))


# verdicts


@pytest.mark.parametrize(
    ("bound", "ours", "theirs", "met"),
    [
        (Bound("ours", "theirs", "≤", 2), [2.0, 9.0, 2.0], [1.0, 1.0, 1.0], True),
        (Bound("ours", "theirs", "≤", 2), [2.1, 2.1, 2.0], [1.0, 1.0, 1.0], False),
        (Bound("theirs", "ours", "≥", 6), [1.0], [6.0], True),
        (Bound("theirs", "ours", "≥", 6), [1.0], [5.9], False),
        # each round's own ratio: a round in which all was slow says nothing
        (Bound("ours", "theirs", "≤", 2), [1.0, 30.0, 1.0], [1.0, 30.0, 0.1], True),
    ],
)
def test_the_median_of_ratios_decides(bound, ours, theirs, met, tmp_path, monkeypatch):
    monkeypatch.setattr(StubStage, "bounds", (bound,))
    (row,) = rows_from(StubStage({"ours": ours, "theirs": theirs}), tmp_path / "s.jsonl")
    assert [verdict.met for verdict in verdicts_of(row)] == [met]


def test_what_is_not_measured_is_missed_and_leaves_the_others_alone(tmp_path):
    stages = [
        StubStage({}, fails="no memory"),
        StubStage({}, lacking="a file"),
        StubStage({"ours": [1.0], "theirs": [1.0]}),
    ]
    rows = rows_of(stages, 1, Journal(tmp_path / "s.jsonl", Measurement))
    assert [row.failed for row in rows] == ["no memory", "lacks a file", ""]
    assert [verdict.met for row in rows for verdict in verdicts_of(row)] == [False, False, True]


def test_every_bound_speaks_of_the_issues_table():
    labels = {
        (name, bound.sense, bound.value) for name in STAGES for bound in stage_class(name).bounds
    }
    assert labels == {
        ("first-load", "≤", 6),
        ("delta", "≤", 3),
        ("imdb", "≤", 3),
        ("csr", "≤", 1.4),
        ("csr", "≥", 6),
        ("als", "≤", 1.05),
        ("top-n", "≤", 1.35),
        ("top-n", "≥", 1.5),
        ("exam", "≤", 1.5),
        ("publication", "≤", 2),
        ("publication", "≤", 3),
        ("publication", "≤", 4.05),  # 3 × 1.35
    }
    assert [name for name in (*STAGES, *FITS) if stage_class(name).name != name] == []


# what is shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01234, "0.0123"),
        (1.234, "1.23"),
        (12.34, "12.3"),
        (1234.4, "1234"),
        (0, "0.00"),
        (4e-6, "0.0000"),
    ],
)
def test_three_digits(value, text):
    assert digits(value) == text


def shown(row: Row, scale: Scale) -> str:
    page = io.StringIO()
    Console(width=170, file=page).print(table_of(scale, [row]))
    return page.getvalue()


def test_the_table_has_medians_spread_ratio_and_verdict(tmp_path):
    (row,) = rows_from(
        StubStage({"ours": [3.0, 4.0, 5.0], "theirs": [1.0, 1.0, 1.0]}), tmp_path / "s.jsonl"
    )
    page = shown(row, DECIDES)
    for part in ("4.00 s", "3.00 – 5.00 s", "4.00 ×", "3.00 – 5.00 ×", "≤ 2 ×", "missed"):
        assert part in page
    assert "not met at this scale" in shown(row, TINY)


def test_a_whole_weeks_steps_have_their_shares(tmp_path, monkeypatch):
    monkeypatch.setattr(StubStage, "bounds", ())
    monkeypatch.setattr(StubStage, "has_parts", True)
    stage = StubStage({"ours": [8.0], "train_model": [2.0], "other": [1.0]})
    stage.peaks = {"train_model": 3 * 2**30}
    rows_from(stage, tmp_path / "s.jsonl")
    (row,) = rows_from(stage, tmp_path / "s.jsonl")  # as the journal has it
    assert "train_model 25.0%, 3,072 MiB " in shown(row, TINY)
    assert "other 12.5%  " in shown(row, TINY)


def test_a_way_that_may_miss_some_has_its_recall(tmp_path, monkeypatch):
    monkeypatch.setattr(StubStage, "bounds", ())
    stage = StubStage({"ours": [8.0], "roughly": [2.0]})
    stage.recalls = {"roughly": 0.98765}
    rows_from(stage, tmp_path / "s.jsonl")
    (row,) = rows_from(stage, tmp_path / "s.jsonl")  # as the journal has it
    assert "roughly, recall 0.988 " in shown(row, TINY)
    assert "%" not in shown(row, TINY)


def test_a_picture_of_all_scales(tmp_path):
    journal = Journal(tmp_path / "s.jsonl", Measurement)
    assert draw(journal, ["made"], tmp_path) == []
    for ratings in (10, 20):
        journal.add(
            Measurement(
                str(ratings), "made", "", ratings, 2, {"ours": [1.0, 2.0], "theirs": [3.0, 4.0]}, ""
            )
        )
    assert [path.read_bytes()[:4] for path in draw(journal, ["made", "other"], tmp_path)] == [
        b"\x89PNG"
    ]


# the data


def test_a_release_is_cut_into_drops_that_make_it_up_again(tmp_path):
    zones = zones_of(TINY, tmp_path)
    drops = LandingZone(str(zones.full)).drops("movielens")
    lines = [(Path(drop.uri) / "ratings.csv").read_text().splitlines()[1:] for drop in drops]
    published = (next(tmp_path.glob("release-*")) / "ratings.csv").read_text().splitlines()[1:]
    assert [len(part) for part in lines] == [2_000 - 10 * DELTAS, *[10] * DELTAS]
    assert sorted(line for part in lines for line in part) == sorted(published)
    times = [[int(line.split(",")[3]) for line in part] for part in lines]
    assert all(max(before) <= min(after) for before, after in pairwise(times))
    assert [drop.date for drop in drops] == list(zones.dates)
    for place, empty in enumerate(zones.empty, start=1):
        nothing, late = LandingZone(str(empty)).drops("movielens")
        assert (nothing.date, late.date) == (zones.dates[0], zones.dates[place])
        assert (Path(nothing.uri) / "ratings.csv").read_text().splitlines() == [
            "userId,movieId,rating,timestamp"
        ]
        assert (Path(late.uri) / "ratings.csv").read_text().splitlines()[1:] == lines[place]


def test_data_are_made_once_and_anew_by_other_code(tmp_path, monkeypatch):
    zones_of(TINY, tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(
        "bench.speed.data.generate_release", lambda *_, **__: pytest.fail("made again")
    )
    assert zones_of(TINY, tmp_path).dates[0] > date(2014, 1, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    monkeypatch.undo()
    monkeypatch.setattr("bench.speed.data.digest_of", lambda _: "another one")
    zones_of(TINY, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "release-another ",
        "zones-another ",
    ]


# the command


class NoServer:
    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)

    def start(self) -> None: ...

    def stop(self) -> None: ...


@pytest.fixture
def run(monkeypatch, tmp_path):
    """The command with one made stage, at a scale that decides or one that does not."""

    def called(*argv: str, decides: bool, **options: Any) -> int:
        scale = DECIDES if decides else TINY
        monkeypatch.setitem(SCALES, "tiny", scale)
        monkeypatch.setattr(
            "bench.speed.run.stage_class",
            lambda _: lambda ground: StubStage(**options, scale=ground.scale),
        )
        monkeypatch.setattr(command, "STAGES", {"made": ""})
        monkeypatch.setattr("bench.speed.run.STAGES", {"made": ""})
        monkeypatch.setattr("bench.speed.run.FITS", {})
        monkeypatch.setattr("bench.speed.ground.Ground.drop_outdated", lambda _: None)
        monkeypatch.setattr(command, "Postgres", NoServer)
        monkeypatch.setattr(command, "UNSEEN", {})
        return command.main(["--scale", "tiny", "--only", "made", *argv], tmp_path / "home")

    return called


@pytest.mark.parametrize(
    ("ours", "decides", "options", "status"),
    [
        (2.0, True, {}, 0),
        (2.1, True, {}, 1),
        (2.1, False, {}, 0),
        (2.0, True, {"lacking": "a file"}, 1),
        (2.0, False, {"lacking": "a file"}, 0),
        (2.0, False, {"fails": "no memory"}, 1),
    ],
)
def test_exit_status(run, ours, decides, options, status, capsys):
    assert run(decides=decides, seconds={"ours": [ours], "theirs": [1.0]}, **options) == status
    assert f"{int(ours == 2.0 and not options)} of 1 targets met" in capsys.readouterr().out


def test_the_journal_is_json_lines_and_kept(run, tmp_path, capsys):
    for _ in range(2):
        run(decides=False, seconds={"ours": [1.0], "theirs": [1.0]})
    assert "kept from" in capsys.readouterr().out
    (line,) = (tmp_path / "home/speed.jsonl").read_text().splitlines()
    assert json.loads(line)["seconds"] == {"ours": [1.0], "theirs": [1.0]}
    assert (tmp_path / "home/cost_against_scale.png").is_file()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--scale", "2m"], "no scale 2m"),
        (["--only", "tea"], "no stage tea"),
        (["--repeats", "6"], "6 repeats; expected 1 to 5"),
    ],
)
def test_what_cannot_be_run_is_refused(argv, message, capsys, tmp_path):
    with pytest.raises(SystemExit):
        command.main(argv, tmp_path)
    assert message in capsys.readouterr().err
