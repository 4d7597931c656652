-- From candidates to the live publication. {partition} is the table of one publication,
-- published_lists_<id>.

-- name: by_key(publication_key)
-- The publication that these inputs made, if they have made one.
SELECT publication_id, n_users, n_rows, n_fallback, rows_sha256, is_live,
       EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'published_lists'::regclass AND NOT i.inhdetachpending
                 AND c.relname = 'published_lists_' || publication_id) AS has_rows,
       EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'published_lists'::regclass AND i.inhdetachpending
                 AND c.relname = 'published_lists_' || publication_id) AS is_half_detached
FROM publications WHERE publication_key = %(publication_key)s;

-- name: new_id()
SELECT nextval(pg_get_serial_sequence('publications', 'publication_id')) AS publication_id;

-- name: shard_scored(publication_key, shard, n_shards)
-- Whether a shard's candidates are all there; an unlogged table is empty after a crash of the
-- server.
SELECT EXISTS (
    SELECT FROM scored_shards s
    WHERE (s.publication_key, s.shard, s.n_shards) = (%(publication_key)s, %(shard)s, %(n_shards)s)
      AND s.n_rows = (SELECT count(*)
                      FROM candidates c
                      WHERE (c.publication_key, c.shard) = (s.publication_key, s.shard))) AS done;

-- name: forget_shard(publication_key, shard)
-- The shard counts as scored no more, before its candidates go.
WITH record AS (DELETE FROM scored_shards
                WHERE publication_key = %(publication_key)s AND shard = %(shard)s)
DELETE FROM candidates WHERE publication_key = %(publication_key)s AND shard = %(shard)s;

-- name: copy_candidates()
COPY candidates (publication_key, shard, user_id, movie_ids, scores, reason_kind, cited,
                 contributions)
FROM STDIN (FORMAT binary);

-- name: forget_other_shards(publication_key, n_shards)
-- Shards of another number of shards would leave users out, or bring them twice.
WITH others AS (DELETE FROM scored_shards
                WHERE publication_key = %(publication_key)s AND n_shards <> %(n_shards)s
                RETURNING shard)
DELETE FROM candidates
WHERE publication_key = %(publication_key)s AND shard IN (SELECT shard FROM others);

-- name: record_shard(publication_key, shard, n_shards, n_rows)
INSERT INTO scored_shards (publication_key, shard, n_shards, n_rows)
VALUES (%(publication_key)s, %(shard)s, %(n_shards)s, %(n_rows)s)
ON CONFLICT (publication_key, shard) DO UPDATE
SET n_shards = excluded.n_shards, n_rows = excluded.n_rows;

-- name: shards_missing(publication_key)
-- Shards that score_users has yet to fill, or whose rows a crash took.
SELECT n.shard
FROM (SELECT max(n_shards) AS n_shards
      FROM scored_shards
      WHERE publication_key = %(publication_key)s) total
CROSS JOIN LATERAL generate_series(0, coalesce(total.n_shards, 1) - 1) AS n (shard)
LEFT JOIN scored_shards s ON s.publication_key = %(publication_key)s
  AND s.shard = n.shard
  AND s.n_shards = total.n_shards
LEFT JOIN (SELECT shard, count(*) AS n_rows
           FROM candidates
           WHERE publication_key = %(publication_key)s
           GROUP BY shard) c ON c.shard = n.shard
WHERE s.n_rows IS DISTINCT FROM coalesce(c.n_rows, 0)
ORDER BY n.shard;

-- name: gather_readers(as_of, watermark)
-- Everyone in the week's snapshot, with how many movies they rated, and when last. Several workers
-- can count versions, but not distinct movies: so versions are counted, and the surplus of the few
-- pairs that have more than one is subtracted.
CREATE TEMP TABLE readers AS
SELECT user_id, coalesce(n_versions, 0) - coalesce(n_more, 0) AS history, newest
FROM (SELECT user_id, count(*) AS n_versions, max(rated_at) AS newest
      FROM visible_versions(%(as_of)s, %(watermark)s) GROUP BY user_id) rating
