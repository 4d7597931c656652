-- The ratings that a week's fits may see. Two kinds of exam: a dated one holds out what was rated
-- from its cut on, one without a cut each user's newest.

-- The newest visible ratings of the movies given, the week's catalogue, each with whether it is
-- among its user's newest tenth, at least one, of the users who have at least five: as
-- recsys.evaluation.holdout has it.
CREATE FUNCTION marked_ratings(as_of timestamptz, watermark bigint, movie_ids bigint[])
RETURNS TABLE (user_id bigint, movie_id bigint, rating real, rated_at timestamptz,
               is_newest boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.user_id, o.movie_id, o.rating, o.rated_at,
           o.n >= 5 AND o.place <= greatest(o.n / 10, 1)
    FROM (SELECT v.user_id, v.movie_id, v.rating, v.rated_at,
                 count(*) OVER (PARTITION BY v.user_id) AS n,
                 row_number() OVER (PARTITION BY v.user_id
                                    ORDER BY date_trunc('second', v.rated_at) DESC,
                                             v.movie_id DESC) AS place
          FROM visible_ratings(marked_ratings.as_of, marked_ratings.watermark) v
          WHERE v.movie_id = ANY (marked_ratings.movie_ids)) o;
END;

-- What fits may see: what was rated before the cut, as it was then, though rated again since. A
-- cut is the same for every movie, so that whoever reads leaves out those beyond the catalogue:
-- here, it would take half as long again.
CREATE FUNCTION training_ratings(
    as_of timestamptz, watermark bigint, cut timestamptz, movie_ids bigint[])
RETURNS TABLE (user_id bigint, movie_id bigint, rating real, rated_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT v.user_id, v.movie_id, v.rating, v.rated_at
    FROM visible_ratings(training_ratings.cut, training_ratings.watermark) v
    WHERE training_ratings.cut IS NOT NULL
    UNION ALL
    SELECT m.user_id, m.movie_id, m.rating, m.rated_at
    FROM marked_ratings(training_ratings.as_of, training_ratings.watermark,
                        training_ratings.movie_ids) m
    WHERE training_ratings.cut IS NULL AND NOT m.is_newest;
END;
