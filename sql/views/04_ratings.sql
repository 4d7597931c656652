-- The ratings that a week may know.

-- Every version of a rating of which there is more than one, with the runs for which it is the
-- newest: a row is true for (as_of, watermark) where valid_from < as_of AND as_of <= valid_to AND
-- drop_id <= watermark AND watermark < superseded_by. A version with newer ones gives one row for
-- each step of the staircase (as_of, watermark) below which none of them is visible. Of the others
-- nothing is kept here: a view of all ratings would be written and compared anew each week,
-- whatever the week brought.
CREATE MATERIALIZED VIEW mv_rerated AS
WITH versions AS MATERIALIZED (
    SELECT r.user_id, r.movie_id, r.rating, r.rated_at, r.drop_id, d.drop_date, d.revision
    FROM rerated JOIN ratings r USING (user_id, movie_id) JOIN drops d USING (drop_id)
),
newer AS (  -- for each of these versions: what would take its place, and where
    SELECT v.user_id, v.movie_id, v.rated_at, v.drop_id,
           n.rated_at AS newer_at, n.drop_id AS newer_drop
    FROM versions v
    JOIN versions n USING (user_id, movie_id)
    WHERE (n.rated_at, n.drop_date, n.revision) > (v.rated_at, v.drop_date, v.revision)
),
steps AS (  -- after newer_at, the smallest drop_id of all that is newer by then hides the version
    SELECT user_id, movie_id, rated_at, drop_id, newer_at,
           min(min(newer_drop)) OVER earlier AS superseded_by,
           lead(newer_at) OVER earlier AS next_at
    FROM newer
    GROUP BY user_id, movie_id, rated_at, drop_id, newer_at
    WINDOW earlier AS (PARTITION BY user_id, movie_id, rated_at, drop_id ORDER BY newer_at)
),
first_step AS (
    SELECT user_id, movie_id, rated_at, drop_id, min(newer_at) AS newer_at
    FROM steps GROUP BY user_id, movie_id, rated_at, drop_id
)
SELECT v.user_id, v.movie_id, v.rating, v.rated_at, v.drop_id,
       v.rated_at AS valid_from,
       coalesce(f.newer_at, 'infinity') AS valid_to,
       9223372036854775807 AS superseded_by
FROM versions v LEFT JOIN first_step f USING (user_id, movie_id, rated_at, drop_id)
WHERE f.newer_at IS NULL OR f.newer_at > v.rated_at
UNION ALL
SELECT v.user_id, v.movie_id, v.rating, v.rated_at, v.drop_id,
       s.newer_at, coalesce(s.next_at, 'infinity'), s.superseded_by
FROM steps s JOIN versions v USING (user_id, movie_id, rated_at, drop_id)
WHERE s.superseded_by > s.drop_id;

CREATE UNIQUE INDEX mv_rerated_key
ON mv_rerated (user_id, movie_id, rated_at, drop_id, valid_from);

-- Of each user and movie the newest rating: those with one version as they stand, the others from
-- mv_rerated.
CREATE FUNCTION visible_ratings(as_of timestamptz, watermark bigint)
RETURNS TABLE (user_id bigint, movie_id bigint, rating real, rated_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.user_id, r.movie_id, r.rating, r.rated_at
    FROM ratings r
    WHERE r.rated_at < visible_ratings.as_of AND r.drop_id <= visible_ratings.watermark
      AND NOT EXISTS (
          -- nobody's rating, so that the planner hashes: over a view without a row it loops, once
          -- for each rating
          SELECT FROM (
              SELECT m.user_id, m.movie_id FROM mv_rerated m
              UNION ALL
              VALUES (-1::bigint, -1::bigint)
          ) several (user_id, movie_id)
          WHERE several.user_id = r.user_id AND several.movie_id = r.movie_id)
    UNION ALL
    SELECT v.user_id, v.movie_id, v.rating, v.rated_at
    FROM mv_rerated v
    WHERE v.valid_from < visible_ratings.as_of AND visible_ratings.as_of <= v.valid_to
      AND v.drop_id <= visible_ratings.watermark AND visible_ratings.watermark < v.superseded_by;
END;

-- All versions of ratings: who rated what, as often as it was rated. Of each pair the newest is in
-- visible_ratings; to see whether a user has rated a movie, and when last, all versions do as well,
-- and the key of `ratings` holds that much.
CREATE FUNCTION visible_versions(as_of timestamptz, watermark bigint)
RETURNS TABLE (user_id bigint, movie_id bigint, rated_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT r.user_id, r.movie_id, r.rated_at
    FROM ratings r
    WHERE r.rated_at < visible_versions.as_of AND r.drop_id <= visible_versions.watermark;
END;
