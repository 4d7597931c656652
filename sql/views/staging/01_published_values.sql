-- How a published value is read. A folder here is a schema: these functions belong to `staging`.

-- Whether a value is a whole number of at most so many digits. Bytewise: digits of other scripts
-- are no digits here.
CREATE FUNCTION is_number(value text, digits integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN value ~ '^[0-9]+$' COLLATE "C" AND octet_length(value) <= digits;

-- Whose row it is, however the id is written: an erasure goes by the number, never by its text. The
-- number that a text begins with: 0, 00, 0007, +7, ' 7', "7", 7.0 and 7e0 are users 0, 0, 7, 7, 7,
-- 7, 7 and 7. NULL where it begins with none, or with one that no id can be.
CREATE FUNCTION user_of(content text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT CASE
        WHEN number = trunc(number)
             AND number BETWEEN -9223372036854775808 AND 9223372036854775807
        THEN number::bigint
    END
    FROM (
        SELECT substring(
            left(content, 1000)
            FROM '^[[:space:]\u00a0\ufeff"'']*'
                 '([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2}(?![0-9]))?)'
        )::numeric AS number
    ) first
);

-- Whether a user's number is one that the API issues, and why no publisher's row may have it.
CREATE FUNCTION is_issued(user_id bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN user_id >= 1099511627776;

CREATE FUNCTION issued_fault(user_id text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN format('userId %s is one that the API issues; expected less than 1099511627776', user_id);

-- A staged rating as GroupLens writes one, but for the delimiter.
CREATE FUNCTION as_published(user_id bigint, movie_id bigint, rating real, rated_at timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat_ws(
    '|', user_id, movie_id, rating::numeric(2, 1), extract(epoch FROM rated_at)::bigint
);

-- What publishers write where a movie has no genre or no year is none of either.

-- The genres of a list, each once and in its order, without the blanks around them.
CREATE FUNCTION genres(value text, separator text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
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
CREATE FUNCTION film_year(year integer) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN year BETWEEN 1870 AND 2100 THEN year END;

-- The year at the end of a MovieLens title, the first of a range: four digits, no fifth.
CREATE FUNCTION title_year(title text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN film_year(substring(title FROM '\(([0-9]{4})(?:[^0-9()][^()]*)?\)\s*$')::integer);
