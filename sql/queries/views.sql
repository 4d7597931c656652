-- CONCURRENTLY: those who read a view meanwhile see it as it was.

-- name: refresh_ratings()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_ratings;

-- name: refresh_movies()
-- After the ratings, so that no rating is seen before its movie, whatever another run takes in meanwhile.
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_movies;

-- name: refresh_imdb_titles()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_imdb_titles;

-- name: refresh_movie_persons()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_movie_persons;

-- name: analyze()
ANALYZE mv_ratings, mv_movies, mv_imdb_titles, mv_movie_persons;
