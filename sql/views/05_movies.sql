-- The movies that a week may know. In each materialized view a row is one version, true for a
-- watermark where drop_id <= watermark AND watermark < superseded_by.

-- Every version of a movie's own row.
CREATE MATERIALIZED VIEW mv_movies AS
SELECT m.movie_id, m.drop_id, d.drop_date, m.title, m.year, m.genres,
       coalesce(min(m.drop_id) OVER (
           PARTITION BY m.movie_id ORDER BY d.drop_date DESC, d.revision DESC
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
       ), 9223372036854775807) AS superseded_by
FROM movies m JOIN drops d USING (drop_id);

CREATE UNIQUE INDEX mv_movies_key ON mv_movies (movie_id, drop_id);

-- Every version of what IMDb says of a movie.
CREATE MATERIALIZED VIEW mv_imdb_titles AS
SELECT t.movie_id, t.drop_id, t.imdb_id, t.title_type, t.primary_title, t.start_year,
       t.runtime_minutes, t.genres, t.average_rating, t.votes,
       coalesce(min(t.drop_id) OVER (
           PARTITION BY t.movie_id ORDER BY d.drop_date DESC, d.revision DESC
           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
       ), 9223372036854775807) AS superseded_by
FROM imdb_titles t JOIN drops d USING (drop_id);

CREATE UNIQUE INDEX mv_imdb_titles_key ON mv_imdb_titles (movie_id, drop_id);

-- Every version of a movie's cast and crew. The whole cast in one drop is one version, so a person
-- who left it is not carried over.
CREATE MATERIALIZED VIEW mv_movie_persons AS
WITH casts AS (
    SELECT movie_id, drop_id,
           coalesce(min(drop_id) OVER (
               PARTITION BY movie_id ORDER BY drop_date DESC, revision DESC
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ), 9223372036854775807) AS superseded_by
    FROM (SELECT DISTINCT movie_id, drop_id FROM movie_persons) versions
    JOIN drops USING (drop_id)
)
SELECT p.movie_id, p.drop_id, p.role, p.position, p.person_id, c.superseded_by
FROM movie_persons p JOIN casts c USING (movie_id, drop_id);

CREATE UNIQUE INDEX mv_movie_persons_key
ON mv_movie_persons (movie_id, drop_id, role, position);

-- Each movie that a week may know, in its newest visible version. A film whose first drop is dated
-- after as_of is a film of the future, unless a user had rated or tagged it before.
CREATE FUNCTION visible_movies(as_of date, watermark bigint)
RETURNS TABLE (movie_id bigint, title text, year integer, genres text[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT m.movie_id, m.title, m.year, m.genres
    FROM mv_movies m
    WHERE m.drop_id <= visible_movies.watermark AND visible_movies.watermark < m.superseded_by
      AND (m.movie_id IN (
               SELECT f.movie_id FROM mv_movies f
               WHERE f.drop_id <= visible_movies.watermark AND f.drop_date <= visible_movies.as_of)
           -- the distinct few are hashed; all ratings would be looped over
           OR m.movie_id IN (
               SELECT DISTINCT r.movie_id FROM ratings r
               WHERE r.drop_id <= visible_movies.watermark
                 AND r.rated_at < visible_movies.as_of::timestamptz)
           OR m.movie_id IN (
               SELECT g.movie_id FROM tags g
               WHERE g.drop_id <= visible_movies.watermark
                 AND g.tagged_at < visible_movies.as_of::timestamptz));
END;
