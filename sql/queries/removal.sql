-- The two things that remove, both asked for by a person.

-- name: withdraw(movie_id, reason)
INSERT INTO withdrawals (movie_id, reason) VALUES (%(movie_id)s, %(reason)s) ON CONFLICT (movie_id) DO NOTHING;

-- name: movie_is_known(movie_id)
SELECT EXISTS (SELECT FROM movies WHERE movie_id = %(movie_id)s) AS known;

-- name: bury(user_id)
-- The tombstone that ingest consults.
INSERT INTO erased_users (user_id) VALUES (%(user_id)s) ON CONFLICT (user_id) DO NOTHING;

-- name: void_undecided_exams()
-- An exam that nobody was promoted by is set again, without the user.
WITH undecided AS (SELECT as_of FROM exams WHERE as_of NOT IN (SELECT as_of FROM promotions)),
     results AS (DELETE FROM exam_results WHERE as_of IN (SELECT as_of FROM undecided)),
     entries AS (DELETE FROM exam_entries WHERE as_of IN (SELECT as_of FROM undecided)),
     shares AS (DELETE FROM exam_overlaps WHERE as_of IN (SELECT as_of FROM undecided) OR earlier IN (SELECT as_of FROM undecided)),
     refits AS (DELETE FROM refit_verdicts WHERE as_of IN (SELECT as_of FROM undecided))
DELETE FROM exams WHERE as_of IN (SELECT as_of FROM undecided);

-- name: erase_ratings(user_id)
DELETE FROM ratings WHERE user_id = %(user_id)s;

-- name: erase_rerated(user_id)
DELETE FROM rerated WHERE user_id = %(user_id)s;

-- name: erase_tags(user_id)
DELETE FROM tags WHERE user_id = %(user_id)s;

-- name: erase_users(user_id)
DELETE FROM users WHERE user_id = %(user_id)s;

-- name: erase_recommendations(user_id)
DELETE FROM batch_recommendations WHERE user_id = %(user_id)s;

-- name: erase_candidates(user_id)
DELETE FROM candidates WHERE user_id = %(user_id)s;

-- name: erase_exam_marks(user_id)
-- A mark without its user says nothing about anyone; the means that were decided on stay.
UPDATE exam_entries
SET ndcg = ndcg[:array_position(user_ids, %(user_id)s) - 1] || ndcg[array_position(user_ids, %(user_id)s) + 1:],
    user_ids = array_remove(user_ids, %(user_id)s)
WHERE %(user_id)s = ANY (user_ids);

-- name: erase_rejected(user_id)
-- Rows that were set aside may be the user's too.
DELETE FROM rejected_rows WHERE user_id = %(user_id)s;

-- name: redact_reasons(user_id)
-- Why a drop was refused may name the user of its first bad row, or quote that row.
UPDATE drops SET reason = regexp_replace(reason, '(userId|found) .*$', '\1 (of a user who was erased since)')
WHERE staging.user_of(substring(reason FROM '(?:userId|found) (.*)$')) = %(user_id)s;
