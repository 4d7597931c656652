-- What people are shown.

-- name: publication(publication_id)
SELECT publication_id, as_of, n_users, n_rows, n_fallback, rows_sha256, first_live_at,
       model_version, recipe_key, run_id
FROM publications WHERE publication_id = %(publication_id)s;

-- name: most_recommended(publication_id)
-- The movies that are in most lists.
SELECT c.title, count(*) AS n_lists
FROM batch_recommendations b JOIN catalogue c USING (movie_id)
WHERE b.publication_id = %(publication_id)s
GROUP BY c.movie_id, c.title ORDER BY count(*) DESC, c.movie_id LIMIT 5;

-- name: facts(as_of, watermark)
-- How much the week's snapshot holds.
SELECT coalesce(sum(n), 0)::bigint AS n_ratings, count(*) AS n_users, max(newest) AS newest
FROM (SELECT user_id, count(*) AS n, max(rated_at) AS newest
      FROM visible_ratings(%(as_of)s, %(watermark)s)
      GROUP BY user_id) readers;

-- name: movies(as_of, watermark)
SELECT count(*) AS n_movies,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM mv_imdb_titles t
           WHERE t.movie_id = m.movie_id
             AND t.drop_id <= %(watermark)s
             AND %(watermark)s < t.superseded_by)) AS n_with_imdb
FROM visible_movies(%(as_of)s, %(watermark)s) m;

-- name: history(user_id, n)
-- What a user rated best, the newest first among equals. For a run of the end of time that sees all
-- drops.
SELECT c.movie_id, c.title, c.genres, r.rating, r.rated_at::date AS rated_on
FROM visible_ratings('infinity', 9223372036854775806) r JOIN catalogue c USING (movie_id)
WHERE r.user_id = %(user_id)s
ORDER BY r.rating DESC, r.rated_at DESC, c.movie_id LIMIT %(n)s;

-- name: recommendations(user_id, n)
SELECT r.rank, r.movie_id, c.title, c.genres, r.score, r.source, r.recipe_key, r.model_version,
       r.as_of, r.publication_id, w.sentence AS reason
FROM recommendations r
JOIN catalogue c USING (movie_id)
JOIN reasons w USING (publication_id, user_id, rank)
WHERE r.user_id = %(user_id)s AND r.rank <= %(n)s ORDER BY r.rank;

-- name: users_to_show(n)
-- A few users of the live publication, from short histories to long ones.
SELECT max(user_id) AS user_id
FROM (
    SELECT user_id, ntile(%(n)s) OVER (ORDER BY count(*), user_id) AS part
    FROM ratings WHERE user_id IN (SELECT user_id FROM recommendations)
    GROUP BY user_id
) users
GROUP BY part ORDER BY part;

-- name: newest_decided_week()
SELECT max(as_of) AS as_of FROM promotions WHERE as_of NOT IN (SELECT as_of FROM retired_weeks);
