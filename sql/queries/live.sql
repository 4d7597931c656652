-- What readers see: every go-live event, by the pipeline or by hand.

-- name: hold()
-- Until the transaction ends, nobody else changes the live publication.
SELECT pg_advisory_xact_lock(hashtextextended('live', 0));

-- name: may_go_live(as_of, promotion_id)
-- History does not govern the present: a week moves the live publication if its decision stands,
-- and it is newer than every week that was ever live, or is the newest of these, was not rolled
-- back, and was not decided anew since. A retired week moves nothing.
SELECT d.stands AND %(as_of)s::date NOT IN (SELECT as_of FROM retired_weeks)
   AND (n.as_of IS NULL OR %(as_of)s::date > n.as_of
        OR (%(as_of)s::date = n.as_of AND NOT n.is_rolled_back
            AND d.promotion_id = (SELECT promotion_id
                                  FROM week_decisions
                                  WHERE as_of = n.as_of))) AS may
FROM newest_live n JOIN promotions d ON d.promotion_id = %(promotion_id)s;

-- name: moves_readers(as_of)
-- Whether the lists of a decision that is made for the week now would go live, as far as the ledger
-- can say before it is made.
SELECT n.as_of IS NULL
       OR %(as_of)s::date > n.as_of
       OR (%(as_of)s::date = n.as_of AND NOT n.is_rolled_back) AS moves
FROM newest_live n;

-- name: adopt(publication_id, promotion_id)
-- A later decision for the same model is why the publication is live.
UPDATE publications
SET promotion_id = %(promotion_id)s
WHERE publication_id = %(publication_id)s AND promotion_id <> %(promotion_id)s;

-- name: retire_live(publication_id)
UPDATE publications SET is_live = false WHERE is_live AND publication_id <> %(publication_id)s;

-- name: go_live(publication_id)
UPDATE publications
SET is_live = true, first_live_at = coalesce(first_live_at, now())
WHERE publication_id = %(publication_id)s AND NOT is_live;

-- name: record_flip(publication_id, cause, reason, requested_by, run_id)
INSERT INTO live_history (publication_id, as_of, cause, reason, requested_by, run_id)
SELECT %(publication_id)s, greatest(n.as_of, p.as_of), %(cause)s, %(reason)s, %(requested_by)s,
       %(run_id)s
FROM publications p CROSS JOIN newest_live n WHERE p.publication_id = %(publication_id)s
RETURNING seq;

-- name: tell_plans(seq)
-- In the transaction that made the change: see the view recommendations.
CREATE OR REPLACE FUNCTION newest_change_of_live() RETURNS bigint LANGUAGE sql STABLE
RETURN {seq}::bigint;

-- name: now()
-- A copy counts as what it was copied from, as long as its rows are there.
SELECT publication_id, as_of, coalesce(copy_of, publication_id) AS origin_id,
       to_regclass('published_lists_' || publication_id) IS NOT NULL AS has_rows
FROM publications WHERE is_live;

-- name: live_model()
-- Whose lists readers see.
SELECT publication_id, as_of, recipe_key, model_version FROM publications WHERE is_live;

-- name: flipped_by(run_id)
-- What a run has made live already: a retry does nothing more.
SELECT publication_id, cause
FROM live_history
WHERE run_id = %(run_id)s AND cause <> 'published'
ORDER BY seq DESC
LIMIT 1;

-- name: overrule()
-- Weeks that were decided and are not live yet were decided in favour of what is being put aside.
UPDATE promotions SET stands = false
WHERE stands
  AND as_of > (SELECT as_of FROM newest_live)
  AND as_of NOT IN (SELECT as_of FROM retired_weeks)
RETURNING as_of;

-- name: flips()
-- All publications that were ever live, in order; a copy counts as what it was copied from.
SELECT coalesce(p.copy_of, p.publication_id) AS publication_id, h.cause
FROM live_history h JOIN publications p USING (publication_id) ORDER BY h.seq;

-- name: retirement(as_of)
-- Who retired a week, when and why, where it is retired.
SELECT as_of, reason, requested_by, run_id, retired_at, publication_id
FROM retirements
WHERE as_of = %(as_of)s AND undone_at IS NULL;