LEFT JOIN (SELECT user_id, count(*) - count(DISTINCT movie_id) AS n_more
           FROM visible_versions(%(as_of)s, %(watermark)s)
           JOIN rerated USING (user_id, movie_id)
           GROUP BY user_id) again USING (user_id)
FULL JOIN (SELECT DISTINCT user_id
           FROM users
           JOIN drops USING (drop_id)
           WHERE drop_id <= %(watermark)s AND drop_date <= %(as_of)s) registered
    USING (user_id);

-- name: weigh_likes(as_of, watermark, like_threshold, half_life_days)
-- Each movie's likes, each worth half for every half-life that it is older than the newest rating,
-- to twelve decimals: they are summed as whole numbers, in which no order of adding shows.
CREATE TEMP TABLE likes AS
SELECT movie_id, sum((worth * 1e12)::bigint) * 0.000000000001 AS likes
FROM (SELECT movie_id,
             power(0.5, date_part('epoch', (SELECT max(newest) FROM readers) - rated_at)
                        / 86400 / %(half_life_days)s) AS worth
      FROM visible_ratings(%(as_of)s, %(watermark)s) WHERE rating >= %(like_threshold)s) one
GROUP BY movie_id;

-- name: off_offer(publication_key, as_of, watermark)
-- Movies among the candidates that are not on offer: what was withdrawn since the model was asked.
SELECT movie_id
FROM (SELECT DISTINCT unnest(movie_ids) AS movie_id
      FROM candidates
      WHERE publication_key = %(publication_key)s) listed
WHERE movie_id NOT IN (SELECT movie_id FROM visible_movies(%(as_of)s, %(watermark)s)
                       WHERE movie_id NOT IN (SELECT movie_id FROM withdrawn))
ORDER BY movie_id;

-- name: gather_to_mend(publication_key, as_of, watermark, depth, off_offer)
-- Users whose candidates cannot stay as they are: there are more than depth, or one is not on offer
-- or was rated. The model leaves such movies out, and this makes sure; so these are few. In two
-- parts: several workers look up a join, and only one what stands beside an OR.
CREATE TEMP TABLE to_mend AS
SELECT user_id
FROM candidates
WHERE publication_key = %(publication_key)s
  AND (cardinality(movie_ids) > %(depth)s OR movie_ids && %(off_offer)s::bigint[])
UNION
SELECT user_id
FROM candidates c
WHERE publication_key = %(publication_key)s
  AND EXISTS (SELECT FROM visible_versions(%(as_of)s, %(watermark)s) v
              WHERE v.user_id = c.user_id AND v.movie_id = ANY (c.movie_ids));

-- ---------------- copies: the users who lose a movie get their lists anew

-- name: origin(publication_id)
-- What a copy is made of, and which movies it leaves out already.
SELECT publication_id, publication_key, as_of, watermark, params,
       coalesce(copy_of, publication_id) AS origin_id, left_out
FROM publications WHERE publication_id = %(publication_id)s;

-- name: copy_known(publication_key)
SELECT p.publication_id,
       i.inhrelid IS NOT NULL AND NOT i.inhdetachpending AS has_rows,
       i.inhdetachpending IS TRUE AS is_half_detached
FROM publications p
LEFT JOIN pg_class c ON c.relname = 'published_lists_' || p.publication_id
  AND c.relnamespace = 'public'::regnamespace
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE p.publication_key = %(publication_key)s;

-- name: set_readers_aside()
CREATE TEMP TABLE everyone AS SELECT * FROM readers;

-- name: find_losers(source_id)
-- The users in whose lists there is a withdrawn movie.
CREATE TEMP TABLE losers AS
SELECT user_id, arm
FROM published_lists
WHERE publication_id = %(source_id)s
  AND movie_ids && ARRAY(SELECT movie_id FROM withdrawn);

