-- No rating is of a movie that no drop has told of.
SELECT count(*) = 0 AS ok FROM mv_ratings r WHERE NOT EXISTS (SELECT FROM mv_movies m WHERE m.movie_id = r.movie_id);
