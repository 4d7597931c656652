-- All versions of ratings that a week may know: who rated what, as often as it was rated. Of each pair the newest is in visible_ratings;
-- whether a user has rated a movie, and when last, all of them tell as well, and the key of `ratings` holds that much.
CREATE FUNCTION visible_versions(as_of timestamptz, watermark bigint)
RETURNS TABLE (user_id bigint, movie_id bigint, rated_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.user_id, r.movie_id, r.rated_at
    FROM ratings r
    WHERE r.rated_at < visible_versions.as_of AND r.drop_id <= visible_versions.watermark;
END;