-- name: arms_of_losers()
SELECT DISTINCT arm FROM losers ORDER BY arm;

-- name: empty_readers()
TRUNCATE readers;

-- name: gather_losers(arm)
INSERT INTO readers
SELECT e.*
FROM everyone e
JOIN losers USING (user_id)
WHERE arm IS NOT DISTINCT FROM %(arm)s;

-- name: offer_lists_of_losers(publication_key, source_id)
-- What the model chose for them are the copy's candidates; what they lose is not on offer any more.
INSERT INTO candidates (publication_key, shard, user_id, movie_ids, scores, reason_kind, cited,
                        contributions)
SELECT %(publication_key)s, 0, user_id, movie_ids[:n_model], scores[:n_model], reason_kind, cited,
       contributions
FROM published_lists JOIN losers USING (user_id)
WHERE publication_id = %(source_id)s AND n_model > 0;

-- name: copy_rows(publication_id, source_id)
-- All other lists, as they are.
INSERT INTO {partition} (publication_id, user_id, movie_ids, scores, n_model, arm, reason_kind,
                         cited, contributions)
SELECT %(publication_id)s, user_id, movie_ids, scores, n_model, arm, reason_kind,
       cited, contributions
FROM published_lists l
WHERE publication_id = %(source_id)s
  AND NOT EXISTS (SELECT FROM losers WHERE losers.user_id = l.user_id);

-- name: bring_readers_back()
INSERT INTO readers SELECT * FROM everyone;

-- name: forget_losers()
DROP TABLE everyone, losers;

-- name: record_copy(publication_id, publication_key, source_id, origin_id, left_out, n_users,
--     n_rows, n_fallback, rows_sha256, run_id)
INSERT INTO publications (publication_id, publication_key, as_of, watermark, params, recipe_key,
                          model_version, fit_key, fingerprint, n_ratings,
                          n_users, n_rows, n_fallback, rows_sha256,
                          promotion_id, experiment, challenger_id, git_sha,
                          run_id, made_after, copy_of, left_out)
OVERRIDING SYSTEM VALUE
SELECT %(publication_id)s, %(publication_key)s, p.as_of, p.watermark, p.params, p.recipe_key,
       p.model_version, p.fit_key, p.fingerprint, p.n_ratings,
       %(n_users)s, %(n_rows)s, %(n_fallback)s, %(rows_sha256)s,
       p.promotion_id, p.experiment, p.challenger_id, p.git_sha,
       %(run_id)s, coalesce((SELECT max(seq) FROM live_history), 0),
       %(origin_id)s, %(left_out)s::bigint[]
FROM publications p WHERE p.publication_id = %(source_id)s
ON CONFLICT (publication_id) DO UPDATE
SET n_users = excluded.n_users, n_rows = excluded.n_rows, n_fallback = excluded.n_fallback,
    rows_sha256 = excluded.rows_sha256, made_after = excluded.made_after, dropped_at = NULL;

-- ---------------------------------------------------------------- how ratings are looked up

-- name: look_up_ratings()
-- A list's movies are few beside all ratings: each is looked up by the key, by several workers, not
-- all ratings read and hashed.
SET LOCAL enable_hashjoin = off;
SET LOCAL enable_mergejoin = off;

-- name: join_freely()
SET LOCAL enable_hashjoin TO DEFAULT;
SET LOCAL enable_mergejoin TO DEFAULT;

-- name: hash_the_few()
-- Several workers would hash all ratings together, and look up among them the few that have a
-- second version.
SET LOCAL enable_parallel_hash = off;

-- name: analyze_candidates()
-- The table is nearly new: without statistics the planner uses no parallel workers. Statistics of
-- the arrays' elements would take half as long as all the rules.
ANALYZE candidates (publication_key, shard, user_id);

-- name: analyze_temporary()
-- The tables are new: without statistics the planner picks a nested loop.
ANALYZE readers, likes, to_mend;

-- name: drop_temporary()
DROP TABLE readers, likes, to_mend;

