-- Movies, as the API answers: one by its number, those like it, and those with given words.

-- name: movie(movie_id)
SELECT json_build_object(
           'movie_id', movie_id,
           'title', title,
           'year', year,
           'genres', genres,
           'directors', coalesce(directors, '{}'),
           'actors', coalesce(actors, '{}'),
           'runtime_minutes', runtime_minutes,
           'imdb', CASE WHEN imdb_id IS NOT NULL THEN json_build_object(
               'id', 'tt' || lpad(imdb_id::text, greatest(7, length(imdb_id::text)), '0'),
               'rating', round(average_rating::numeric, 1),
               'votes', votes) END,
           'withdrawn_at', withdrawn_at)
FROM api.movies
WHERE movie_id = %(movie_id)s;

-- name: search(q, n, offset)
-- Movies by words of titles and of people's names. Each word of the question is a term: it meets
-- the words that it is, that it begins, or that it is a slip away from. A term that few movies have
-- weighs more than one that many have, and a movie that has less than half of all weight is no
-- hit. Of equals, first whose title has the fewest other words, or who has a person of just that
-- name; then who has more votes at IMDb.
WITH terms AS MATERIALIZED (
    SELECT min(place) AS place, term COLLATE "C" AS term, search_keys(term) AS keys
    FROM unnest(search_words(%(q)s::text)) WITH ORDINALITY AS t (term, place)
    GROUP BY term
    ORDER BY place
    LIMIT 8
),
meetings AS MATERIALIZED (
    SELECT t.place, w.titles, w.people, 1.0 AS quality
    FROM terms t JOIN api.search_words w ON w.word = t.term
    UNION ALL
    SELECT t.place, w.titles, w.people,
           0.75 + 0.2 * length(t.term) / length(w.word)
    FROM terms t
    CROSS JOIN LATERAL (
        SELECT word, titles, people
        FROM api.search_words
        WHERE word > t.term AND word < t.term || chr(65535)
        ORDER BY length(word), word
        LIMIT 100) w
    WHERE length(t.term) >= 3
    UNION ALL
    SELECT t.place, w.titles, w.people, 0.7
    FROM terms t
    CROSS JOIN LATERAL (
        SELECT titles, people
        FROM api.search_words
        WHERE keys && t.keys
          AND NOT starts_with(word, t.term)
          AND abs(length(word) - length(t.term)) <= 1) w
    WHERE length(t.term) > 3
),
hits AS (
    SELECT place, movie_id, max(quality) AS quality, bool_or(in_title) AS in_title
    FROM (SELECT place, unnest(titles) AS movie_id, quality, true AS in_title FROM meetings
          UNION ALL
          SELECT place, unnest(people), quality, false FROM meetings) m
    GROUP BY place, movie_id
),
weights AS (
    SELECT t.place, 1 / (1 + ln(greatest(count(h.movie_id), 1)))::numeric AS weight
    FROM terms t LEFT JOIN hits h USING (place)
    GROUP BY t.place
),
matched AS (
    SELECT h.movie_id,
           sum(w.weight * h.quality) / (SELECT sum(weight) FROM weights) AS match,
           count(*) FILTER (WHERE h.in_title) AS n_in_title
    FROM hits h JOIN weights w USING (place)
    GROUP BY h.movie_id
),
ranked AS (
    SELECT m.movie_id, s.votes,
           round(0.7 * m.match
                 + 0.3 * greatest(
                     least(1, m.n_in_title::numeric / greatest(s.n_words, 1)),
                     CASE WHEN strpos(s.people, p.phrase) > 0 THEN 0.9 ELSE 0 END), 2) AS score
    FROM matched m
    JOIN api.search_movies s USING (movie_id)
    CROSS JOIN (SELECT ' ' || string_agg(term, ' ' ORDER BY place) || ' ' AS phrase FROM terms) p
    WHERE m.match >= 0.5
    ORDER BY score DESC, s.votes DESC, m.movie_id
    LIMIT %(n)s OFFSET %(offset)s
)
SELECT json_build_object(
           'q', %(q)s::text,
           'total', (SELECT count(*) FROM matched WHERE match >= 0.5),
           'items', coalesce(
               json_agg(
                   json_build_object(
                       'movie_id', c.movie_id,
                       'title', c.title,
                       'year', c.year,
                       'genres', c.genres,
                       'directors', coalesce(c.directors, '{}'),
                       'actors', coalesce(c.actors, '{}'),
                       'withdrawn_at', c.withdrawn_at,
                       'score', r.score)
                   ORDER BY r.score DESC, r.votes DESC, r.movie_id),
               '[]'))
FROM ranked r JOIN api.movies c USING (movie_id);

-- name: similar(movie_id, n, offset)
-- The movies that are nearest to one, by the live publication, each with what the two share; no row
-- where there is no such movie.
SELECT json_build_object(
           'movie_id', own.movie_id,
           'title', own.title,
           'publication', live.publication_id,
           'as_of', live.as_of,
           'basis', near.basis,
           'total', coalesce(near.total, 0),
           'items', coalesce(near.items, '[]'))
FROM api.movies own
LEFT JOIN api.live live ON true
CROSS JOIN LATERAL (
    SELECT min(s.basis) AS basis, count(*) AS total,
           json_agg(
               json_build_object(
                   'rank', s.rank,
                   'movie_id', m.movie_id,
                   'title', m.title,
                   'year', m.year,
                   'genres', m.genres,
                   'score', s.score,
                   'shared', json_build_object(
                       'directors', ARRAY(SELECT unnest(own.directors)
                                          INTERSECT SELECT unnest(m.directors) ORDER BY 1),
                       'actors', ARRAY(SELECT unnest(own.actors)
                                       INTERSECT SELECT unnest(m.actors) ORDER BY 1),
                       'genres', ARRAY(SELECT unnest(own.genres)
                                       INTERSECT SELECT unnest(m.genres) ORDER BY 1),
                       'raters', s.n_raters))
               ORDER BY s.rank)
           FILTER (WHERE s.rank > %(offset)s::bigint
                     AND s.rank <= %(offset)s::bigint + %(n)s::bigint) AS items
    FROM api.near_movies s
    JOIN api.movies m ON m.movie_id = s.similar_id
    WHERE s.movie_id = own.movie_id
) near
WHERE own.movie_id = %(movie_id)s::bigint;
