-- The first page, and what every page says of the live publication.

-- name: live()
-- What readers see now.
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.n_users, p.n_rows, p.n_fallback,
       p.n_ratings, p.published_at, p.first_live_at, p.experiment, p.watermark,
       coalesce((p.params ->> 'top_n')::integer, 10) AS top_n
FROM api.pages_publications p
WHERE p.is_live;

-- name: headline(as_of)
-- The week's champion and popularity at its exam, and what came true last.
SELECT w.as_of, w.decision, w.champion, w.exam_users,
       (SELECT r.value FROM api.pages_exam_results r
        WHERE r.as_of = w.as_of AND r.slice = 'all' AND r.metric = 'NDCG@10'
          AND r.recipe_key = w.champion) AS champion_ndcg,
       (SELECT max(r.value) FROM api.pages_exam_results r
        WHERE r.as_of = w.as_of AND r.slice = 'all' AND r.metric = 'NDCG@10'
          AND r.recipe_key LIKE 'popularity-%%') AS popularity_ndcg,
       (SELECT r.value FROM api.pages_exam_results r
        WHERE r.as_of = w.as_of AND r.slice = 'all' AND r.metric = 'coverage@10'
          AND r.recipe_key = w.champion) AS coverage,
       (SELECT count(*) FILTER (WHERE d.drifted) FROM api.pages_drift d
        WHERE d.as_of = w.as_of) AS n_drifted,
       (SELECT count(d.drifted) FROM api.pages_drift d WHERE d.as_of = w.as_of) AS n_compared
FROM api.pages_weeks w
WHERE w.as_of = %(as_of)s;

-- name: most_recommended(publication_id, n)
-- The movies that are in most lists.
SELECT m.movie_id, m.title, m.genres, m.directors, l.n_lists
FROM (SELECT movie_id, count(*) AS n_lists FROM api.pages_lists
      WHERE publication_id = %(publication_id)s
      GROUP BY movie_id ORDER BY count(*) DESC, movie_id LIMIT %(n)s) l
JOIN api.movies m USING (movie_id)
WHERE m.withdrawn_at IS NULL
ORDER BY l.n_lists DESC, m.movie_id;

-- name: some_users(publication_id, n)
-- A few users who have a list.
SELECT user_id FROM api.pages_lists
WHERE publication_id = %(publication_id)s AND rank = 1
ORDER BY user_id LIMIT %(n)s;

-- name: has_list(publication_id, user_id)
SELECT EXISTS (SELECT FROM api.pages_lists
               WHERE publication_id = %(publication_id)s AND user_id = %(user_id)s) AS has_list;