-- name: create_partition(publication_id)
-- Beside the others and unseen, with the constraint that lets ATTACH skip its scan.
CREATE TABLE {partition} (LIKE published_lists INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
                          CONSTRAINT one_publication CHECK (publication_id = {publication_id}));

-- name: add_key()
-- Once the rows are there: they are put in order at once.
ALTER TABLE {partition} ADD PRIMARY KEY (publication_id, user_id);

-- name: analyze_partition()
ANALYZE {partition} (publication_id, user_id, n_model, arm);

-- name: wal_position()
-- Bytes of write-ahead log ever written.
SELECT pg_current_wal_insert_lsn() - '0/0' AS position;

-- name: attach_partition()
-- Readers of the other partitions are not kept waiting: the parent is locked against other
-- attachments only.
ALTER TABLE published_lists ATTACH PARTITION {partition} FOR VALUES IN ({publication_id});

-- name: counts(publication_id, top_n)
-- Users, rows of batch_recommendations (the first top_n movies of each list), and how many of these
-- are the fallback's; and a digest of all lists, whole and with their reasons: of each in
-- PostgreSQL's binary format, then of these digests. top_n is NULL where the publication is on
-- record. OFFSET 0 has the digests sorted, and not the lists.
SELECT count(*) AS n_users, coalesce(sum(n), 0)::bigint AS n_rows,
       coalesce(sum(greatest(n - n_model, 0)), 0)::bigint AS n_fallback,
       encode(sha256(coalesce(string_agg(digest, '' ORDER BY user_id), '')), 'hex') AS rows_sha256
FROM (SELECT user_id, n_model,
             least(cardinality(movie_ids),
                   coalesce(%(top_n)s, (SELECT (params ->> 'top_n')::integer
                                        FROM publications
                                        WHERE publication_id = %(publication_id)s))) AS n,
             sha256(record_send(ROW(user_id, movie_ids, scores, n_model, arm, reason_kind, cited,
                                    contributions))) AS digest
      FROM {partition}
      OFFSET 0) lists;

-- name: faults(as_of, watermark, depth)
-- What would make a publication wrong: how many users each fault concerns. All must be zero. Where
-- a list has depth movies, none of them twice, rated, or not on offer, there were as many left to
-- recommend; so what was left is counted for the other users. OFFSET 0 keeps a subquery to itself:
-- ratings are looked up by their key, whatever the planner thinks of reading them all.
WITH on_offer AS MATERIALIZED (
    SELECT movie_id
    FROM visible_movies(%(as_of)s, %(watermark)s)
    WHERE movie_id NOT IN (SELECT movie_id FROM withdrawn)
),
off_offer AS MATERIALIZED (
    SELECT array_agg(movie_id) AS movie_ids
    FROM (SELECT DISTINCT unnest(movie_ids) AS movie_id FROM {partition}) listed
    WHERE movie_id NOT IN (SELECT movie_id FROM on_offer)
),
other_lengths AS MATERIALIZED (
    SELECT user_id, coalesce(cardinality(movie_ids), 0) AS n
    FROM readers
    LEFT JOIN {partition} l USING (user_id)
    WHERE coalesce(cardinality(movie_ids), 0) <> %(depth)s
),
n_rated AS MATERIALIZED (
    SELECT user_id, count(DISTINCT movie_id) AS n
    FROM other_lengths u
    CROSS JOIN LATERAL (SELECT movie_id
                        FROM visible_versions(%(as_of)s, %(watermark)s) v
                        WHERE v.user_id = u.user_id
                        OFFSET 0) v
    JOIN on_offer USING (movie_id)
    GROUP BY user_id
)
SELECT
    (SELECT count(*) FROM other_lengths u LEFT JOIN n_rated r USING (user_id)
     WHERE u.n <> least(%(depth)s, (SELECT count(*) FROM on_offer) - coalesce(r.n, 0)))
        AS "users with a list of the wrong length",
    (SELECT count(*)
     FROM {partition}
     WHERE user_id NOT IN (SELECT user_id FROM readers)) AS "users outside the week's snapshot",
    (SELECT count(*)
     FROM {partition}
     WHERE movie_ids && (SELECT movie_ids FROM off_offer))
        AS "users with a movie that is not on offer",
    -- of lists that the rules put together: all others are the model's own, in which score_users
    -- has looked for movies twice
    (SELECT count(*)
     FROM {partition} l
     WHERE (n_model < cardinality(movie_ids) OR user_id IN (SELECT user_id FROM to_mend))
       AND (SELECT count(DISTINCT movie_id) FROM unnest(l.movie_ids) AS movie_id)
           <> cardinality(l.movie_ids)) AS "users with a movie twice",
    (SELECT count(*)
     FROM {partition}
     WHERE cardinality(array_remove(scores, NULL)) <> cardinality(movie_ids)
        OR n_model NOT BETWEEN 0 AND cardinality(movie_ids)) AS "users with holes in their lists";

