"""A publication without what was withdrawn or erased since it was made: a copy of it, whole and
immutable like any other.

The lists that lose a movie are made anew from the model's choices in them and the fallback, by the
rules of every publication; all others stay as they are. So readers see a complete publication at
each moment, and a read costs no more than before: a view that left withdrawn movies out would look
at each row, and its ranks would have holes.
"""

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import date
from typing import Any

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_row, fetch_rows, fetch_value, fetch_values, find_row, find_value
from recsys.errors import BusyError
from recsys.promotion.partitions import (
    check_rows,
    count_rows,
    create_partition,
    fill_by_rules,
    finish_partition,
    gather_to_mend,
    run_on,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """A publication that is copied; `origin_id` is what it was copied from, or itself."""

    publication_id: int
    publication_key: str
    as_of: date
    watermark: int
    params: dict[str, Any]
    origin_id: int
    left_out: list[int]


@dataclass(frozen=True)
class EarlierCopy:
    """The same copy, as it was made before."""

    publication_id: int
    has_rows: bool
    is_half_detached: bool

    def refuse_half_detached(self, source_id: int) -> None:
        """Raise BusyError while its table is being detached."""
        if self.is_half_detached:
            raise BusyError(
                f"publication {self.publication_id}, a copy of {source_id}, is on "
                "its way out; try again later"
            )


@dataclass(frozen=True)
class Copy:
    """What a copy is made of: its source, the movies that go, and the newest erasure."""

    source: Source
    withdrawn: set[int]
    erasure: int | None
    run_id: str

    @property
    def key(self) -> str:
        """Return the key that the same copy has again."""
        inputs: list[object] = [self.source.publication_key, sorted(self.withdrawn), self.erasure]
        return hashlib.sha256(json.dumps(inputs).encode()).hexdigest()[:32]

    @property
    def left_out(self) -> list[int]:
        """Return the movies that it lacks, those that its source lacked among them."""
        return sorted(self.withdrawn | set(self.source.left_out))

    @property
    def record(self) -> dict[str, object]:
        """Return what the ledger has of it, by the names of the columns."""
        return {
            "publication_key": self.key,
            "origin_id": self.source.origin_id,
            "left_out": self.left_out,
            "run_id": self.run_id,
        }

    def params(self, copy_id: int) -> dict[str, Any]:
        """Return the parameters of the queries that fill it."""
        return self.source.params | {
            "publication_id": copy_id,
            "publication_key": self.key,
            "source_id": self.source.publication_id,
            "as_of": self.source.as_of,
            "watermark": self.source.watermark,
        }


@dataclass(frozen=True)
class ArmOfLosers:
    """An arm of the experiment, None outside of one, with a user who loses a movie."""

    arm: str | None


def without_withdrawn(conn: Connection, publication_id: int, run_id: str = "") -> int:
    """Return the publication or, where it holds withdrawn movies, its copy without them: made now,
    or found.
    """
    movies = withdrawn_since(conn, publication_id)
    if not movies:
        return publication_id
    return copy_publication(conn, publication_id, movies, run_id=run_id)


def without_erased(conn: Connection, publication_id: int, run_id: str = "") -> int:
    """Return the publication or, where an erasure took rows from it, its copy, whose counts and
    digest are those of its rows.
    """
    params = {"publication_id": publication_id}
    erasure = find_value(conn, int, queries("removal")["erasures_of"], params)
    if erasure is None:
        return without_withdrawn(conn, publication_id, run_id)
    movies = withdrawn_since(conn, publication_id)
    return copy_publication(conn, publication_id, movies, run_id=run_id, erasure=erasure)


def withdrawn_since(conn: Connection, publication_id: int) -> set[int]:
    """Return the movies that it holds though they were withdrawn after it was made."""
    query = queries("live")["withdrawn_since"]
    return set(fetch_values(conn, int, query, {"publication_id": publication_id}))


def copy_publication(
    conn: Connection,
    publication_id: int,
    withdrawn: set[int],
    *,
    run_id: str,
    erasure: int | None = None,
) -> int:
    """Copy a publication without the movies; return the copy's id. The same copy is made once.

    In a transaction that holds the flips' lock. Raises PublicationError where the copy fails a
    publication's checks.
    """
    copy = Copy(find_source(conn, publication_id), withdrawn, erasure, run_id)
    earlier = find_copy(conn, copy)
    if earlier and earlier.has_rows:
        return earlier.publication_id
    if earlier:
        earlier.refuse_half_detached(publication_id)
    copy_id = earlier.publication_id if earlier else new_id(conn)
    make_copy(conn, copy, copy_id)
    return copy_id


def find_source(conn: Connection, publication_id: int) -> Source:
    """Return a publication as a copy's source."""
    query = queries("publication")["origin"]
    return fetch_row(conn, Source, query, {"publication_id": publication_id})


def find_copy(conn: Connection, copy: Copy) -> EarlierCopy | None:
    """Return the same copy where it was made before."""
    query = queries("publication")["copy_known"]
    return find_row(conn, EarlierCopy, query, {"publication_key": copy.key})


def new_id(conn: Connection) -> int:
    """Return the next publication's id."""
    return fetch_value(conn, int, queries("publication")["new_id"])


def make_copy(conn: Connection, copy: Copy, copy_id: int) -> None:
    """Fill the copy's table, record it and attach it."""
    params = copy.params(copy_id)
    n_anew = CopyTable(conn, copy_id, params).fill()
    record = params | copy.record | count_rows(conn, copy_id, params["top_n"])
    conn.execute(queries("publication")["record_copy"], record)
    run_on(conn, queries("publication")["attach_partition"], copy_id)
    log.info(
        "publication %s: copied from %s without movies %s; %s lists made anew",
        copy_id,
        copy.source.publication_id,
        copy.left_out,
        n_anew,
    )


@dataclass(frozen=True)
class CopyTable:
    """The copy's own table, while it is filled."""

    conn: Connection
    copy_id: int
    params: dict[str, Any]

    def fill(self) -> int:
        """Fill it and check it; return how many lists were made anew."""
        create_partition(self.conn, self.copy_id)
        off_offer = self.gather()
        self.copy_other_lists()
        n_anew = sum(self.remake_lists(each.arm, off_offer) for each in self.arms())
        finish_partition(self.conn, self.copy_id)
        self.check()
        self.drop_temporary()
        return n_anew

    def gather(self) -> list[int]:
        """Fill the temporary tables that the rules and the checks read; return the movies that
        go.
        """
        publication = queries("publication")
        self.conn.execute(publication["gather_readers"], self.params)
        self.conn.execute(publication["hash_the_few"])
        self.conn.execute(publication["weigh_likes"], self.params)
        self.conn.execute(publication["find_losers"], self.params)
        self.conn.execute(publication["offer_lists_of_losers"], self.params)
        self.conn.execute(publication["set_readers_aside"])
        return gather_to_mend(self.conn, self.params)

    def copy_other_lists(self) -> None:
        """Copy the lists that lose no movie."""
        run_on(self.conn, queries("publication")["copy_rows"], self.copy_id, self.params)

    def arms(self) -> list[ArmOfLosers]:
        """Return the arms of the users who lose a movie."""
        return fetch_rows(self.conn, ArmOfLosers, queries("publication")["arms_of_losers"])

    def remake_lists(self, arm: str | None, off_offer: list[int]) -> int:
        """Make the lists of an arm anew, without what is not on offer; return how many there
        are.
        """
        publication = queries("publication")
        self.conn.execute(publication["empty_readers"])
        n_lists = self.conn.execute(publication["gather_losers"], {"arm": arm}).rowcount
        self.conn.execute(publication["analyze_temporary"])
        outside = {"experiment": None, "share": 0.0, "shadow_id": None, "arm": arm}
        outside["off_offer"] = off_offer
        fill_by_rules(self.conn, self.copy_id, self.params | outside)
        return n_lists

    def check(self) -> None:
        """Hold its rows against the snapshot of all readers."""
        publication = queries("publication")
        self.conn.execute(publication["empty_readers"])
        self.conn.execute(publication["bring_readers_back"])
        self.conn.execute(publication["analyze_temporary"])
        snapshot = {key: self.params[key] for key in ("as_of", "watermark")}
        check_rows(self.conn, self.copy_id, snapshot, self.params["depth"])

    def drop_temporary(self) -> None:
        """Drop the temporary tables."""
        self.conn.execute(queries("publication")["drop_temporary"])
        self.conn.execute(queries("publication")["forget_losers"])
        self.conn.execute(queries("publication")["forget_candidates"], self.params)
