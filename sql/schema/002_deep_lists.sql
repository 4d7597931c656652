-- Publications as one row a user: the movies in arrays, deeper than readers are shown, and the
-- reasons for the first of them.

-- Readers wait until the rows are converted; nobody writes meanwhile.
LOCK TABLE batch_recommendations, candidates, scored_shards, publications;

-- The lists of all publications, a partition each.
CREATE TABLE published_lists (
    publication_id bigint NOT NULL,
    user_id        bigint NOT NULL,
    movie_ids      bigint[] NOT NULL,      -- the best first, up to the depth in publications.params
    scores         real[] NOT NULL,        -- comparable within the model's or the fallback's movies
    -- so many of the first are the model's, the rest the fallback's
    n_model        integer NOT NULL,
    arm            text,                   -- champion | challenger, while an experiment lasts
    -- what the reasons are: exact | leave_one_out | rule; NULL: none were made
    reason_kind    text CHECK (reason_kind IN ('exact', 'leave_one_out', 'rule')),
    -- three places for each of the first top_n movies, place i of rank r at 3 (r - 1) + i from 1:
    -- the user's own liked movies that speak for it, NULL where there are fewer
    cited          bigint[],
    contributions  real[],                 -- of each of these to the movie's score
    PRIMARY KEY (publication_id, user_id)
) PARTITION BY LIST (publication_id);

DO $$
DECLARE
    old_id bigint;
BEGIN
    FOR old_id IN
        SELECT substring(c.relname FROM '[0-9]+$')::bigint
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'batch_recommendations'::regclass AND NOT i.inhdetachpending
    LOOP
        EXECUTE format('CREATE TABLE published_lists_%s PARTITION OF published_lists '
                       'FOR VALUES IN (%s)', old_id, old_id);
    END LOOP;
    -- publications that were on their way out
    FOR old_id IN
        SELECT substring(relname FROM '[0-9]+$')::bigint
        FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
        WHERE relname ~ '^batch_recommendations_[0-9]+$' AND relkind = 'r'
          AND relnamespace = 'public'::regnamespace AND i.inhrelid IS NULL
    LOOP
        EXECUTE format('DROP TABLE batch_recommendations_%s', old_id);
    END LOOP;
END
$$;

INSERT INTO published_lists (publication_id, user_id, movie_ids, scores, n_model, arm)
SELECT publication_id, user_id, array_agg(movie_id ORDER BY rank), array_agg(score ORDER BY rank),
       count(*) FILTER (WHERE source = 'model'), min(arm)
FROM batch_recommendations GROUP BY publication_id, user_id;

-- Their lists go no deeper than what readers were shown.
UPDATE publications SET params = params || jsonb_build_object('depth', params -> 'top_n');

-- Digests of the rows as they are now. Where an erasure took rows, what was published cannot be
-- computed anew, but what was left can. Those of dropped publications stay as they were.
CREATE TEMP TABLE digests ON COMMIT DROP AS
SELECT publication_id,
       encode(sha256(string_agg(
           sha256(record_send(ROW(user_id, movie_ids, scores, n_model, arm, reason_kind, cited,
                                  contributions))),
           '' ORDER BY user_id)), 'hex') AS rows_sha256
FROM published_lists GROUP BY publication_id;

UPDATE publications p SET rows_sha256 = d.rows_sha256
FROM digests d
WHERE d.publication_id = p.publication_id
  AND NOT EXISTS (SELECT FROM publication_erasures e WHERE e.publication_id = p.publication_id);

UPDATE publication_erasures e SET rows_sha256 = d.rows_sha256
FROM digests d
WHERE d.publication_id = e.publication_id
  AND e.erasure_id = (SELECT max(erasure_id)
                      FROM publication_erasures o
                      WHERE o.publication_id = e.publication_id);

-- The view comes back with the files under sql/views, in the same transaction.
DROP VIEW IF EXISTS recommendations;
DROP TABLE batch_recommendations;

DROP TABLE candidates;
-- What score_users computed, before the rules of batch_recommendations.sql: a row a user, in the
-- shape of published_lists. Unlogged: scored_shards shows when a crash emptied it. Without an
-- index: it is read whole and deleted again.
CREATE UNLOGGED TABLE candidates (
    publication_key text NOT NULL,
    shard           integer NOT NULL,
    user_id         bigint NOT NULL,
    movie_ids       bigint[] NOT NULL,
    scores          real[] NOT NULL,
    reason_kind     text,
    cited           bigint[],
    contributions   real[]
);
-- What was scored before has to be scored again.
DELETE FROM scored_shards;
