-- One immutable, complete set of recommendations a publication; exactly one is live.
CREATE TABLE publications (
    publication_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_key text NOT NULL UNIQUE,  -- digest of what made it: as_of, watermark, params, model version
    as_of           date NOT NULL REFERENCES weeks,
    watermark       bigint NOT NULL,
    params          jsonb NOT NULL,
    recipe_key      text NOT NULL,
    model_version   text NOT NULL,
    n_users         bigint NOT NULL,
    n_rows          bigint NOT NULL,
    n_fallback      bigint NOT NULL,
    rows_sha256     text NOT NULL,         -- of all rows in order: the same inputs give the same digest
    published_at    timestamptz NOT NULL DEFAULT now(),
    first_live_at   timestamptz,           -- NULL: never live, e.g. a backfill of an older week
    keep_from       date NOT NULL,         -- the newest week ever live when it was published: retention counts from here
    is_live         boolean NOT NULL DEFAULT false,
    dropped_at      timestamptz            -- its rows went by retention
);
CREATE UNIQUE INDEX publications_one_live ON publications (is_live) WHERE is_live;

CREATE TABLE batch_recommendations (
    publication_id bigint NOT NULL,
    user_id        bigint NOT NULL,
    rank           integer NOT NULL,
    movie_id       bigint NOT NULL,
    score          real NOT NULL,          -- comparable within one user's rows of one source
    source         text NOT NULL,          -- model | fallback
    PRIMARY KEY (publication_id, user_id, rank)
) PARTITION BY LIST (publication_id);

-- What score_users found, before the rules of batch_recommendations.sql. Unlogged: the shard ledger tells when a crash emptied it.
CREATE UNLOGGED TABLE candidates (
    publication_key text NOT NULL,
    shard           integer NOT NULL,
    user_id         bigint NOT NULL,
    movie_id        bigint NOT NULL,
    score           real NOT NULL
);
CREATE INDEX candidates_of_publication ON candidates (publication_key, shard);

CREATE TABLE scored_shards (
    publication_key text NOT NULL,
    shard           integer NOT NULL,
    n_shards        integer NOT NULL,
    n_rows          bigint NOT NULL,
    PRIMARY KEY (publication_key, shard)
);
