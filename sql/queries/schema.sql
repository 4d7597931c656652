-- What was applied to this database, and how views that were edited take the place of the old ones.

-- name: has_migrations()
SELECT to_regclass('migrations') IS NOT NULL AS there;

-- name: migrations()
-- The numbered files that were applied.
SELECT name FROM migrations;

-- name: record_migration(name)
INSERT INTO migrations (name) VALUES (%(name)s);

-- name: applied_views()
-- The view files that were applied, and whether all that they made is still there.
SELECT name, sha256,
       NOT EXISTS (SELECT FROM applied_objects
                   WHERE view_file = name
                     AND CASE kind WHEN 'routine' THEN to_regprocedure(identity)::oid
                                   ELSE to_regclass(identity)::oid END IS NULL) AS is_whole
FROM applied_views;

-- name: with_dependants(names)
-- View files, and those that made something which depends on what these made, and so on.
WITH RECURSIVE objects AS (
    SELECT view_file, 'pg_class'::regclass AS catalog, to_regclass(identity)::oid AS oid
    FROM applied_objects WHERE kind <> 'routine'
    UNION ALL
    SELECT view_file, 'pg_proc'::regclass, to_regprocedure(identity)::oid
    FROM applied_objects WHERE kind = 'routine'
),
edges AS (  -- a view depends by its rule or by its index; and others on its type, if not on itself
    SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END AS catalog,
           coalesce(r.ev_class, x.indrelid, d.objid) AS oid,
           CASE WHEN t.oid IS NULL THEN d.refclassid ELSE 'pg_class'::regclass END AS used_catalog,
           coalesce(t.typrelid, d.refobjid) AS used_oid
    FROM pg_depend d
    LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_index x ON d.classid = 'pg_class'::regclass AND x.indexrelid = d.objid
    LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
                           AND t.typrelid <> 0
),
dependants AS (
    SELECT o.view_file, used.view_file AS used_file
    FROM edges e
    JOIN objects o ON (o.catalog, o.oid) = (e.catalog, e.oid)
    JOIN objects used ON (used.catalog, used.oid) = (e.used_catalog, e.used_oid)
),
reached (name) AS (
    SELECT unnest(%(names)s::text[])
    UNION
    SELECT d.view_file FROM dependants d JOIN reached r ON r.name = d.used_file
)
SELECT name FROM reached;

-- name: open_incoming()
-- Where new views and functions are made while readers still have the old ones.
CREATE SCHEMA incoming;

-- name: look_first_in_incoming(home)
-- What a view file names is looked up among the new, then in the file's own schema.
SELECT set_config(
    'search_path', concat_ws(', ', 'incoming', quote_ident(%(home)s), 'public'), true
);

-- name: look_in_public()
SELECT set_config('search_path', 'public', true);

-- name: incoming()
-- What the view files have made so far, in that order.
SELECT 'pg_class'::regclass::oid AS catalog, oid,
       CASE relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END AS kind
FROM pg_class WHERE relnamespace = 'incoming'::regnamespace AND relkind IN ('v', 'm')
UNION ALL
SELECT 'pg_proc'::regclass::oid, oid, 'routine'
FROM pg_proc WHERE pronamespace = 'incoming'::regnamespace
ORDER BY oid;

-- name: analyze_incoming(oid)
-- The statement that gives the planner the figures of a new materialized view.
SELECT format('ANALYZE %%s', %(oid)s::regclass) AS statement;

-- name: drops(names)
-- The statements that drop what view files made, what depends on others first.
SELECT format('DROP %%s %%s', kind, identity) AS statement
FROM applied_objects
WHERE view_file = ANY (%(names)s)
  AND CASE kind WHEN 'routine' THEN to_regprocedure(identity)::oid
                ELSE to_regclass(identity)::oid END IS NOT NULL
ORDER BY view_file COLLATE "C" DESC, place DESC;

-- name: move_home(kind, catalog, oid, home)
-- The statement that moves a new object to where it belongs.
SELECT format('ALTER %%s %%s SET SCHEMA %%I', %(kind)s::text, identity, %(home)s::text) AS statement
FROM pg_identify_object(%(catalog)s, %(oid)s, 0);

-- name: close_incoming()
DROP SCHEMA incoming;

-- name: forget_views(names)
DELETE FROM applied_views WHERE name = ANY (%(names)s);

-- name: record_view(name, sha256)
INSERT INTO applied_views (name, sha256) VALUES (%(name)s, %(sha256)s);

-- name: record_object(name, place, kind, catalog, oid)
INSERT INTO applied_objects (view_file, place, kind, identity, grants)
SELECT %(name)s, %(place)s, %(kind)s, identity, '{}'
FROM pg_identify_object(%(catalog)s, %(oid)s, 0);

-- name: grants()
-- Every grant on what view files made, as the statement that gives it, and whether its file does.
WITH given AS (
    SELECT o.identity, c.relowner AS owner, c.relacl AS acl, '' AS columns
    FROM applied_objects o JOIN pg_class c ON c.oid = to_regclass(o.identity)
    WHERE o.kind <> 'routine'
    UNION ALL
    SELECT o.identity, c.relowner, a.attacl, format(' (%I)', a.attname)
    FROM applied_objects o
    JOIN pg_class c ON c.oid = to_regclass(o.identity)
    JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE o.kind <> 'routine' AND a.attacl IS NOT NULL AND NOT a.attisdropped
    UNION ALL
    SELECT o.identity, p.proowner, p.proacl, ''
    FROM applied_objects o JOIN pg_proc p ON p.oid = to_regprocedure(o.identity)
    WHERE o.kind = 'routine'
),
statements AS (
    SELECT o.view_file, o.place, o.grants,
           format('GRANT %s%s ON %s%s TO %s%s',
                  x.privilege_type, g.columns,
                  CASE WHEN o.kind = 'routine' THEN 'ROUTINE ' ELSE '' END, o.identity,
                  CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END,
                  CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
    FROM given g
    JOIN applied_objects o USING (identity)
    CROSS JOIN LATERAL aclexplode(g.acl) x
    LEFT JOIN pg_roles r ON r.oid = x.grantee
    WHERE x.grantee <> g.owner
)
SELECT view_file, place, statement, statement = ANY (grants) AS is_of_file FROM statements;

-- name: record_grant(view_file, place, statement)
-- Remember that a grant is the file's.
UPDATE applied_objects SET grants = array_append(grants, %(statement)s::text)
WHERE view_file = %(view_file)s AND place = %(place)s;

-- name: users_of_views(names)
-- The sessions that hold what view files made.
SELECT DISTINCT l.pid
FROM applied_objects o
JOIN pg_locks l ON l.relation = to_regclass(o.identity)
WHERE o.view_file = ANY (%(names)s) AND o.kind <> 'routine' AND l.granted
  AND l.pid <> pg_backend_pid()
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY l.pid;

-- name: wait_for_locks(milliseconds)
-- For the rest of the transaction or savepoint.
SELECT set_config('lock_timeout', %(milliseconds)s, true);
