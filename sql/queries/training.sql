-- What a week's fits and its exam are made of. movie_ids is the week's catalogue; cut is null where
-- each user's newest ratings are held out; a refit's is as_of.

-- name: ratings(as_of, watermark, cut, movie_ids)
SELECT user_id, movie_id, rating, rated_at
FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[]);

-- name: summary(as_of, watermark, cut, movie_ids)
-- How much a fit may see, and the sum and the exclusive or of each row's hash: equal for equal
-- rows, in whatever order they come, so that several workers read them. A rating is hashed as a
-- whole number: 2^24 times any float from 0.5 on is one. recsys.features.row_hashes computes the
-- same. By user first: workers cannot count distinct ones.
SELECT coalesce(sum(n), 0)::bigint AS n_ratings,
       count(*) AS n_users,
       coalesce(floor(date_part('epoch', min(oldest))), 0)::bigint AS oldest,
       coalesce(floor(date_part('epoch', max(newest))), 0)::bigint AS newest,
       coalesce(sum(total), 0) AS total,
       coalesce(bit_xor(parity), 0) AS parity
FROM (SELECT user_id, count(*) AS n, min(rated_at) AS oldest, max(rated_at) AS newest,
             sum(hash) AS total, bit_xor(hash) AS parity
      FROM (SELECT user_id, rated_at,
                   hashint8extended(floor(date_part('epoch', rated_at))::bigint,
                                    movie_id # hashint8extended((rating * 16777216)::bigint,
                                                                user_id)) AS hash
            FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz,
                                  %(movie_ids)s::bigint[])) hashed
      GROUP BY user_id) by_user;

-- name: histories(as_of, watermark, cut, movie_ids, user_ids)
-- The training ratings of some users.
SELECT user_id, movie_id, rating, rated_at
FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[])
WHERE user_id = ANY (%(user_ids)s::bigint[]);

-- name: raters(as_of, watermark, cut, movie_ids)
-- How many users rated each movie.
SELECT movie_id, count(*) AS n
FROM training_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[])
GROUP BY movie_id;

-- name: held_out(as_of, watermark, cut, movie_ids)
SELECT user_id, movie_id, rating, rated_at
FROM held_out_ratings(%(as_of)s, %(watermark)s, %(cut)s::timestamptz, %(movie_ids)s::bigint[]);

-- name: newest(as_of, watermark, movie_ids)
-- When the newest rating was given, in seconds. Of all versions: the newest of these is visible.
SELECT floor(date_part('epoch', max(rated_at)))::bigint AS newest
FROM visible_versions(%(as_of)s, %(watermark)s)
WHERE movie_id = ANY (%(movie_ids)s::bigint[]);

-- name: deciding_users(as_of, watermark, movie_ids, cuts, since, like_threshold)
-- For each cut, how many users have a rating before it and a like from it on. Only users with a
-- like from the earliest cut on, `since`, are looked at.
WITH liking AS MATERIALIZED (
    SELECT user_id, max(rated_at) AS newest_like
    FROM visible_ratings(%(as_of)s, %(watermark)s)
    WHERE rated_at >= %(since)s
      AND rating >= %(like_threshold)s::real
      AND movie_id = ANY (%(movie_ids)s::bigint[])
    GROUP BY user_id
),
began AS MATERIALIZED (
    SELECT user_id, min(rated_at) AS oldest
    FROM visible_ratings(%(as_of)s, %(watermark)s)
    WHERE user_id IN (SELECT user_id FROM liking)
      AND movie_id = ANY (%(movie_ids)s::bigint[])
    GROUP BY user_id
)
SELECT cut, count(*) AS n_users
FROM liking
JOIN began USING (user_id)
JOIN unnest(%(cuts)s::timestamptz[]) AS cut ON oldest < cut AND cut <= newest_like
GROUP BY cut;
