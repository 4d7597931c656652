"""A new publication's own table: created, filled from the candidates, checked, recorded."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from psycopg.types.json import Jsonb

from recsys.db.connect import Connection
from recsys.db.queries import queries
from recsys.db.rows import fetch_value, fetch_values
from recsys.errors import PublicationError
from recsys.promotion.ledger import Origin
from recsys.promotion.partitions import (
    check_rows,
    count_rows,
    create_partition,
    fill_by_rules,
    finish_partition,
    gather_to_mend,
)
from recsys.scoring.spec import PublicationSpec
from recsys.scoring.stored import StoredPublication, fetch_publication, find_publication

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Filling:
    """What a new table is made of: the spec's candidates and, in an experiment, lists of the
    challenger's publication.
    """

    conn: Connection
    spec: PublicationSpec
    origin: Origin
    shadow: StoredPublication | None

    def fill(self) -> int:
        """Make the table; return the publication's id, the same as on record if it was there.

        Raises PublicationError where a shard was not scored or the rows fail a check.
        """
        before = find_publication(self.conn, self.spec)
        publication_id = before.publication_id if before else self.new_id()
        self.require_candidates()
        self.make_table(publication_id)
        if before:
            report_difference(self.conn, before, fetch_publication(self.conn, self.spec))
        return publication_id

    def new_id(self) -> int:
        return fetch_value(self.conn, int, queries("publication")["new_id"])

    def require_candidates(self) -> None:
        params = {"publication_key": self.spec.key}
        missing = fetch_values(self.conn, int, queries("publication")["shards_missing"], params)
        if missing:
            raise PublicationError(
                f"week {self.spec.week.as_of}: no candidates of shard {missing}; run score_users "
                "again, then this step"
            )

    def make_table(self, publication_id: int) -> None:
        params = self._params(publication_id)
        create_partition(self.conn, publication_id)
        params["off_offer"] = self.gather(params)
        fill_by_rules(self.conn, publication_id, params)
        finish_partition(self.conn, publication_id)
        week = self.spec.week
        check_rows(self.conn, publication_id, week.snapshot.params, self.spec.depth)
        self._record(params | count_rows(self.conn, publication_id, week.top_n))
        self.conn.execute(queries("publication")["drop_temporary"])

    def _params(self, publication_id: int) -> dict[str, object]:
        return {
            "publication_id": publication_id,
            "shadow_id": self.shadow.publication_id if self.shadow else None,
            **asdict(self.origin),
            **self.spec.rules,
        }

    def gather(self, params: Mapping[str, object]) -> list[int]:
        """Fill temporary tables with what needs all ratings: several workers fill these, and only
        one an INSERT. Return the candidates that are not on offer.
        """
        conn = self.conn
        conn.execute(queries("publication")["gather_readers"], params)
        conn.execute(queries("publication")["hash_the_few"])
        conn.execute(queries("publication")["weigh_likes"], params)
        conn.execute(queries("publication")["analyze_candidates"])
        off_offer = gather_to_mend(conn, params)
        conn.execute(queries("publication")["analyze_temporary"])
        return off_offer

    def _record(self, params: Mapping[str, object]) -> None:
        model = self.spec.model
        record = {
            **params,
            "recipe_key": model.recipe.key,
            "model_version": model.version,
            "fit_key": model.fit_key,
            "fingerprint": model.fingerprint,
            "n_ratings": model.n_ratings,
            "promotion_id": self.spec.promotion_id,
            "is_shadow": self.spec.promotion_id is None,
            "params": Jsonb(self.spec.params),
        }
        self.conn.execute(queries("publication")["record"], record)
        self.conn.execute(queries("publication")["clear_fallback"], record)
        self.conn.execute(queries("publication")["record_fallback"], record)


def report_difference(conn: Connection, before: StoredPublication, now: StoredPublication) -> None:
    """Log where a publication that was made again differs, and whether the ledger explains it."""
    params = {"publication_id": now.publication_id}
    if before.rows_sha256 != now.rows_sha256:
        n_removals = fetch_value(conn, int, queries("removal")["removals_since"], params)
        log.log(
            logging.INFO if n_removals else logging.WARNING,
            "publication %s was made again and differs: rows %s, before %s; %s",
            now.publication_id,
            now.rows_sha256[:12],
            before.rows_sha256[:12],
            f"{n_removals} removals since then explain it"
            if n_removals
            else "nothing in the ledger explains it",
        )
    conn.execute(queries("removal")["forget_erasures"], params)
