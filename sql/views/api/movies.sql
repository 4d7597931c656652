-- Movies as the API has them: found by number, or by words.

CREATE VIEW movies AS
SELECT c.movie_id, c.title, c.year, c.genres, c.imdb_id, c.runtime_minutes, c.average_rating,
       c.votes, c.directors, c.actors, w.withdrawn_at
FROM mv_catalogue c LEFT JOIN withdrawn w USING (movie_id);

CREATE VIEW search_words AS SELECT word, keys, titles, people FROM mv_search_words;

CREATE VIEW search_movies AS SELECT movie_id, n_words, people, votes FROM mv_search_movies;

GRANT SELECT ON movies, search_words, search_movies TO recsys_api;
