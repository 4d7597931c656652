-- What the champion is asked with, and its answer as the API has it.

-- name: champion(as_of, user_id, movie_ids, genres, excluded_genres, year_from, year_to,
--     excluded_ids, is_filtered)
-- The model of the live publication, or of the week as_of; no row without one. `left_out`: what is
-- withdrawn, excluded, or the user's own to leave out; `offered`: what the filters admit, NULL
-- without filters; `unknown`: which of movie_ids are no movies.
WITH live AS MATERIALIZED (SELECT * FROM api.live)
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.digest, p.origin_id,
       p.min_history, p.like_threshold,
       CASE WHEN p.experiment IS NOT NULL THEN p.arm END AS arm,
       %(excluded_ids)s::bigint[]
       || ARRAY(SELECT w.movie_id FROM api.withdrawn_movies w)
       || ARRAY(SELECT o.movie_id FROM api.left_out o
                WHERE o.user_id = %(user_id)s::bigint) AS left_out,
       CASE WHEN %(is_filtered)s::boolean THEN ARRAY(
           SELECT c.movie_id
           FROM api.listed_movies c
           WHERE api.admits(c.genres, c.year,
                            %(genres)s::text[], %(excluded_genres)s::text[],
                            %(year_from)s::integer, %(year_to)s::integer)) END AS offered,
       ARRAY(SELECT m FROM unnest(%(movie_ids)s::bigint[]) m
             WHERE NOT EXISTS (SELECT FROM api.listed_movies c WHERE c.movie_id = m)) AS unknown
FROM (
    -- a user in the challenger's share asks the challenger
    SELECT l.publication_id, l.as_of,
           CASE u.arm WHEN 'challenger' THEN l.challenger_recipe_key ELSE l.recipe_key END
               AS recipe_key,
           CASE u.arm WHEN 'challenger' THEN l.challenger_version ELSE l.model_version END
               AS model_version,
           CASE u.arm WHEN 'challenger' THEN l.challenger_digest ELSE l.digest END AS digest,
           l.origin_id, l.min_history, l.like_threshold, l.experiment, u.arm
    FROM live l
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT list.arm FROM api.lists list
             WHERE list.publication_id = l.publication_id
               AND list.user_id = %(user_id)s::bigint),
            'champion') AS arm
    ) u
    WHERE %(as_of)s::date IS NULL OR l.as_of = %(as_of)s::date
    UNION ALL
    SELECT c.publication_id, c.as_of, c.recipe_key, c.model_version, c.digest, c.origin_id,
           c.min_history, c.like_threshold, c.experiment, 'champion'
    FROM api.champions c
    WHERE c.as_of = %(as_of)s::date
      AND c.as_of <> (SELECT l.as_of FROM live l)
) p
LIMIT 1;

-- name: history(user_id, is_fresh)
-- What a user has rated, as the live publication knew it, and where `is_fresh` through the API
-- since: arrays by movie, of the newest rating of each.
SELECT (SELECT publication_id FROM api.live) AS publication_id,
       coalesce(array_agg(r.movie_id ORDER BY r.movie_id), '{}') AS movie_ids,
       coalesce(array_agg(r.rating ORDER BY r.movie_id), '{}') AS ratings,
       coalesce(array_agg(extract(epoch FROM r.rated_at)::bigint ORDER BY r.movie_id), '{}')
           AS rated_at
FROM (
    SELECT DISTINCT ON (movie_id) movie_id, rating, rated_at
    FROM (SELECT movie_id, rating, rated_at, 0 AS place FROM api.live_ratings
          WHERE user_id = %(user_id)s::bigint
          UNION ALL
          SELECT movie_id, rating, rated_at, 1 FROM api.rated_through_api
          WHERE %(is_fresh)s::boolean AND user_id = %(user_id)s::bigint) given
    ORDER BY movie_id, rated_at DESC, place DESC
) r;

