-- Recipes that could not be fitted.

-- name: record(as_of, recipe_key, kind, reason, run_id)
-- The newest attempt's reason.
INSERT INTO failed_fits (as_of, recipe_key, kind, reason, run_id)
VALUES (%(as_of)s, %(recipe_key)s, %(kind)s, %(reason)s, %(run_id)s)
ON CONFLICT (as_of, recipe_key, kind) DO UPDATE
SET reason = excluded.reason, run_id = excluded.run_id, failed_at = now();

-- name: forget(as_of, recipe_key, kind)
-- It has been fitted since.
DELETE FROM failed_fits WHERE (as_of, recipe_key, kind) = (%(as_of)s, %(recipe_key)s, %(kind)s);

-- name: of_week(as_of, kind)
SELECT recipe_key, reason
FROM failed_fits
WHERE (as_of, kind) = (%(as_of)s, %(kind)s)
ORDER BY recipe_key;
