-- The facts that a prediction needs for a movie that is described and not in the catalogue.

-- name: has_rated(user_id)
SELECT EXISTS (SELECT FROM ratings WHERE user_id = %(user_id)s) AS has_rated;

-- name: person_named(name, role)
-- Whoever goes by that name, in capitals or not: among namesakes, who has that role in the
-- most movies.
WITH called AS (
    SELECT DISTINCT ON (person_id) person_id, name
    FROM persons JOIN drops USING (drop_id)
    WHERE person_id IN (SELECT person_id FROM persons WHERE lower(name) = lower(%(name)s))
    ORDER BY person_id, drop_date DESC, revision DESC
)
SELECT called.person_id
FROM called
LEFT JOIN mv_movie_persons credits
    ON credits.person_id = called.person_id
  AND credits.role = %(role)s
  AND credits.superseded_by = 9223372036854775807
WHERE lower(called.name) = lower(%(name)s)
GROUP BY called.person_id
ORDER BY count(credits.movie_id) DESC, called.person_id
LIMIT 1;