-- name: answer(publication_id, as_of, recipe_key, model_version, arm, origin_id, user_id,
--     like_threshold, rated_ids, ratings, is_known, left_out, movie_ids, scores, kind, cited,
--     contributions, n, skip, genres, excluded_genres, year_from, year_to, is_filtered, explain,
--     fields)
-- The model's list, filled up by what is popular of late in the genres that the ratings like, as
-- batch_recommendations.sql fills up.
WITH kept AS MATERIALIZED (
    SELECT m.movie_id, m.score, m.rank
    FROM unnest(%(movie_ids)s::bigint[], %(scores)s::real[])
         WITH ORDINALITY AS m (movie_id, score, rank)
),
n_kept AS MATERIALIZED (SELECT count(*) AS n FROM kept),
rated AS MATERIALIZED (
    SELECT r.movie_id, r.rating
    FROM unnest(%(rated_ids)s::bigint[], %(ratings)s::real[]) AS r (movie_id, rating)
),
taste AS MATERIALIZED (  -- of the liked genres, the share of each
    SELECT genre, count(*)::real / sum(count(*)) OVER () AS share
    FROM rated
    JOIN api.listed_movies c USING (movie_id)
    CROSS JOIN LATERAL unnest(c.genres) AS genre
    WHERE rating >= %(like_threshold)s::double precision
    GROUP BY genre
),
hidden AS MATERIALIZED (  -- <> ALL would compare each of the fallback with each of these
    SELECT unnest(%(left_out)s::bigint[] || %(rated_ids)s::bigint[] || %(movie_ids)s::bigint[])
           AS movie_id
),
offers AS (
    SELECT f.movie_id, f.place,
           f.likes * CASE WHEN EXISTS (SELECT FROM taste) THEN
               coalesce((SELECT sum(t.share) FROM taste t WHERE t.genre = ANY (c.genres)), 0)
               ELSE 1 END AS score
    FROM api.fallback f
    JOIN api.listed_movies c USING (movie_id)
    WHERE (SELECT n FROM n_kept) < %(n)s::integer + %(skip)s::integer
      AND f.publication_id = %(origin_id)s::bigint
      AND (%(is_filtered)s::boolean
           OR f.place <= 500 + %(n)s::integer + %(skip)s::integer
                         + cardinality(%(rated_ids)s::bigint[])
                         + cardinality(%(left_out)s::bigint[]))
      AND NOT EXISTS (SELECT FROM hidden h WHERE h.movie_id = f.movie_id)
      AND (NOT %(is_filtered)s::boolean
           OR api.admits(c.genres, c.year, %(genres)s::text[], %(excluded_genres)s::text[],
                         %(year_from)s::integer, %(year_to)s::integer))
),
place AS (
    SELECT movie_id, score, rank, 'model' AS source FROM kept
    UNION ALL
    (SELECT movie_id, score::real,
            (SELECT n FROM n_kept) + row_number() OVER (ORDER BY score DESC, place), 'fallback'
     FROM offers
     ORDER BY score DESC, place
     LIMIT greatest(%(n)s::integer + %(skip)s::integer - (SELECT n FROM n_kept), 0))
)
SELECT convert_to(json_build_object(
    'recommendation_id', concat_ws(
        '-', %(publication_id)s::bigint, coalesce(%(user_id)s::bigint::text, 'x'),
        left(replace(gen_random_uuid()::text, '-', ''), 16)),
    'publication', %(publication_id)s::bigint,
    'as_of', %(as_of)s::date,
    'recipe', %(recipe_key)s::text,
    'model_version', %(model_version)s::text,
    'arm', %(arm)s::text,
    'user_id', %(user_id)s::bigint,
    'known', %(is_known)s::boolean,
    'complete', count(*) = %(n)s::integer,
    'items', coalesce(json_agg(
        CASE WHEN %(fields)s::text[] IS NULL THEN item.whole
             ELSE (SELECT json_object_agg(part.key, part.value)
                   FROM json_each(item.whole) part
                   WHERE part.key = ANY (%(fields)s::text[])) END
        ORDER BY p.rank), '[]'))::text, 'UTF8') AS body
FROM place p
JOIN api.listed_movies c USING (movie_id)
CROSS JOIN LATERAL (
    SELECT CASE WHEN %(explain)s::boolean THEN json_build_object(
               'movie_id', p.movie_id, 'title', c.title, 'year', c.year, 'genres', c.genres,
               'rank', p.rank, 'score', p.score, 'source', p.source,
               'reasons', api.reason_of(
                   p.movie_id,
                   CASE p.source WHEN 'model' THEN %(kind)s::text ELSE 'rule' END,
                   (%(cited)s::bigint[])[3 * p.rank - 2 : 3 * p.rank],
                   (%(contributions)s::real[])[3 * p.rank - 2 : 3 * p.rank],
                   (SELECT array_agg(t.genre ORDER BY t.share DESC, t.genre) FROM taste t)))
           ELSE json_build_object(
               'movie_id', p.movie_id, 'title', c.title, 'year', c.year, 'genres', c.genres,
               'rank', p.rank, 'score', p.score, 'source', p.source)
           END AS whole
) item
WHERE p.rank > %(skip)s::integer;

-- name: reasons(movie_ids, kind, cited, contributions, rated_ids, ratings, like_threshold)
-- Why the model has each of these movies in a user's list, beyond what the publication has.
WITH liked AS MATERIALIZED (
    SELECT array_agg(g.genre ORDER BY g.n DESC, g.genre) AS genres
    FROM (SELECT genre, count(*) AS n
          FROM unnest(%(rated_ids)s::bigint[], %(ratings)s::real[]) AS r (movie_id, rating)
          JOIN api.listed_movies c USING (movie_id)
          CROSS JOIN LATERAL unnest(c.genres) AS genre
          WHERE r.rating >= %(like_threshold)s::double precision
          GROUP BY genre) g
)
SELECT coalesce(json_object_agg(
           m.movie_id,
           api.reason_of(m.movie_id, %(kind)s::text,
                         (%(cited)s::bigint[])[3 * m.place - 2 : 3 * m.place],
                         (%(contributions)s::real[])[3 * m.place - 2 : 3 * m.place],
                         (SELECT genres FROM liked))), '{}')::text AS reasons
FROM unnest(%(movie_ids)s::bigint[]) WITH ORDINALITY AS m (movie_id, place);
