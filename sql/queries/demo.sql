-- name: published()
-- What readers see now: how many users have a list, and how many rows it takes.
SELECT count(DISTINCT user_id) AS users, count(*) AS rows, max(as_of) AS as_of FROM recommendations;
