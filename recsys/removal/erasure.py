"""The erasure of a user: what there is of them, what goes, and what still holds them afterwards."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection, Lock, advisory_lock, connect, one_row
from recsys.db.queries import queries
from recsys.errors import RequestError
from recsys.promotion.copies import without_erased
from recsys.promotion.live import go_live
from recsys.promotion.partitions import count_rows, run_on
from recsys.settings import Settings


@dataclass(frozen=True)
class Person:
    """What there is of a user."""

    user_id: int
    counts: dict[str, int]
    years: str  # of their ratings
    erased_at: datetime | None
    lists: Sequence[Any]  # publication_id, as_of, is_live
    drops: Sequence[Any]  # source, drop_date
    models: Sequence[Any]  # model_version, as_of, recipe_key

    @property
    def is_known(self) -> bool:
        """Return whether there is anything of them."""
        return any(self.counts.values()) or bool(self.lists)

    @property
    def what_goes(self) -> str:
        """Return what an erasure removes, in a few lines."""
        found = ", ".join(f"{n:,} {name}" for name, n in self.counts.items() if n) or "nothing"
        lists = (", ").join(
            f"{row.publication_id}{' (live)' if row.is_live else ''}" for row in self.lists
        ) or "none"
        return f"user {self.user_id}: {found}{self.years}\nlists in publications: {lists}"

    @property
    def what_stays(self) -> str:
        """Return what holds them after an erasure, and until when, in a few lines."""
        lines = []
        if self.models:
            versions = (", ").join(
                f"{row.model_version} ({row.recipe_key}, week {row.as_of})" for row in self.models
            )
            lines.append(
                f"model versions fitted on their ratings: {versions}; until they are fitted again "
                "(--refit) and deleted "
                "in MLflow, with the runs of these weeks' exams"
            )
        if self.drops:
            drops = ", ".join(f"{row.source} {row.drop_date}" for row in self.drops)
            lines.append(
                f"files of the drops {drops}, and of any later one that repeats them; until you "
                "delete them. "
                "Ingest skips the user"
            )
        lines.append(
            "the number itself, as the tombstone by which ingest knows whom to skip; for good"
        )
        return "\n".join(f"- {line}" for line in lines)


def find_person(conn: Connection, user_id: int) -> Person:
    """Return what there is of a user, be it nothing."""
    removal, key = queries("removal"), {"user_id": user_id}
    row = one_row(conn, removal["person"], key)
    names = {
        "ratings": "ratings",
        "tags": "tags",
        "demographics": "rows of demographics",
        "rejected": "rejected rows",
    }
    counts = {name: getattr(row, column) for column, name in names.items()}
    counts["exams with their scores"] = row.exams
    years = (
        f"; rated from {row.first_rated:%Y-%m-%d} to {row.last_rated:%Y-%m-%d}"
        if row.ratings
        else ""
    )
    lists = conn.execute(removal["lists_of"], key).fetchall()
    drops = conn.execute(removal["drops_of"], key).fetchall()
    models = conn.execute(removal["models_of"], key).fetchall()
    return Person(user_id, counts, years, row.erased_at, lists, drops, models)


def check_person(person: Person, *, bar: bool) -> None:
    """Raise RequestError for a user of whom there is nothing, unless they were erased before or
    their number is to be barred.
    """
    if person.is_known or person.erased_at or bar:
        return
    raise RequestError(
        f"no user {person.user_id}: expected one who rated, tagged or is described in a drop. "
        "Nothing was changed. "
        "To keep a user of that number out of every later drop: python -m recsys erase "
        f"{person.user_id} --bar"
    )


def erase_user(
    settings: Settings,
    user_id: int,
    *,
    now: bool = False,
    bar: bool = False,
    requested_by: str = "",
    run_id: str = "",
) -> dict[str, int]:
    """Remove a user's facts and recommendations in one transaction, views included; return how many
    rows of each went.

    The tombstone keeps every later drop from bringing the user back. Exams of weeks not yet decided
    are set again, since what they were set on has changed. Kept publications lose the user's rows,
    which the ledger says beside their digests. Models fitted before keep what they learned; the
    ledger lists them, for `refit_versions`.

    `now`: put a copy of the live publication before readers, by hand, whose counts and digest are
    those of its rows. `bar`: set the tombstone also for a user of whom there is nothing, who else
    is refused with RequestError.
    """
    removal, key = queries("removal"), {"user_id": user_id}
    erasures: list[tuple[str, LiteralString]] = [
        (name, text) for name, text in removal.items() if name.startswith("erase_")
    ]
    with connect(settings) as conn, ExitStack() as held:
        for lock in (Lock.INGEST, Lock.VIEWS, Lock.PUBLISH):
            held.enter_context(advisory_lock(conn, lock))
        held.enter_context(conn.transaction())
        conn.execute(queries("live")["hold"])
        person = find_person(conn, user_id)
        check_person(person, bar=bar)
        conn.execute(removal["bury"], key)
        conn.execute(queries("ingest")["empty_staging"])
        conn.execute(removal["void_undecided_exams"])
        _want_refits(conn, person)
        counts = {
            name.removeprefix("erase_"): conn.execute(text, key).rowcount for name, text in erasures
        }
        conn.execute(removal["redact_reasons"], key)
        _record_erasures(conn, person)
        if now:
            _serve_copy(conn, requested_by, run_id)
        for refresh in queries("views").values():
            conn.execute(refresh)
    return {name.replace("_", " "): n for name, n in counts.items()}


def _want_refits(conn: Connection, person: Person) -> None:
    for model in person.models:
        named = {
            "model_version": model.model_version,
            "as_of": model.as_of,
            "recipe_key": model.recipe_key,
        }
        conn.execute(queries("removal")["want_refit"], named | {"recipe": Jsonb(model.recipe)})


def _record_erasures(conn: Connection, person: Person) -> None:
    """Say in the ledger of which publications rows went, and what their rows come to now."""
    for row in conn.execute(queries("removal")["loose_partitions"]).fetchall():
        run_on(
            conn,
            queries("removal")["clear_partition"],
            row.publication_id,
            {"user_id": person.user_id},
        )
    for row in person.lists:
        digest = count_rows(conn, row.publication_id)["rows_sha256"]
        entry = {"publication_id": row.publication_id, "n_rows": row.n_rows, "rows_sha256": digest}
        conn.execute(queries("removal")["record_erasure"], entry)


def _serve_copy(conn: Connection, requested_by: str, run_id: str) -> None:
    live = conn.execute(queries("live")["now"]).fetchone()
    if live is None or not count_rows(conn, live.publication_id)["n_rows"]:
        return  # a copy without a row is no publication, and must keep nobody from being erased
    copy_id = without_erased(conn, live.publication_id, run_id)
    if copy_id != live.publication_id:
        reason = f"a user was erased from publication {live.publication_id}"
        flip = {
            "publication_id": copy_id,
            "cause": "by hand",
            "reason": reason,
            "requested_by": requested_by,
            "run_id": run_id,
        }
        go_live(conn, flip)
