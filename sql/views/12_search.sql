-- How movies are found by words of their titles and of the names of their people, one slip of the
-- keyboard forgiven. In SQL alone: the embedded server has no contrib extension (pg_trgm, unaccent,
-- fuzzystrmatch).
--
-- Two words that are a slip apart (a letter too many, one missing, one wrong, two swapped) become
-- the same word when each loses the right letter. So every word is kept with all that is left of it
-- without one of its letters, and those keys are looked up in an index.

-- The words of a text: in small letters, without accents, apostrophes and punctuation.
CREATE FUNCTION search_words(phrase text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN array_remove(
    regexp_split_to_array(
        replace(replace(replace(
            translate(
                lower(regexp_replace(normalize(phrase, NFKD), '[\u0300-\u036f''’ʼ`]', '', 'g')),
                'øłđðı', 'olddi'),
            'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'),
        '[^[:alnum:]]+'),
    '');

-- A word, and what is left of it without one of its letters, as numbers: their index is a third as
-- large as one of texts. A word of three letters or fewer is looked up as it stands: half of all
-- short words would be a slip apart.
CREATE FUNCTION search_keys(word text) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN ARRAY[hashtext(word)] || ARRAY(
    SELECT hashtext(left(word, place - 1) || substr(word, place + 1))
    FROM generate_series(1, CASE WHEN length(word) > 3 THEN length(word) ELSE 0 END) AS place);

-- Every word of the catalogue, its keys, and the movies that have it: in the title, or in the name
-- of a director or actor.
CREATE MATERIALIZED VIEW mv_search_words AS
WITH people AS (
    SELECT movie_id, unnest(directors || actors) AS name FROM mv_catalogue
),
names AS (  -- most people are in several movies
    SELECT name, search_words(name) AS words FROM (SELECT DISTINCT name FROM people) n
),
spoken AS (
    SELECT movie_id, unnest(search_words(title)) AS word, true AS in_title FROM mv_catalogue
    UNION
    SELECT p.movie_id, unnest(n.words), false FROM people p JOIN names n USING (name)
)
SELECT word COLLATE "C" AS word, search_keys(word) AS keys,
       coalesce(array_agg(movie_id ORDER BY movie_id) FILTER (WHERE in_title), '{}') AS titles,
       coalesce(array_agg(movie_id ORDER BY movie_id) FILTER (WHERE NOT in_title), '{}') AS people
FROM spoken
GROUP BY word;

CREATE UNIQUE INDEX mv_search_words_key ON mv_search_words (word);
CREATE INDEX mv_search_words_keys ON mv_search_words USING gin (keys);

-- Of every movie what a ranking needs besides: how many words its title has, its year not counted,
-- and the names of its people in the words that they are looked up by.
CREATE MATERIALIZED VIEW mv_search_movies AS
SELECT movie_id,
       cardinality(search_words(regexp_replace(title, '\s*\(\d{4}\)\s*$', ''))) AS n_words,
       coalesce((SELECT string_agg(' ' || array_to_string(search_words(name), ' ') || ' ', '|')
                 FROM unnest(directors || actors) AS name), '') AS people,
       coalesce(votes, 0) AS votes
FROM mv_catalogue;

CREATE UNIQUE INDEX mv_search_movies_key ON mv_search_movies (movie_id);
