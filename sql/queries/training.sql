-- What a week's fits and its exam are made of. movie_ids is the week's catalogue; cut is null where
-- each user's newest ratings are held out; a refit's is as_of.

-- name: ratings(as_of, watermark, cut, movie_ids)
SELECT user_id, movie_id, rating, rated_at
FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[]);

-- name: by_movie(as_of, watermark, cut, movie_ids)
-- Of each rated movie: its raters, its first and last rating in seconds, and the sum of its rows'
-- hashes. All sums are one for equal rows, in whatever order they come, so that several workers add
-- them. A rating is hashed as a whole number: 2^24 times any float from 0.5 on is one.
-- recsys.features.row_hashes computes the same.
SELECT movie_id,
       count(*) AS n_ratings,
       floor(date_part('epoch', min(rated_at)))::bigint AS oldest,
       floor(date_part('epoch', max(rated_at)))::bigint AS newest,
       sum(hashint8extended(floor(date_part('epoch', rated_at))::bigint,
                            movie_id # hashint8extended((rating * 16777216)::bigint,
                                                        user_id))) AS total
FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[])
GROUP BY movie_id;

-- name: n_users(before, watermark, movie_ids)
-- How many users have rated any of the movies before a moment: from one to the next by the key, as
-- in the query `users` of visible.sql. The sum keeps the planner from looking each movie up.
WITH RECURSIVE raters AS (
    (SELECT user_id FROM visible_versions(%(before)s, %(watermark)s)
     WHERE movie_id + 0 = ANY (%(movie_ids)s::bigint[])
     ORDER BY user_id LIMIT 1)
    UNION ALL
    SELECT next.user_id
    FROM raters r
    CROSS JOIN LATERAL (SELECT v.user_id
                        FROM visible_versions(%(before)s, %(watermark)s) v
                        WHERE v.user_id > r.user_id
                          AND v.movie_id + 0 = ANY (%(movie_ids)s::bigint[])
                        ORDER BY v.user_id LIMIT 1) next
)
SELECT count(*) AS n_users FROM raters;

-- name: history_lengths(as_of, watermark, cut, movie_ids)
-- How many training ratings each user has.
SELECT user_id, count(*) AS n
FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[])
WHERE movie_id = ANY (%(movie_ids)s::bigint[])
GROUP BY user_id
ORDER BY user_id;

-- name: histories(as_of, watermark, cut, movie_ids, user_ids)
-- The training ratings of some users.
SELECT user_id, movie_id, rating, rated_at
FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[])
WHERE user_id = ANY (%(user_ids)s::bigint[]);

-- name: newest_of_each(as_of, watermark, movie_ids)
-- Each user's newest ratings, which an exam without a cut holds out.
SELECT user_id, movie_id, rating, rated_at
FROM marked_ratings(%(as_of)s, %(watermark)s, %(movie_ids)s::bigint[])
WHERE is_newest;

-- name: newest(as_of, watermark, movie_ids)
-- When the newest rating was given, in seconds. Of all versions: the newest of these is visible.
SELECT floor(date_part('epoch', max(rated_at)))::bigint AS newest
FROM visible_versions(%(as_of)s, %(watermark)s)
WHERE movie_id = ANY (%(movie_ids)s::bigint[]);

-- name: since(as_of, watermark, since)
-- The newest visible ratings, of a moment and later.
SELECT user_id, movie_id, rating, rated_at
FROM visible_ratings(%(as_of)s, %(watermark)s)
WHERE rated_at >= %(since)s;

-- name: oldest(as_of, watermark, movie_ids, user_ids)
-- When some users gave the first of their newest visible ratings, in seconds.
SELECT user_id, floor(date_part('epoch', min(rated_at)))::bigint AS oldest
FROM visible_ratings(%(as_of)s, %(watermark)s)
WHERE user_id = ANY (%(user_ids)s::bigint[]) AND movie_id = ANY (%(movie_ids)s::bigint[])
GROUP BY user_id;
