-- The rules of a publication: from the model's candidates to what every user is recommended.
--
-- Leaves out what the user has rated and what is withdrawn; ranks; fills users whom the model does
-- not know, or who have rated too little for it, from recent popularity in the genres that they
-- like; gives every user top_n movies, or as many as there are left to recommend. Sums are of whole
-- numbers or numeric, so that the order of rows changes no digit.
--
-- While an experiment lasts, the users in its challenger's share get their lists from the
-- challenger's own publication.
--
-- {partition}: the table of the new publication. `readers`, `likes` and `unrated` are what
-- gather_readers, weigh_likes and gather_unrated computed from all ratings; here ratings are looked
-- up by their key where they matter, and OFFSET 0 keeps the planner to that.
--
-- Parameters: publication_id, as_of, watermark, top_n, min_history (ratings below which a user gets
-- the fallback), like_threshold, experiment (its name, else NULL), share (of the users that its
-- challenger has), shadow_id (the challenger's publication, else NULL), arm (whose lists the others
-- are, while an experiment lasts).
INSERT INTO {partition} (publication_id, user_id, rank, movie_id, score, source, arm)
WITH served AS MATERIALIZED (
    SELECT user_id, history FROM readers
    WHERE %(experiment)s::text IS NULL OR NOT challenger_has(user_id, %(experiment)s, %(share)s)
),
on_offer AS MATERIALIZED (
    SELECT movie_id, genres FROM visible_movies(%(as_of)s, %(watermark)s)
    WHERE movie_id NOT IN (SELECT movie_id FROM withdrawn)
),
chosen AS MATERIALIZED (
    SELECT user_id, movie_id, score, rank
    FROM (SELECT user_id, movie_id, score,
                 row_number() OVER (PARTITION BY user_id ORDER BY score DESC, movie_id) AS rank
          FROM unrated
          JOIN served USING (user_id)
          JOIN on_offer USING (movie_id)
          WHERE history >= %(min_history)s) ranked
    WHERE rank <= %(top_n)s
),
short AS MATERIALIZED (  -- users with fewer than top_n from the model
    SELECT s.user_id, s.history, coalesce(c.n_chosen, 0) AS n_chosen
    FROM served s
    LEFT JOIN (SELECT user_id, count(*) AS n_chosen FROM chosen GROUP BY user_id) c USING (user_id)
    WHERE coalesce(c.n_chosen, 0) < %(top_n)s
),
chosen_of_short AS MATERIALIZED (SELECT user_id, movie_id FROM chosen JOIN short USING (user_id)),
rated AS MATERIALIZED (  -- by these users
    SELECT s.user_id, v.movie_id, v.rating
    FROM short s
    CROSS JOIN LATERAL (
        SELECT movie_id, rating
        FROM visible_ratings(%(as_of)s, %(watermark)s)
        WHERE user_id = s.user_id
        OFFSET 0
    ) v
),
places AS MATERIALIZED (
    SELECT o.movie_id, o.genres, coalesce(l.likes, 0) AS likes,
           row_number() OVER (ORDER BY coalesce(l.likes, 0) DESC, o.movie_id) AS place
    FROM on_offer o LEFT JOIN likes l USING (movie_id)
),
taste AS MATERIALIZED (  -- of a user's liked genres, the share of each
    SELECT user_id, genre, count(*)::numeric / sum(count(*)) OVER (PARTITION BY user_id) AS share
    FROM rated
    JOIN on_offer USING (movie_id)
    CROSS JOIN LATERAL unnest(genres) AS genre
    WHERE rating >= %(like_threshold)s
    GROUP BY user_id, genre
),
offers AS (
    -- From the most popular 500 and as many more as the user may have rated: always enough, and
    -- never users × all movies.
    SELECT s.user_id, p.movie_id, p.place, p.likes AS score
    FROM short s JOIN places p ON p.place <= 500 + %(top_n)s + s.history
    WHERE NOT EXISTS (SELECT FROM taste t WHERE t.user_id = s.user_id)
    UNION ALL
    SELECT s.user_id, p.movie_id, p.place, p.likes * coalesce(sum(t.share), 0)
    FROM short s
    JOIN places p ON p.place <= 500 + %(top_n)s + s.history
    LEFT JOIN taste t ON t.user_id = s.user_id AND t.genre = ANY (p.genres)
    WHERE EXISTS (SELECT FROM taste t WHERE t.user_id = s.user_id)
    GROUP BY s.user_id, p.movie_id, p.place, p.likes
),
fallback AS (
    SELECT user_id, movie_id, score,
           row_number() OVER (PARTITION BY user_id ORDER BY score DESC, place) AS rank
    FROM offers o
    WHERE NOT EXISTS (SELECT FROM rated
                      WHERE (rated.user_id, rated.movie_id) = (o.user_id, o.movie_id))
      AND NOT EXISTS (SELECT FROM chosen_of_short c
                      WHERE (c.user_id, c.movie_id) = (o.user_id, o.movie_id))
)
SELECT %(publication_id)s, user_id, rank, movie_id, score, source, %(arm)s
FROM (SELECT user_id, rank, movie_id, score::real, 'model' AS source FROM chosen
      UNION ALL
      SELECT f.user_id, s.n_chosen + f.rank, f.movie_id, f.score::real, 'fallback'
      FROM fallback f JOIN short s USING (user_id)
      WHERE s.n_chosen + f.rank <= %(top_n)s) champions
UNION ALL
SELECT %(publication_id)s, user_id, rank, movie_id, score, source, 'challenger'
FROM batch_recommendations
WHERE publication_id = %(shadow_id)s AND challenger_has(user_id, %(experiment)s, %(share)s);
