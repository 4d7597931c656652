-- A user: what they rated, and what they are and were recommended.

-- name: history(user_id, as_of, watermark, n, skip)
-- The ratings that a week admits, each movie's newest; the newest first.
SELECT h.movie_id, m.title, m.genres, h.rating, h.rated_at
FROM (SELECT DISTINCT ON (movie_id) movie_id, rating, rated_at
      FROM api.pages_ratings
      WHERE user_id = %(user_id)s AND rated_at < %(as_of)s::date AND drop_id <= %(watermark)s
      ORDER BY movie_id, rated_at DESC, drop_date DESC, revision DESC) h
JOIN api.movies m USING (movie_id)
ORDER BY h.rated_at DESC, h.rating DESC, h.movie_id
LIMIT %(n)s OFFSET %(skip)s;

-- name: about(user_id, as_of, watermark)
-- How much a user rated, as a week admits it.
SELECT count(*) AS n, avg(rating)::real AS mean, min(rated_at) AS first_at, max(rated_at) AS last_at
FROM (SELECT DISTINCT ON (movie_id) movie_id, rating, rated_at
      FROM api.pages_ratings
      WHERE user_id = %(user_id)s AND rated_at < %(as_of)s::date AND drop_id <= %(watermark)s
      ORDER BY movie_id, rated_at DESC, drop_date DESC, revision DESC) h;

-- name: list(publication_id, user_id, depth)
-- A user's list as it is stored.
SELECT n.rank::integer AS rank, n.movie_id, m.title, m.year, m.genres, m.directors, m.withdrawn_at,
       n.score, CASE WHEN n.rank <= l.n_model THEN 'model' ELSE 'fallback' END AS source, l.arm,
       EXISTS (SELECT FROM api.left_out o
               WHERE o.user_id = l.user_id AND o.movie_id = n.movie_id) AS is_left_out,
       CASE WHEN n.rank <= l.n_model THEN l.reason_kind ELSE 'rule' END AS reason_kind
FROM api.lists l
CROSS JOIN LATERAL unnest(l.movie_ids, l.scores) WITH ORDINALITY AS n (movie_id, score, rank)
JOIN api.movies m USING (movie_id)
WHERE l.publication_id = %(publication_id)s AND l.user_id = %(user_id)s
  AND n.rank <= %(depth)s
ORDER BY n.rank;

-- name: reasons(publication_id, user_id)
-- Why each of the first movies is in the list, where a model has reasons.
SELECT rank, kind, sentence, cited::text AS cited, shared::text AS shared
FROM api.list_reasons
WHERE publication_id = %(publication_id)s AND user_id = %(user_id)s AND kind <> 'rule';

-- name: publications()
-- Every week that can be looked at: what readers had in it.
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.is_live, p.watermark,
       p.dropped_at, p.published_at, p.experiment, p.challenger_id,
       coalesce((p.params ->> 'top_n')::integer, 10) AS top_n
FROM api.pages_week_publications w JOIN api.pages_publications p USING (publication_id)
ORDER BY p.as_of DESC;

-- name: challengers(as_of)
-- Challengers' own lists of a week, which no reader sees.
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.watermark, p.dropped_at,
       p.experiment, coalesce((p.params ->> 'top_n')::integer, 10) AS top_n
FROM api.pages_publications p
WHERE p.is_shadow AND p.as_of = %(as_of)s
ORDER BY p.publication_id DESC;

-- name: fallback(publication_id, n)
-- What users without a list get: popular of late.
SELECT f.place, f.movie_id, m.title, m.genres, m.directors, m.withdrawn_at
FROM api.pages_publications p
JOIN api.fallback f ON f.publication_id = coalesce(p.copy_of, p.publication_id)
JOIN api.movies m USING (movie_id)
WHERE p.publication_id = %(publication_id)s AND m.withdrawn_at IS NULL
ORDER BY f.place LIMIT %(n)s;
