-- name: published()
-- What readers see now: how many users have a list, and how many rows it takes.
SELECT count(DISTINCT user_id) AS users, count(*) AS rows, max(as_of) AS as_of FROM recommendations;

-- name: some_users()
-- Three users with a list, spread over all ids.
SELECT percentile_disc(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY user_id) AS user_ids FROM recommendations WHERE rank = 1;
