-- The movies that a week may know, each as its newest visible version tells it.
-- A film whose first drop is dated after as_of is a film of the future, unless someone had rated or tagged it before.
CREATE OR REPLACE FUNCTION visible_movies(as_of date, watermark bigint)
RETURNS TABLE (movie_id bigint, title text, year integer, genres text[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT m.movie_id, m.title, m.year, m.genres
    FROM mv_movies m
    WHERE m.drop_id <= visible_movies.watermark AND visible_movies.watermark < m.superseded_by
      AND (m.movie_id IN (SELECT f.movie_id FROM mv_movies f WHERE f.drop_id <= visible_movies.watermark AND f.drop_date <= visible_movies.as_of)
           OR m.movie_id IN (SELECT DISTINCT r.movie_id FROM ratings r  -- the few that are hashed; all ratings would be looped over
                             WHERE r.drop_id <= visible_movies.watermark AND r.rated_at < visible_movies.as_of::timestamptz)
           OR m.movie_id IN (SELECT g.movie_id FROM tags g
                             WHERE g.drop_id <= visible_movies.watermark AND g.tagged_at < visible_movies.as_of::timestamptz));
END;
