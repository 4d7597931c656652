-- What readers have of similar movies.
CREATE VIEW movie_similar AS
SELECT movie_id, rank, similar_id, score, basis FROM similar_movies;

GRANT SELECT ON movie_similar TO recsys_api;
