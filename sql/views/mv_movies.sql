-- Every version of a movie's own row: true for a watermark where drop_id <= watermark AND watermark < superseded_by.
CREATE MATERIALIZED VIEW mv_movies AS
SELECT m.movie_id, m.drop_id, d.drop_date, m.title, m.year, m.genres,
       coalesce(min(m.drop_id) OVER (
           PARTITION BY m.movie_id ORDER BY d.drop_date DESC, d.revision DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
       ), 9223372036854775807) AS superseded_by
FROM movies m JOIN drops d USING (drop_id);

CREATE UNIQUE INDEX mv_movies_key ON mv_movies (movie_id, drop_id);
