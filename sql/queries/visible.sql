-- A week's snapshot: every query takes (as_of, watermark) and is a filter on the ratings and the
-- materialized views.

-- name: ratings(as_of, watermark)
-- The newest visible rating of each user and movie.
SELECT user_id, movie_id, rating, rated_at
FROM visible_ratings(%(as_of)s, %(watermark)s);

-- name: histories(as_of, watermark, user_ids)
-- Of these, the ratings of some users, one row a user: 20 bytes a rating, of movie, stars and time,
-- as millions of rows take four times as long.
SELECT user_id,
       string_agg(int8send(movie_id) || float4send(rating) || timestamptz_send(rated_at),
                  '') AS ratings
FROM visible_ratings(%(as_of)s, %(watermark)s)
WHERE user_id = ANY (%(user_ids)s)
GROUP BY user_id
ORDER BY user_id;

-- name: rerated(as_of, watermark)
-- Of these, the ratings of pairs that have more than one version.
SELECT user_id, movie_id, rating, rated_at
FROM mv_rerated
WHERE valid_from < %(as_of)s
  AND %(as_of)s <= valid_to
  AND drop_id <= %(watermark)s
  AND %(watermark)s < superseded_by;

-- name: movies(as_of, watermark)
-- Movies with what MovieLens and IMDb state of them.
SELECT m.movie_id, m.title, coalesce(m.year, t.start_year) AS year,
       t.runtime_minutes AS runtime,
       m.genres || ARRAY(SELECT g
                         FROM unnest(t.genres) g
                         WHERE g <> ALL (m.genres)
                         ORDER BY g) AS genres
FROM visible_movies(%(as_of)s, %(watermark)s) m
LEFT JOIN mv_imdb_titles t ON t.movie_id = m.movie_id
  AND t.drop_id <= %(watermark)s
  AND %(watermark)s < t.superseded_by
ORDER BY m.movie_id;

-- name: movie_persons(watermark, role)
-- Directors, or actors, of every movie, in billing order.
SELECT movie_id, person_id
FROM mv_movie_persons
WHERE role = %(role)s AND drop_id <= %(watermark)s AND %(watermark)s < superseded_by
ORDER BY movie_id, position;

-- name: users(as_of, watermark)
-- Everyone who has a user row or a rating, ascending. A row alone counts from its drop's date on.
-- The recursion goes from one user who rated to the next, by the key: it reads one of about a
-- hundred ratings of each.
WITH RECURSIVE raters AS (
    SELECT min(user_id) AS user_id FROM visible_versions(%(as_of)s, %(watermark)s)
    UNION ALL
    SELECT next.user_id
    FROM raters r
    CROSS JOIN LATERAL (SELECT v.user_id
                        FROM visible_versions(%(as_of)s, %(watermark)s) v
                        WHERE v.user_id > r.user_id
                        ORDER BY v.user_id LIMIT 1) next
)
SELECT user_id
FROM users
JOIN drops USING (drop_id)
WHERE drop_id <= %(watermark)s AND drop_date <= %(as_of)s
UNION
SELECT user_id FROM raters WHERE user_id IS NOT NULL
ORDER BY user_id;

-- name: withdrawn()
-- Movies that may no longer be recommended, whatever the week.
SELECT movie_id FROM withdrawn ORDER BY movie_id;
