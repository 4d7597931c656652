-- For the newest run there is one rating a user and movie, and one version a movie: no version has
-- a newer one that is not recorded.
SELECT NOT EXISTS (
    SELECT FROM ratings r
    WHERE NOT EXISTS (
        SELECT FROM rerated k WHERE (k.user_id, k.movie_id) = (r.user_id, r.movie_id)
    )
    GROUP BY user_id, movie_id
    HAVING count(*) > 1
)
AND NOT EXISTS (
    SELECT FROM mv_rerated
    WHERE valid_to = 'infinity' AND superseded_by = 9223372036854775807
    GROUP BY user_id, movie_id
    HAVING count(*) > 1
)
AND NOT EXISTS (
    SELECT FROM mv_movies
    WHERE superseded_by = 9223372036854775807
    GROUP BY movie_id
    HAVING count(*) > 1
) AS ok;