-- name: has_rows()
SELECT EXISTS (SELECT FROM {partition}) AS has_rows;

-- name: rated_faults(as_of, watermark)
-- One more, apart from the others, as a query on tables of the transaction's own has no workers.
SELECT count(*) AS "users with a movie they had rated" FROM {partition} p
WHERE EXISTS (SELECT FROM visible_versions(%(as_of)s, %(watermark)s) v
              WHERE v.user_id = p.user_id AND v.movie_id = ANY (p.movie_ids));

-- name: record(publication_id, publication_key, as_of, watermark, params, recipe_key,
--     model_version, fit_key, fingerprint, n_ratings, n_users, n_rows, n_fallback, rows_sha256,
--     promotion_id, experiment, shadow_id, is_shadow, git_sha, run_id)
-- The same inputs keep their row: only what was measured again is written again.
INSERT INTO publications (publication_id, publication_key, as_of, watermark, params, recipe_key,
                          model_version, fit_key, fingerprint,
                          n_ratings, n_users, n_rows, n_fallback, rows_sha256,
                          promotion_id, experiment, challenger_id, is_shadow,
                          git_sha, run_id, made_after)
OVERRIDING SYSTEM VALUE
VALUES (%(publication_id)s, %(publication_key)s, %(as_of)s, %(watermark)s, %(params)s,
        %(recipe_key)s, %(model_version)s, %(fit_key)s, %(fingerprint)s,
        %(n_ratings)s, %(n_users)s, %(n_rows)s, %(n_fallback)s, %(rows_sha256)s,
        %(promotion_id)s, %(experiment)s, %(shadow_id)s, %(is_shadow)s,
        %(git_sha)s, %(run_id)s, coalesce((SELECT max(seq) FROM live_history), 0))
ON CONFLICT (publication_id) DO UPDATE
SET n_users = excluded.n_users, n_rows = excluded.n_rows, n_fallback = excluded.n_fallback,
    rows_sha256 = excluded.rows_sha256, made_after = excluded.made_after, dropped_at = NULL;

-- name: record_fallback(publication_id, as_of, watermark)
-- Every movie that was on offer, by its likes: what lists are filled up from.
INSERT INTO published_fallback (publication_id, place, movie_id, likes)
SELECT %(publication_id)s,
       row_number() OVER (ORDER BY coalesce(l.likes, 0) DESC, m.movie_id),
       m.movie_id, coalesce(l.likes, 0)
FROM visible_movies(%(as_of)s, %(watermark)s) m
LEFT JOIN likes l USING (movie_id);

-- name: without_fallback()
-- Publications that can be live and have none, as they were made before there was one; a copy reads
-- its origin's.
SELECT o.publication_id, o.as_of, o.watermark,
       (o.params ->> 'like_threshold')::double precision AS like_threshold,
       (o.params ->> 'half_life_days')::double precision AS half_life_days
