"""A fault between every two statements of ingest and of publish, and every state in between as
another connection sees it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from recsys.db.connect import connect
from recsys.errors import PublicationError
from recsys.settings import Settings
from recsys.week import WeekPlan
from stack.postgres import Postgres
from tests import steps
from tests.databases import create_database, execute

FACTS = ("ratings", "tags", "movies", "links", "imdb_titles", "persons", "movie_persons")


class Cut(Exception):
    """The process dies here."""


@contextmanager
def before_every_statement(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[int, psycopg.Cursor], None]
) -> Iterator[list[int]]:
    """Call `act(number, cursor)` before each statement and COPY that the library sends; the list
    counts them.
    """
    sent = [0]
    originals = {name: getattr(psycopg.Cursor, name) for name in ("execute", "copy")}

    def wrapped(name: str) -> Callable[..., Any]:
        def call(cursor: psycopg.Cursor, *args: Any, **kwargs: Any) -> Any:
            if cursor.connection.info.get_parameters().get("application_name") == "recsys":
                sent[0] += 1
                act(sent[0], cursor)
            return originals[name](cursor, *args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in originals:
            patch.setattr(psycopg.Cursor, name, wrapped(name))
        yield sent


def cut_at(number: int) -> Callable[[int, psycopg.Cursor], None]:
    """Lose the connection at the n-th statement: nobody can tidy up behind it."""

    def act(sent: int, cursor: psycopg.Cursor) -> None:
        if sent == number:
            cursor.connection.close()
            raise Cut(f"statement {number}")

    return act


def state(url: str) -> tuple[dict[str, int], list[tuple]]:
    """From another connection: rows of each fact by drop, and what readers see."""
    with psycopg.connect(url, application_name="observer") as conn:
        facts = {}
        for table in FACTS:
            facts |= {
                f"{table} of {drop}": n
                for drop, n in conn.execute(f"SELECT drop_id, count(*) FROM {table} GROUP BY 1")
            }  # pyright: ignore
        # ids of publications may have gaps
        columns = "as_of, user_id, rank, movie_id, score, source, recipe_key, model_version"
        return facts, conn.execute(
            f"SELECT {columns} FROM recommendations ORDER BY user_id, rank"
        ).fetchall()  # pyright: ignore


class Copies:
    """Databases that all start from one state."""

    def __init__(self, postgres: Postgres, settings: Settings, template: str) -> None:
        self.postgres, self.settings, self.template = postgres, settings, template
        self.count = 0

    @contextmanager
    def copy(self) -> Iterator[Settings]:
        self.count += 1
        name = f"{self.template}_{self.count}"
        create_database(self.postgres, name, template=self.template)
        try:
            yield self.settings.model_copy(
                update={"database_url": SecretStr(self.postgres.url(name))}
            )
        finally:
            execute(
                self.postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


@pytest.fixture
def copies(postgres: Postgres, settings: Settings) -> Copies:
    """Of the test's own database, as it stands when the first copy is made."""
    return Copies(
        postgres,
        settings,
        settings.database_url.get_secret_value().rsplit("/", 1)[-1].split("?")[0],
    )


def test_facts_are_all_of_a_drop_or_none_of_it(
    settings: Settings, weeks: list[date], copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    week = steps.resolve_week(settings, as_of=weeks[1])
    old_facts, old_lists = state(settings.database_url.get_secret_value())

    with copies.copy() as copy:
        url = copy.database_url.get_secret_value()
        seen: list[dict[str, int]] = []
        with before_every_statement(monkeypatch, lambda *_: seen.append(state(url)[0])) as sent:
            steps.ingest_drops(copy, week)
        whole, n_statements = state(url)[0], sent[0]
    brought = {name: n for name, n in whole.items() if name not in old_facts}
    assert brought
    assert n_statements > 40
    by_drop = {name.rsplit(" ", 1)[-1] for name in brought}
    allowed = [
        old_facts | {n: v for n, v in brought.items() if n.rsplit(" ", 1)[-1] in some}
        for some in _prefixes(sorted(by_drop, key=int))
    ]
    assert all(facts in allowed for facts in seen)

    for number in range(1, n_statements + 1):
        with copies.copy() as copy:
            url = copy.database_url.get_secret_value()
            with pytest.raises(Cut), before_every_statement(monkeypatch, cut_at(number)):
                steps.ingest_drops(copy, week)
            facts, lists = state(url)
            assert facts in allowed, f"statement {number}"
            assert lists == old_lists
            steps.ingest_drops(copy, week)
            assert state(url)[0] == whole, f"statement {number}"


def _prefixes(drops: list[str]) -> list[set[str]]:
    return [set(drops[:n]) for n in range(len(drops) + 1)]


def test_readers_see_one_whole_publication(
    settings: Settings, weeks: list[date], copies: Copies, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    week, decided = _all_but_publish(settings, weeks[1])
    old = state(settings.database_url.get_secret_value())[1]
    assert old

    with copies.copy() as copy:
        url = copy.database_url.get_secret_value()
        seen: list[list[tuple]] = []
        with before_every_statement(monkeypatch, lambda *_: seen.append(state(url)[1])) as sent:
            steps.publish_recommendations(copy, week, decided)
        new, n_statements = state(url)[1], sent[0]
    assert new != old
    assert n_statements > 15
    assert all(lists in (old, new) for lists in seen)
    assert new in seen  # the switch is not the last statement

    for number in range(1, n_statements + 1):
        with copies.copy() as copy:
            url = copy.database_url.get_secret_value()
            with pytest.raises(Cut), before_every_statement(monkeypatch, cut_at(number)):
                steps.publish_recommendations(copy, week, decided)
            assert state(url)[1] in (old, new), f"statement {number}"
            steps.publish_recommendations(copy, week, decided)
            assert state(url)[1] == new, f"statement {number}"


def _all_but_publish(settings: Settings, as_of: date) -> tuple[WeekPlan, int]:
    week = steps.resolve_week(settings, as_of=as_of)
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    steps.examine_models(settings, week)
    decided = steps.promote_champion(settings, week, steps.refit_winner(settings, week))
    for shard in range(settings.score_shards):
        steps.score_users(settings, week, decided, shard)
    return week, decided


def test_candidates_that_a_crash_took_are_missed(settings: Settings, weeks: list[date]) -> None:
    week, decided = _all_but_publish(settings, weeks[0])
    with connect(settings) as conn:
        conn.execute("TRUNCATE candidates")  # what Postgres does to an unlogged table after a crash
    with pytest.raises(
        PublicationError, match=r"no candidates of shard \[0\]; run score_users again"
    ):
        steps.publish_recommendations(settings, week, decided)
    steps.score_users(settings, week, decided, 0)
    steps.publish_recommendations(settings, week, decided)
