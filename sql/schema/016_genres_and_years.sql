-- What publishers write where a movie has no genre or no year is none of either.

-- The genres of a list, each once and in its order, without the blanks around them.
CREATE FUNCTION staging.genres(value text, separator text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(array_agg(genre ORDER BY place), '{}')
    FROM (
        SELECT btrim(part, E' \t\u00a0') AS genre, min(place) AS place
        FROM string_to_table(value, separator) WITH ORDINALITY AS parts (part, place)
        GROUP BY genre
    ) genres
    WHERE lower(genre) NOT IN ('', '(no genres listed)', '\n', 'n/a')
);

-- The year itself, or none where no film can be of it: the first was made after 1870.
CREATE FUNCTION staging.film_year(year integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN year BETWEEN 1870 AND 2100 THEN year END;

-- The year at the end of a MovieLens title, the first of a range: four digits, no fifth.
CREATE FUNCTION staging.title_year(title text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN staging.film_year(substring(title FROM '\(([0-9]{4})(?:[^0-9()][^()]*)?\)\s*$')::integer);
