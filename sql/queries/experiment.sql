-- Challengers' shares of the users.

-- name: running(as_of)
-- The experiment that a week is part of.
SELECT name, recipe, share, first_as_of, last_as_of
FROM experiments
WHERE %(as_of)s BETWEEN first_as_of AND last_as_of;

-- name: by_name(name)
SELECT share, last_as_of FROM experiments WHERE name = %(name)s;

-- name: overlapping(first_as_of, last_as_of)
-- An experiment that has a week in common with these.
SELECT name, first_as_of, last_as_of FROM experiments
WHERE first_as_of <= %(last_as_of)s AND last_as_of >= %(first_as_of)s ORDER BY first_as_of LIMIT 1;

-- name: begin(name, recipe_key, recipe, share, first_as_of, last_as_of, run_id)
INSERT INTO experiments (name, recipe_key, recipe, share, first_as_of, last_as_of, run_id)
VALUES (%(name)s, %(recipe_key)s, %(recipe)s, %(share)s, %(first_as_of)s, %(last_as_of)s,
        %(run_id)s)
ON CONFLICT (name) DO NOTHING;
