"""A new source is one module, one line and one test class."""

import pytest

from recsys.ingest import SOURCES
from recsys.settings import Settings
from tests import steps
from tests.contracts.source_contract import BEYOND_INT64, DAY, Correction, Sample, SourceContract
from tests.contracts.test_source_contract import T
from tests.landing import Landing

TOY = Sample(
    files={
        "films.psv": "film|name|kinds\n1|Toy Story (1995)|Animation\n2|Heat (1995)|Crime\n",
        "stars.psv": f"film|stars|person|when\n1|5|7|{T}\n2|4|7|{T}\n1|3|8|{T}\n",
    },
    required=("films.psv", "stars.psv"),
    broken={"films.psv": "3||Drama\n", "stars.psv": f"1|6|7|{T}\n"},
    beyond_int64={
        "films.psv": f"{BEYOND_INT64}|Ran (1985)|Drama\n",
        "stars.psv": f"1|4|{BEYOND_INT64}|{T}\n",
    },
    corrections=(
        Correction("films.psv", "Animation", "Comedy"),
        Correction("stars.psv", "1|5|7", "1|4|7"),
    ),
    of_users=("stars.psv",),
)


class TestToy(SourceContract):
    source = "toy"
    population = "toy"
    sample = TOY

    @pytest.fixture(autouse=True)
    def registered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The line in SOURCES."""
        monkeypatch.setitem(SOURCES, "toy", "tests.contracts.toy_source:Toy")

    def test_a_week_takes_its_drop_in(self, settings: Settings, landing: Landing) -> None:
        self.put(landing, self.sample.files)
        week = steps.resolve_week(settings, as_of=DAY)
        steps.ingest_drops(settings, week)
        assert landing.rows("SELECT source, drop_date, state FROM drops") == [
            ("toy", DAY, "ingested")
        ]
