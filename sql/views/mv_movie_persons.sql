-- Every version of a movie's cast and crew: true for a watermark where drop_id <= watermark AND watermark < superseded_by.
-- The whole cast that one drop told is one version, so a person who left it is not carried over.
CREATE MATERIALIZED VIEW mv_movie_persons AS
WITH casts AS (
    SELECT movie_id, drop_id,
           coalesce(min(drop_id) OVER (
               PARTITION BY movie_id ORDER BY drop_date DESC, revision DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ), 9223372036854775807) AS superseded_by
    FROM (SELECT DISTINCT movie_id, drop_id FROM movie_persons) told JOIN drops USING (drop_id)
)
SELECT p.movie_id, p.drop_id, p.role, p.position, p.person_id, c.superseded_by
FROM movie_persons p JOIN casts c USING (movie_id, drop_id);

CREATE UNIQUE INDEX mv_movie_persons_key ON mv_movie_persons (movie_id, drop_id, role, position);
