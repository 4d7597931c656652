-- What was applied to this database. Created before all else, so that every file can be recorded in
-- the transaction that applies it.

-- The numbered files of sql/schema: each once, in order.
CREATE TABLE IF NOT EXISTS migrations (
    name       text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- The files of sql/views: each again when its text is another one.
CREATE TABLE IF NOT EXISTS applied_views (
    name       text PRIMARY KEY,         -- the path under sql/views
    sha256     text NOT NULL,            -- of the text that was applied
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- What these files made: found again by its name, so that a restored dump is as good.
CREATE TABLE IF NOT EXISTS applied_objects (
    view_file  text NOT NULL REFERENCES applied_views ON DELETE CASCADE,
    place      integer NOT NULL,         -- in the order in which the file made them
    kind       text NOT NULL,            -- view, materialized view or function
    identity   text NOT NULL,            -- as in pg_identify_object
    -- that the file gave: all others were given by hand, and stay
    grants     text[] NOT NULL,
    PRIMARY KEY (view_file, place)
);
