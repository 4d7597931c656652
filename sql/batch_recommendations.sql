-- The rules of a publication: from the model's candidates to what every user is recommended.
--
-- Leaves out what the user has rated and what is withdrawn; ranks; fills users whom the model does not know, or who have
-- rated too little for it, from recent popularity in the genres that they like; gives every user top_n movies, or as many
-- as there are left to recommend. Sums are of numeric, so that the order of rows changes no digit.
--
-- While an experiment lasts, the users in its challenger's share get their lists from the challenger's own publication.
--
-- {partition}: the table of the new publication. Parameters: publication_id, publication_key, as_of, watermark, top_n,
-- min_history (ratings below which a user gets the fallback), like_threshold, half_life_days (of recent popularity), experiment
-- (its name, else NULL), share (of the users that its challenger has), shadow_id (the challenger's publication, else NULL), arm
-- (whose lists the others are, while an experiment lasts).
INSERT INTO {partition} (publication_id, user_id, rank, movie_id, score, source, arm)
WITH rated AS MATERIALIZED (
    SELECT user_id, movie_id, rating, rated_at
    FROM visible_ratings(%(as_of)s, %(watermark)s)
),
readers AS MATERIALIZED (
    SELECT user_id, count(rating) AS history
    FROM (SELECT user_id, rating FROM rated
          UNION ALL
          SELECT user_id, NULL FROM users JOIN drops USING (drop_id) WHERE drop_id <= %(watermark)s AND drop_date <= %(as_of)s) known
    WHERE NOT challenger_has(user_id, %(experiment)s, %(share)s)
    GROUP BY user_id
),
on_offer AS MATERIALIZED (
    SELECT movie_id, genres FROM visible_movies(%(as_of)s, %(watermark)s)
    WHERE movie_id NOT IN (SELECT movie_id FROM withdrawals)
),
from_model AS MATERIALIZED (
    SELECT user_id, movie_id, score, row_number() OVER (PARTITION BY user_id ORDER BY score DESC, movie_id) AS rank
    FROM candidates c
    JOIN readers r USING (user_id)
    JOIN on_offer USING (movie_id)
    WHERE c.publication_key = %(publication_key)s AND r.history >= %(min_history)s
      AND NOT EXISTS (SELECT FROM rated WHERE (rated.user_id, rated.movie_id) = (c.user_id, c.movie_id))
),
chosen AS (SELECT * FROM from_model WHERE rank <= %(top_n)s),
short AS MATERIALIZED (  -- users with fewer than top_n from the model
    SELECT r.user_id, r.history, count(c.movie_id) AS n_chosen
    FROM readers r LEFT JOIN chosen c USING (user_id)
    GROUP BY r.user_id, r.history
    HAVING count(c.movie_id) < %(top_n)s
),
popularity AS MATERIALIZED (  -- likes, each worth half for every half-life that it is older than the newest rating
    SELECT o.movie_id, o.genres, coalesce(sum(round(power(0.5, l.age_days / %(half_life_days)s)::numeric, 12)), 0) AS likes
    FROM on_offer o
    LEFT JOIN (
        SELECT movie_id, extract(epoch FROM (SELECT max(rated_at) FROM rated) - rated_at)::double precision / 86400 AS age_days
        FROM rated WHERE rating >= %(like_threshold)s
    ) l USING (movie_id)
    GROUP BY o.movie_id, o.genres
),
places AS MATERIALIZED (
    SELECT movie_id, genres, likes, row_number() OVER (ORDER BY likes DESC, movie_id) AS place FROM popularity
),
taste AS MATERIALIZED (  -- of a user's liked genres, the share of each
    SELECT user_id, genre, count(*)::numeric / sum(count(*)) OVER (PARTITION BY user_id) AS share
    FROM short
    JOIN rated USING (user_id)
    JOIN on_offer USING (movie_id)
    CROSS JOIN LATERAL unnest(genres) AS genre
    WHERE rating >= %(like_threshold)s
    GROUP BY user_id, genre
),
offers AS (  -- from the most popular 500 and as many more as the user may have rated: always enough, and never users × all movies
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
    SELECT user_id, movie_id, score, row_number() OVER (PARTITION BY user_id ORDER BY score DESC, place) AS rank
    FROM offers o
    WHERE NOT EXISTS (SELECT FROM rated WHERE (rated.user_id, rated.movie_id) = (o.user_id, o.movie_id))
      AND NOT EXISTS (SELECT FROM chosen WHERE (chosen.user_id, chosen.movie_id) = (o.user_id, o.movie_id))
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
