-- The ratings that a week may know, of each user and movie the newest: those with one version as they stand, the others from mv_rerated.
CREATE FUNCTION visible_ratings(as_of timestamptz, watermark bigint)
RETURNS TABLE (user_id bigint, movie_id bigint, rating real, rated_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.user_id, r.movie_id, r.rating, r.rated_at
    FROM ratings r
    WHERE r.rated_at < visible_ratings.as_of AND r.drop_id <= visible_ratings.watermark
      AND NOT EXISTS (
          -- nobody's rating, so that the planner hashes: over a view without a row it loops, once for each rating
          SELECT FROM (SELECT m.user_id, m.movie_id FROM mv_rerated m UNION ALL VALUES (-1::bigint, -1::bigint)) several (user_id, movie_id)
          WHERE several.user_id = r.user_id AND several.movie_id = r.movie_id)
    UNION ALL
    SELECT v.user_id, v.movie_id, v.rating, v.rated_at
    FROM mv_rerated v
    WHERE v.valid_from < visible_ratings.as_of AND visible_ratings.as_of <= v.valid_to
      AND v.drop_id <= visible_ratings.watermark AND visible_ratings.watermark < v.superseded_by;
END;
