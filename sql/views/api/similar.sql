-- The movies that are nearest to each movie, as the live publication has them.
CREATE VIEW near_movies AS
SELECT movie_id, rank, similar_id, score, basis, n_raters FROM similar_movies;

GRANT SELECT ON near_movies TO recsys_api;
