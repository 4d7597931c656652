-- The two kinds of removal, both requested by a person.

-- ---------------------------------------------------------------- withdrawals

-- name: movie(movie_id)
-- A movie by its newest title, whether it is withdrawn, and in how many of the lists that readers
-- see it is.
SELECT m.movie_id, m.title, w.withdrawn_at, w.reason, p.publication_id, p.as_of, p.n_users,
       (SELECT count(DISTINCT r.user_id)
        FROM recommendations r
        WHERE r.movie_id = %(movie_id)s) AS n_lists
FROM (SELECT movie_id, title FROM movies JOIN drops USING (drop_id) WHERE movie_id = %(movie_id)s
      ORDER BY drop_date DESC, revision DESC LIMIT 1) m
LEFT JOIN withdrawn w ON w.movie_id = %(movie_id)s
LEFT JOIN publications p ON p.is_live;

-- name: withdraw(movie_id, reason, requested_by)
INSERT INTO withdrawals (movie_id, reason, requested_by)
VALUES (%(movie_id)s, %(reason)s, %(requested_by)s)
ON CONFLICT (movie_id) WHERE undone_at IS NULL DO NOTHING;

-- name: undo_withdrawal(movie_id, reason, requested_by)
UPDATE withdrawals SET undone_at = now(), undone_by = %(requested_by)s, undone_reason = %(reason)s
WHERE movie_id = %(movie_id)s AND undone_at IS NULL;

-- ---------------------------------------------------------------- erasures: what is there

-- name: person(user_id)
-- How much of a user there is, and since when they are erased if they are.
SELECT (SELECT count(*) FROM ratings WHERE user_id = %(user_id)s) AS ratings,
       (SELECT min(rated_at) FROM ratings WHERE user_id = %(user_id)s) AS first_rated,
       (SELECT max(rated_at) FROM ratings WHERE user_id = %(user_id)s) AS last_rated,
       (SELECT count(*) FROM tags WHERE user_id = %(user_id)s) AS tags,
       (SELECT count(*) FROM users WHERE user_id = %(user_id)s) AS demographics,
       (SELECT count(*) FROM rejected_rows WHERE user_id = %(user_id)s) AS rejected,
       (SELECT count(*) FROM feedback_ratings WHERE user_id = %(user_id)s) AS feedback_ratings,
       (SELECT count(*) FROM feedback_events WHERE user_id = %(user_id)s) AS feedback_events,
       (SELECT count(DISTINCT as_of) FROM exam_entries WHERE %(user_id)s = ANY (user_ids)) AS exams,
       (SELECT erased_at FROM erased_users WHERE user_id = %(user_id)s) AS erased_at;

-- name: lists_of(user_id)
-- The publications that hold the user's list.
SELECT p.publication_id, p.as_of, p.is_live, count(*) AS n_rows
FROM batch_recommendations b JOIN publications p USING (publication_id)
WHERE b.user_id = %(user_id)s GROUP BY p.publication_id ORDER BY p.publication_id;

-- name: drops_of(user_id)
-- The publishers' drops that brought something of the user; our own are written again without them.
SELECT DISTINCT source, drop_date
FROM (SELECT drop_id FROM ratings WHERE user_id = %(user_id)s
      UNION SELECT drop_id FROM tags WHERE user_id = %(user_id)s
      UNION SELECT drop_id FROM users WHERE user_id = %(user_id)s
      UNION SELECT drop_id FROM rejected_rows WHERE user_id = %(user_id)s) brought
JOIN drops USING (drop_id)
WHERE source <> 'feedback'
ORDER BY drop_date, source;

-- name: models_of(user_id)
-- The versions that were fitted on the user's ratings: every week's whose snapshot holds one.
SELECT v.model_version, min(v.as_of) AS as_of, v.recipe_key, v.recipe
FROM (SELECT model_version, as_of, recipe_key, recipe
      FROM promotions
      WHERE decision NOT IN ('rolled back', 'rolled forward')
      UNION ALL
      SELECT p.model_version, p.as_of, p.recipe_key, e.recipe
      FROM publications p JOIN experiments e ON e.name = p.experiment WHERE p.is_shadow) v
JOIN weeks w USING (as_of)
WHERE EXISTS (SELECT FROM ratings r
              WHERE r.user_id = %(user_id)s AND r.rated_at < v.as_of AND r.drop_id <= w.watermark)
GROUP BY v.model_version, v.recipe_key, v.recipe ORDER BY length(v.model_version), v.model_version;

-- name: request_refit(model_version, as_of, recipe_key, recipe)
INSERT INTO refits (model_version, as_of, recipe_key, recipe)
VALUES (%(model_version)s, %(as_of)s, %(recipe_key)s, %(recipe)s)
ON CONFLICT (model_version) DO NOTHING;

-- name: requested_refits()
-- Versions to fit again: those that made a publication that is kept, and the champion's.
SELECT r.model_version, r.as_of, r.recipe_key, r.recipe
FROM refits r
WHERE r.refitted_as IS NULL
  AND (EXISTS (SELECT FROM publications p
               WHERE p.model_version = r.model_version AND p.dropped_at IS NULL)
       OR r.model_version = (SELECT model_version
                             FROM promotions
                             WHERE stands AND as_of NOT IN (SELECT as_of FROM retired_weeks)
                             ORDER BY as_of DESC, promotion_id DESC LIMIT 1))
ORDER BY r.as_of, length(r.model_version), r.model_version;