-- name: week_of(publication_id)
SELECT as_of FROM publications WHERE publication_id = %(publication_id)s;

-- name: retire(as_of, reason, requested_by, run_id)
-- With the week's own publication that readers see until then.
INSERT INTO retirements (as_of, reason, requested_by, run_id, publication_id)
VALUES (%(as_of)s, %(reason)s, %(requested_by)s, %(run_id)s,
        (SELECT publication_id FROM publications WHERE is_live AND as_of = %(as_of)s));

-- name: unretire(as_of, reason, requested_by)
UPDATE retirements SET undone_at = now(), undone_by = %(requested_by)s, undone_reason = %(reason)s
WHERE as_of = %(as_of)s AND undone_at IS NULL;

-- name: kept_back()
-- The newest publication that may go live and never did, as a week that was retired since was in
-- its way.
SELECT max(p.publication_id) AS publication_id
FROM publications p
JOIN week_decisions d USING (promotion_id)
WHERE d.stands AND NOT p.is_shadow AND p.dropped_at IS NULL AND p.first_live_at IS NULL
  AND p.as_of = (SELECT max(w.as_of) FROM week_publications w)
  AND (p.as_of > (SELECT as_of FROM newest_live) OR (SELECT as_of FROM newest_live) IS NULL);

-- name: candidates()
-- Publications whose rows are there and that readers may see, the newest first.
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.n_users, p.n_rows, p.is_live,
       (p.params ->> 'top_n')::integer AS top_n,
       p.experiment, p.first_live_at,
       (SELECT max(h.went_live_at)
        FROM live_history h
        WHERE h.publication_id = p.publication_id) AS last_live_at,
       coalesce(p.copy_of, p.publication_id) AS origin_id, p.left_out
FROM publications p
JOIN pg_class c ON c.relname = 'published_lists_' || p.publication_id
  AND c.relnamespace = 'public'::regnamespace
JOIN pg_inherits i ON i.inhrelid = c.oid
  AND i.inhparent = 'published_lists'::regclass
  AND NOT i.inhdetachpending
WHERE NOT p.is_shadow AND p.promotion_id IS NOT NULL AND p.dropped_at IS NULL
  AND p.as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY p.as_of DESC, p.publication_id DESC;

-- name: withdrawn_since(publication_id)
-- Movies that a publication holds, at any depth, though they were withdrawn after it was made.
WITH gone AS MATERIALIZED (
    SELECT array_agg(w.movie_id) AS movie_ids
    FROM withdrawn w JOIN publications p ON w.withdrawn_at > p.published_at
    WHERE p.publication_id = %(publication_id)s
)
SELECT DISTINCT movie_id
FROM gone
JOIN published_lists l ON l.movie_ids && gone.movie_ids
CROSS JOIN LATERAL unnest(l.movie_ids) AS movie_id
WHERE l.publication_id = %(publication_id)s AND movie_id = ANY (gone.movie_ids)
ORDER BY movie_id;

-- name: champion_follows(publication_id, decision, reasons, run_id, approved_by)
-- The champion goes where the live publication goes. The row stands for the newest week that was
-- ever live.
INSERT INTO promotions (as_of, decision, recipe_key, recipe, model_version, fit_key,
                        incumbent, comparisons, reasons, fingerprint, n_ratings, git_sha, run_id,
                        approved_by, users_needed)
SELECT n.as_of, %(decision)s, d.recipe_key, d.recipe, d.model_version, d.fit_key,
       c.recipe_key, '[]', %(reasons)s, d.fingerprint, d.n_ratings, d.git_sha, %(run_id)s,
       %(approved_by)s, c.users_needed
FROM publications p
JOIN promotions d USING (promotion_id)
CROSS JOIN newest_live n
LEFT JOIN (SELECT recipe_key, users_needed FROM promotions
           WHERE stands AND as_of NOT IN (SELECT as_of FROM retired_weeks)
           ORDER BY as_of DESC, promotion_id DESC LIMIT 1) c ON true
WHERE p.publication_id = %(publication_id)s;
