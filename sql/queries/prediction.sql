-- The facts that a prediction needs.

-- name: has_rated(user_id)
SELECT EXISTS (SELECT FROM ratings WHERE user_id = %(user_id)s) AS has_rated;

-- name: title(movie_id)
SELECT title FROM catalogue WHERE movie_id = %(movie_id)s;

-- name: person_named(name, role)
SELECT api.person_named(%(name)s::text, %(role)s::text) AS person_id;