-- name: record_refit(model_version, refitted_as)
UPDATE refits
SET refitted_as = %(refitted_as)s, refitted_at = now()
WHERE model_version = %(model_version)s;

-- name: decide_for_refit(model_version, refitted_as, fit_key, fingerprint, n_ratings)
-- Whoever was champion by the old version is so by the new one.
UPDATE promotions
SET model_version = %(refitted_as)s, fit_key = %(fit_key)s, fingerprint = %(fingerprint)s,
    n_ratings = %(n_ratings)s,
    reasons = reasons || format(
        'Version %%s was fitted again as version %%s, without users who were erased.',
        %(model_version)s::text, %(refitted_as)s::text)
WHERE model_version = %(model_version)s;

-- ---------------------------------------------------------------- erasures: what goes

-- name: bury(user_id)
-- The tombstone that ingest consults.
INSERT INTO erased_users (user_id) VALUES (%(user_id)s) ON CONFLICT (user_id) DO NOTHING;

-- name: void_undecided_exams()
-- An exam by which nobody was promoted is evaluated again, without the user.
WITH undecided AS (SELECT as_of FROM exams WHERE as_of NOT IN (SELECT as_of FROM promotions)),
     results AS (DELETE FROM exam_results WHERE as_of IN (SELECT as_of FROM undecided)),
     entries AS (DELETE FROM exam_entries WHERE as_of IN (SELECT as_of FROM undecided)),
     shares AS (DELETE FROM exam_overlaps
                WHERE as_of IN (SELECT as_of FROM undecided)
                  OR earlier IN (SELECT as_of FROM undecided)),
     refits AS (DELETE FROM refit_verdicts WHERE as_of IN (SELECT as_of FROM undecided)),
     proposals AS (DELETE FROM proposals WHERE as_of IN (SELECT as_of FROM undecided))
DELETE FROM exams WHERE as_of IN (SELECT as_of FROM undecided);

-- name: erase_ratings(user_id)
DELETE FROM ratings WHERE user_id = %(user_id)s;

-- name: erase_rerated(user_id)
DELETE FROM rerated WHERE user_id = %(user_id)s;

-- name: erase_tags(user_id)
DELETE FROM tags WHERE user_id = %(user_id)s;

-- name: erase_users(user_id)
DELETE FROM users WHERE user_id = %(user_id)s;

-- name: erase_lists(user_id)
DELETE FROM published_lists WHERE user_id = %(user_id)s;

-- name: loose_partitions()
-- Tables of publications that are on their way out.
SELECT substring(c.relname FROM '[0-9]+$')::bigint AS publication_id
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE c.relname ~ '^published_lists_[0-9]+$'
  AND c.relkind = 'r'
  AND c.relnamespace = 'public'::regnamespace
  AND (i.inhrelid IS NULL OR i.inhdetachpending);

-- name: clear_partition(user_id)
DELETE FROM {partition} WHERE user_id = %(user_id)s;

-- name: record_erasure(publication_id, n_rows, rows_sha256)
INSERT INTO publication_erasures (publication_id, n_rows, rows_sha256)
VALUES (%(publication_id)s, %(n_rows)s, %(rows_sha256)s);

-- name: erasures_of(publication_id)
SELECT max(erasure_id) AS newest
FROM publication_erasures
WHERE publication_id = %(publication_id)s;

-- name: removals_since(publication_id)
-- Withdrawals, their undoings and erasures since a publication was made first: they alone explain
-- that it differs when made again.
SELECT (SELECT count(*)
        FROM withdrawals
        WHERE withdrawn_at >= p.published_at OR undone_at >= p.published_at)
       + (SELECT count(*) FROM erased_users WHERE erased_at >= p.published_at) AS n
FROM publications p WHERE p.publication_id = %(publication_id)s;

-- name: forget_erasures(publication_id)
-- A publication that is made again holds nobody who was erased.
DELETE FROM publication_erasures WHERE publication_id = %(publication_id)s;

-- name: erase_candidates(user_id)
DELETE FROM candidates WHERE user_id = %(user_id)s;

-- name: erase_exam_scores(user_id)
-- A score without its user says nothing about anyone; the means that were decided on stay.
UPDATE exam_entries
SET ndcg = ndcg[:array_position(user_ids, %(user_id)s) - 1]
           || ndcg[array_position(user_ids, %(user_id)s) + 1:],
    user_ids = array_remove(user_ids, %(user_id)s)
WHERE %(user_id)s = ANY (user_ids);

-- name: erase_rejected(user_id)
-- Rows that were set aside may be the user's too.
DELETE FROM rejected_rows WHERE user_id = %(user_id)s;

-- name: erase_feedback_ratings(user_id)
DELETE FROM feedback_ratings WHERE user_id = %(user_id)s;

-- name: erase_feedback_events(user_id)
DELETE FROM feedback_events WHERE user_id = %(user_id)s;

-- name: erase_feedback_requests(user_id)
-- A request tried again is refused from now on, since its user was erased.
DELETE FROM feedback_requests WHERE %(user_id)s = ANY (user_ids);

-- name: redact_reasons(user_id)
-- Why a drop was refused may name the user of its first bad row, or quote that row.
UPDATE drops
SET reason = regexp_replace(reason, '(userId|found) .*$', '\1 (of a user who was erased since)')
WHERE staging.user_of(substring(reason FROM '(?:userId|found) (.*)$')) = %(user_id)s;
