-- Feedback: closing what came through the API, and rendering the drop that is made of it.

-- name: last_closed()
-- The newest day that was closed, none where no closing found any feedback.
SELECT max(as_of) AS as_of FROM feedback_batches;

-- name: close_batch(as_of)
-- The ratings received before the day, of those that this statement sees: one that is committed
-- later waits for the next closing, whatever its time. Without any there is no batch.
WITH waiting AS MATERIALIZED (
    SELECT feedback_id FROM feedback_ratings
    WHERE batch_id IS NULL AND received_at < %(as_of)s::date
),
batch AS (
    INSERT INTO feedback_batches (as_of, n_ratings)
    SELECT %(as_of)s, n FROM (SELECT count(*) AS n FROM waiting) counted WHERE n > 0
    RETURNING batch_id
)
UPDATE feedback_ratings r SET batch_id = batch.batch_id
FROM waiting, batch WHERE r.feedback_id = waiting.feedback_id;

-- name: unwritten(as_of)
-- The batches up to a day whose files are not complete in the landing zone, oldest first.
SELECT batch_id, as_of FROM feedback_batches
WHERE written_at IS NULL AND as_of <= %(as_of)s ORDER BY as_of;

-- name: render(batch_id)
-- A batch's ratings as MovieLens publishes some: one of a user, movie and second, the last.
SELECT user_id AS "userId", movie_id AS "movieId", rating::numeric(2, 1) AS rating,
       extract(epoch FROM rated_at)::bigint AS "timestamp"
FROM (SELECT DISTINCT ON (user_id, movie_id, rated_at) user_id, movie_id, rated_at, rating
      FROM feedback_ratings
      WHERE batch_id = %(batch_id)s
      ORDER BY user_id, movie_id, rated_at, feedback_id DESC) last_ratings
ORDER BY user_id, movie_id, rated_at;

-- name: written(batch_id)
UPDATE feedback_batches SET written_at = now() WHERE batch_id = %(batch_id)s;

-- name: forget_requests()
-- An Idempotency-Key is for a client that tries again, which it does within minutes.
DELETE FROM feedback_requests WHERE received_at < now() - interval '7 days';

-- name: hold_user(user_id)
-- Nobody writes about the user until the transaction ends: what was written before is seen.
SELECT api.hold_users(ARRAY[%(user_id)s::bigint]);

-- name: write_again(user_id)
-- Drops that hold what a user rated are to be written again, without the user.
UPDATE feedback_batches SET written_at = NULL
WHERE batch_id IN (SELECT batch_id FROM feedback_ratings WHERE user_id = %(user_id)s);
