-- CONCURRENTLY: those who read a view meanwhile see it as it was. What it costs follows the movies
-- and the re-rated pairs, not the ratings: of these there is no view but visible_ratings, which
-- reads the table.

-- name: refresh_rerated()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_rerated;

-- name: refresh_movies()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_movies;

-- name: refresh_imdb_titles()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_imdb_titles;

-- name: refresh_movie_persons()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_movie_persons;

-- name: refresh_catalogue()
-- With its number, in one transaction: what was cached of the catalogue before is stale from then
-- on. Refreshed again without a new drop it is the same catalogue.
UPDATE catalogue_changes c SET n_drops = d.n
FROM (SELECT count(*) AS n FROM drops WHERE state = 'ingested') d
WHERE c.n_drops <> d.n;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_catalogue;

-- name: refresh_search_words()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_search_words;

-- name: refresh_search_movies()
REFRESH MATERIALIZED VIEW CONCURRENTLY mv_search_movies;

-- name: analyze()
ANALYZE ratings, mv_rerated, mv_movies, mv_imdb_titles, mv_movie_persons, mv_catalogue,
        mv_search_words, mv_search_movies;
