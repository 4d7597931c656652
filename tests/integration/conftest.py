"""A small history in the landing zone: three weeks of generated drops."""

from datetime import date
from pathlib import Path

import pytest

from recsys.drops.replay import replay
from recsys.settings import Settings
from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set as published: `movielens/` and `imdb/`."""
    folder = tmp_path_factory.mktemp("published")
    generate_movielens(folder / "movielens", users=80, movies=150, ratings=4_000, seed=7)
    generate_imdb(folder / "imdb", folder / "movielens", seed=7)
    return folder


@pytest.fixture
def weeks(settings: Settings, published: Path) -> list[date]:
    """The dates of three drops of that data set, one a week, now in the test's landing zone."""
    return replay(published / "movielens", settings.drops, weeks=2, imdb=published / "imdb")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Quick recipes."""
    return settings.model_copy(update={"recipes": ("popularity", "als")})


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of so few users that a small world has a user in each of several shards."""
    monkeypatch.setattr("recsys.scoring.shards.BLOCK", 16)
    monkeypatch.setattr("recsys.models.base.BLOCK", 16)
