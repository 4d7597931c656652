-- What a week may know: every query takes (as_of, watermark) and is a filter on the materialized views.

-- name: ratings(as_of, watermark)
-- The newest visible rating of each user and movie.
SELECT user_id, movie_id, rating, rated_at
FROM visible_ratings(%(as_of)s, %(watermark)s);

-- name: movies(as_of, watermark)
-- Movies with what MovieLens and IMDb say of them.
SELECT m.movie_id, m.title, coalesce(m.year, t.start_year) AS year, t.runtime_minutes,
       m.genres || ARRAY(SELECT g FROM unnest(t.genres) g WHERE g <> ALL (m.genres) ORDER BY g) AS genres
FROM visible_movies(%(as_of)s, %(watermark)s) m
LEFT JOIN mv_imdb_titles t ON t.movie_id = m.movie_id AND t.drop_id <= %(watermark)s AND %(watermark)s < t.superseded_by
ORDER BY m.movie_id;

-- name: movie_persons(watermark)
-- Directors and actors of every movie, in billing order.
SELECT movie_id, role, person_id
FROM mv_movie_persons
WHERE drop_id <= %(watermark)s AND %(watermark)s < superseded_by
ORDER BY movie_id, role, position;

-- name: users(as_of, watermark)
-- Everyone whom a user row or a rating makes known, ascending. A drop dated after as_of makes nobody known by a row alone.
SELECT user_id FROM users JOIN drops USING (drop_id) WHERE drop_id <= %(watermark)s AND drop_date <= %(as_of)s
UNION
SELECT * FROM (SELECT DISTINCT user_id FROM ratings WHERE rated_at < %(as_of)s::date AND drop_id <= %(watermark)s) rated
ORDER BY user_id;

-- name: withdrawn()
-- Movies that may no longer be recommended, whatever the week.
SELECT movie_id FROM withdrawals ORDER BY movie_id;
