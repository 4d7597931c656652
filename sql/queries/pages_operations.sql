-- What an operator may choose from.

-- name: choices()
-- Publications that can be made live, the newest first.
SELECT publication_id, as_of, recipe_key, model_version, n_users, is_live, first_live_at, copy_of,
       published_at
FROM api.pages_publications
WHERE NOT is_shadow AND dropped_at IS NULL
ORDER BY publication_id DESC;

-- name: withdrawn()
SELECT movie_id, title, withdrawn_at FROM api.movies
WHERE withdrawn_at IS NOT NULL ORDER BY withdrawn_at DESC LIMIT 50;

-- name: history(n)
-- What was made live, by whom and why; the newest first.
SELECT h.seq, h.publication_id, p.as_of, h.cause, h.reason, h.requested_by, h.went_live_at
FROM api.pages_live_history h JOIN api.pages_publications p USING (publication_id)
ORDER BY h.seq DESC LIMIT %(n)s;

-- name: challengers()
-- Recipes that were fitted, as an experiment may take them.
SELECT DISTINCT ON (recipe_key) recipe_key, recipe::text AS recipe
FROM api.pages_fits ORDER BY recipe_key, fitted_at DESC;

-- name: newest_week()
SELECT max(as_of) AS as_of FROM api.pages_weeks WHERE ingested_at IS NOT NULL AND NOT is_retired;
