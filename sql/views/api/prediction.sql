-- The number of whoever goes by a name, in capitals or not: among namesakes, of the one who has the
-- role in the most movies; NULL for a name that nobody has.
CREATE FUNCTION person_named(name text, role text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
BEGIN ATOMIC
    WITH called AS (
        SELECT DISTINCT ON (person_id) person_id, name
        FROM persons JOIN drops USING (drop_id)
        WHERE person_id IN (SELECT person_id
                            FROM persons
                            WHERE lower(name) = lower(person_named.name))
        ORDER BY person_id, drop_date DESC, revision DESC
    )
    SELECT called.person_id
    FROM called
    LEFT JOIN mv_movie_persons credits
        ON credits.person_id = called.person_id
      AND credits.role = person_named.role
      AND credits.superseded_by = 9223372036854775807
    WHERE lower(called.name) = lower(person_named.name)
    GROUP BY called.person_id
    ORDER BY count(credits.movie_id) DESC, called.person_id
    LIMIT 1;
END;

REVOKE EXECUTE ON FUNCTION person_named FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_named TO recsys_api;
