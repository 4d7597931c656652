"""A small landing zone for tests: put a drop there as a publisher would, and take it in."""

import gzip
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from recsys.db.connect import Connection
from recsys.drops.zone import LandingZone
from recsys.ingest import ledger
from recsys.ingest.load import Ingested, ingest

FAR = date(2100, 1, 1)


class Landing:
    """Drops under `folder`, taken in through `conn`."""

    def __init__(self, folder: Path, conn: Connection) -> None:
        self.folder, self.conn = folder, conn
        self.zone = LandingZone(str(folder))

    def put(self, day: date, files: Mapping[str, str | bytes], source: str = "movielens") -> Path:
        """A complete drop. A name that ends in .gz is compressed; text is UTF-8, or latin-1 for
        `.dat` and `u.` files.
        """
        place = self.folder / source / day.isoformat()
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            old = name.endswith(".dat") or name.startswith("u.")
            data = (
                content
                if isinstance(content, bytes)
                else content.encode("latin-1" if old else "utf-8")
            )
            (place / name).write_bytes(
                gzip.compress(data) if name.endswith(".gz") and isinstance(content, str) else data
            )
        (place / "_SUCCESS").touch()
        return place

    def put_zip(self, day: date, files: Mapping[str, str]) -> Path:
        place = self.put(day, {})
        with zipfile.ZipFile(place / "release.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"release/{name}", content)
        return place

    def take_in(self, *, as_of: date = FAR, max_bad_share: float = 0.01) -> list[Ingested]:
        """What resolve_week and ingest_drops do: register all, take in what is new, oldest
        first.
        """
        ledger.register_drops(self.conn, self.zone, as_of)
        ((newest,),) = self.rows("SELECT coalesce(max(drop_id), 0) FROM drops")
        todo = ledger.drops_to_ingest(self.conn, self.zone, watermark=newest, as_of=as_of)
        return [
            ingest(self.conn, self.zone, drop, drop_id, max_bad_share=max_bad_share)
            for drop_id, drop in todo
        ]

    def bring(
        self,
        day: date,
        files: Mapping[str, str | bytes],
        source: str = "movielens",
        *,
        max_bad_share: float = 0.01,
    ) -> Ingested:
        """Put one drop and take it in."""
        self.put(day, files, source)
        (got,) = self.take_in(max_bad_share=max_bad_share)
        return got

    def rows(self, query: str) -> list[tuple]:
        return [tuple(row) for row in self.conn.execute(query.encode()).fetchall()]
