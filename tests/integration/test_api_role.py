"""What the API's role may do: read the views of sql/views/api, call a few functions, no more."""

from recsys.db.connect import Connection

#: What it may call that acts as its owner. Each checks what it is given.
ACTING = {
    "api.check_key",
    "api.person_named",
    "api.record_events",
    "api.record_ratings",
}


def test_the_api_reads_the_views_of_its_schema_and_nothing_else(conn: Connection) -> None:
    rows = conn.execute(
        "SELECT c.oid::regclass::text AS name, c.relkind, x.privilege_type "
        "FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) x "
        "WHERE x.grantee IN ('recsys_api'::regrole, 0) "
        "AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    ).fetchall()
    others = [
        tuple(row)
        for row in rows
        if (row.relkind, row.privilege_type) != ("v", "SELECT") or not row.name.startswith("api.")
    ]
    assert rows and others == []
    granted = {row.name for row in rows}
    views = conn.execute(
        "SELECT oid::regclass::text AS name FROM pg_class WHERE relnamespace = 'api'::regnamespace"
    )
    assert {row.name for row in views} == granted, "a view that the API may not read is none of it"


def test_the_api_calls_a_few_functions_that_act_as_their_owner(conn: Connection) -> None:
    rows = conn.execute(
        "SELECT p.oid::regproc::text AS name, p.proconfig FROM pg_proc p "
        "WHERE p.prosecdef AND has_function_privilege('recsys_api', p.oid, 'EXECUTE') "
        "AND p.pronamespace <> 'pg_catalog'::regnamespace"
    ).fetchall()
    assert {row.name for row in rows} == ACTING
    for row in rows:
        config = " ".join(row.proconfig or ())
        assert "search_path=" in config, f"{row.name}: set its search_path"
