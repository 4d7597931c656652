-- What was taken in, what was not and why, and what each week may know.

-- One row a drop that a week has met. drop_id grows in the order of arrival: it is what a watermark compares.
-- The same date with other checksums is a new revision; nothing is overwritten.
CREATE TABLE drops (
    drop_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source        text NOT NULL,
    drop_date     date NOT NULL,
    revision      integer NOT NULL,
    sha256        text NOT NULL,          -- of the drop's sorted list of file checksums
    files         jsonb NOT NULL,         -- [{name, size, stamp, sha256}]
    admitted_for  date NOT NULL,          -- the as_of of the week that met it first
    state         text NOT NULL DEFAULT 'known' CHECK (state IN ('known', 'ingested', 'refused')),
    population    text,                   -- movielens: the release's layout, see population in ingest
    counts        jsonb,                  -- file → {rows, rejected, new}
    reason        text,                   -- why it was refused
    registered_at timestamptz NOT NULL DEFAULT now(),
    settled_at    timestamptz,            -- when it was ingested or refused
    UNIQUE (source, drop_date, revision)
);

CREATE TABLE rejected_rows (
    drop_id bigint NOT NULL REFERENCES drops,
    file    text NOT NULL,
    line    bigint NOT NULL,
    reason  text NOT NULL,
    content text NOT NULL,
    PRIMARY KEY (drop_id, file, line)
);

-- A week's watermark moves until its ingest has succeeded once, and never again; its parameters are those of its first run.
CREATE TABLE weeks (
    as_of       date PRIMARY KEY,
    watermark   bigint NOT NULL,
    params      jsonb NOT NULL,
    resolved_late boolean NOT NULL,       -- first resolved after a later week: took that day's watermark
    resolved_at timestamptz NOT NULL DEFAULT now(),
    ingested_at timestamptz
);
