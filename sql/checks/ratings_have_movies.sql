-- No rating is of a movie that no drop has delivered.
SELECT count(*) = 0 AS ok
FROM ratings r
WHERE NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = r.movie_id);
