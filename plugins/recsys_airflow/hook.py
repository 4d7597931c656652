"""From an Airflow connection to the library's settings."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.postgres.hooks.postgres import PostgresHook

from recsys_airflow import RECSYS_DB

if TYPE_CHECKING:
    from recsys.settings import Settings


class RecsysHook(PostgresHook):
    """The project's database. Settings come from the environment (`RECSYS_…`), the database from
    the Airflow connection.
    """

    default_conn_name = RECSYS_DB
    hook_name = "Recsys"

    def __init__(self, conn_id: str = RECSYS_DB) -> None:
        super().__init__(postgres_conn_id=conn_id)

    def settings(self, statement_timeout: timedelta | None = None) -> "Settings":
        """The settings of one task; `statement_timeout` is the limit of each of its SQL
        statements.
        """
        from recsys.settings import Settings

        return Settings(database_url=self.database_url(), statement_timeout=statement_timeout)  # pyright: ignore[reportArgumentType]

    def get_conn(self) -> Any:
        """A connection of Airflow's making, its session settled as those of the library are."""
        from recsys.db.connect import settle

        conn: Any = super().get_conn()
        settle(conn)
        conn.commit()
        return conn

    def database_url(self) -> str:
        """The connection as libpq's URL, its extras (sslmode and the like) as parameters."""
        extras = {
            name: str(value)
            for name, value in self.connection.extra_dejson.items()
            if name not in self.ignored_extra_options
        }
        return self.sqlalchemy_url.set(drivername="postgresql", query=extras).render_as_string(
            hide_password=False
        )