FROM publications o
WHERE NOT o.is_shadow
  AND o.publication_id IN (SELECT coalesce(copy_of, publication_id) FROM publications
                           WHERE dropped_at IS NULL)
  AND NOT EXISTS (SELECT FROM published_fallback f WHERE f.publication_id = o.publication_id)
ORDER BY o.is_live DESC, o.publication_id DESC;

-- name: drop_likes()
DROP TABLE readers, likes;

-- name: clear_fallback(publication_id)
DELETE FROM published_fallback WHERE publication_id = %(publication_id)s;

-- name: forget_fallback()
-- Of publications whose rows are dropped, and whose copies' are.
DELETE FROM published_fallback
WHERE publication_id NOT IN (SELECT coalesce(copy_of, publication_id) FROM publications
                             WHERE dropped_at IS NULL);

-- name: forget_candidates(publication_key)
WITH shards AS (DELETE FROM scored_shards WHERE publication_key = %(publication_key)s)
DELETE FROM candidates WHERE publication_key = %(publication_key)s;

-- name: outlived(keep_weeks)
-- Publications whose time is over: since they were live, or were made, publications of more than
-- keep_weeks weeks went live. So the last keep_weeks that were live stay beside the live one, and
-- so does what was made as late as these; what a week's own runs put in each other's place counts
-- as one. A challenger's publication stays as long as the one that it was made for.
WITH moments AS (
    SELECT p.publication_id,
           greatest(p.made_after,
                    (SELECT max(h.seq)
                     FROM live_history h
                     WHERE h.publication_id = p.publication_id)) AS seq
    FROM publications p
),
kept_until AS (
    SELECT p.publication_id,
           greatest(m.seq,
                    (SELECT max(o.seq) FROM publications b JOIN moments o USING (publication_id)
                                              WHERE b.challenger_id = p.publication_id)) AS seq
    FROM publications p JOIN moments m USING (publication_id)
)
SELECT p.publication_id, i.inhrelid IS NOT NULL AS is_attached,
       i.inhdetachpending IS TRUE AS is_half_detached
FROM publications p
JOIN pg_class c ON c.relname = 'published_lists_' || p.publication_id
  AND c.relnamespace = 'public'::regnamespace
JOIN kept_until k USING (publication_id)
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE NOT p.is_live
  AND (SELECT count(DISTINCT l.as_of) FROM live_history h JOIN publications l USING (publication_id)
       WHERE h.seq > k.seq AND l.as_of NOT IN (SELECT as_of FROM retired_weeks)) > %(keep_weeks)s
ORDER BY i.inhdetachpending IS TRUE DESC, p.publication_id;

-- name: wait_again()
RESET lock_timeout;

-- name: wait_briefly()
-- A reader of an old publication may take long; the run does not wait for it.
SET lock_timeout = '5s';

-- name: detach_partition()
-- CONCURRENTLY: a plain DETACH would make every reader wait behind one long reader.
ALTER TABLE published_lists DETACH PARTITION {partition} CONCURRENTLY;

-- name: finish_detach()
ALTER TABLE published_lists DETACH PARTITION {partition} FINALIZE;

-- name: drop_partition()
DROP TABLE IF EXISTS {partition};

-- name: mark_dropped(publication_id)
-- Before its rows are dropped, so that nobody makes it live meanwhile; never the live one.
UPDATE publications
SET dropped_at = coalesce(dropped_at, now())
WHERE publication_id = %(publication_id)s AND NOT is_live;

-- name: last_lists(as_of, user_ids, n)
-- Some users' lists of the newest earlier week whose rows are kept.
SELECT b.user_id, b.rank, b.movie_id
FROM batch_recommendations b
WHERE b.user_id = ANY (%(user_ids)s) AND b.rank <= %(n)s
  AND b.publication_id = (
      SELECT w.publication_id FROM week_publications w JOIN publications p USING (publication_id)
      WHERE w.as_of < %(as_of)s AND p.dropped_at IS NULL ORDER BY w.as_of DESC LIMIT 1);
