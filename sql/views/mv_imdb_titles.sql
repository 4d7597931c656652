-- Every version of what IMDb says of a movie: true for a watermark where drop_id <= watermark AND watermark < superseded_by.
CREATE MATERIALIZED VIEW mv_imdb_titles AS
SELECT t.movie_id, t.drop_id, t.imdb_id, t.title_type, t.primary_title, t.start_year, t.runtime_minutes, t.genres, t.average_rating, t.votes,
       coalesce(min(t.drop_id) OVER (
           PARTITION BY t.movie_id ORDER BY d.drop_date DESC, d.revision DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
       ), 9223372036854775807) AS superseded_by
FROM imdb_titles t JOIN drops d USING (drop_id);

CREATE UNIQUE INDEX mv_imdb_titles_key ON mv_imdb_titles (movie_id, drop_id);
