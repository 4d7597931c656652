-- What a session of ours relies on, whatever the environment, the role or the database say
-- otherwise.

-- name: settle(statement_timeout)
-- One row: the database's encoding, and how many settings were fixed. A server of an older version
-- has no transaction_timeout.
WITH fixed (name, setting) AS (VALUES
    -- text: COPY sends UTF-8, and what is read must be what was written
    ('client_encoding', 'UTF8'),
    ('standard_conforming_strings', 'on'),
    ('bytea_output', 'hex'),
    ('array_nulls', 'on'),
    -- times and numbers
    ('timezone', 'UTC'),
    ('datestyle', 'ISO, YMD'),
    ('intervalstyle', 'postgres'),
    ('extra_float_digits', '1'),
    -- names, and what a query may see
    ('search_path', 'public'),
    ('row_security', 'on'),
    ('restrict_nonsystem_relation_kind', ''),
    ('transform_null_equals', 'off'),
    -- transactions
    ('default_transaction_isolation', 'read committed'),
    ('default_transaction_read_only', 'off'),
    ('default_transaction_deferrable', 'off'),
    ('exit_on_error', 'off'),
    -- limits: a connection is idle through a fit of hours, and waits at a lock for as long as its
    -- holder works
    ('lock_timeout', '0'),
    ('idle_session_timeout', '0'),
    ('idle_in_transaction_session_timeout', '0'),
    ('transaction_timeout', '0'),
    ('statement_timeout', %(statement_timeout)s)
)
SELECT
    current_setting('server_encoding') AS server_encoding,
    count(set_config(fixed.name, fixed.setting, false)) AS n_fixed
FROM fixed
JOIN pg_catalog.pg_settings ON lower(pg_settings.name) = fixed.name;
