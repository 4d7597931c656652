-- The rules of sql/batch_recommendations.sql written plainly: row by row, all of them ranked, and no
-- thought of what it costs. The test holds the arrays against these rows.
--
-- `offered` has the candidates (publication_key, user_id, movie_ids, scores) of the champion and of
-- the experiment's challenger; `readers` and `likes` are as for the rules.
WITH on_offer AS (
    SELECT movie_id, genres FROM visible_movies(%(as_of)s, %(watermark)s)
    WHERE movie_id NOT IN (SELECT movie_id FROM withdrawn)
),
rated AS (
    SELECT user_id, movie_id, rating FROM visible_ratings(%(as_of)s, %(watermark)s)
),
makers AS (  -- for everyone, whose candidates count
    SELECT user_id, history, arm,
           CASE arm WHEN 'challenger' THEN %(challenger_key)s ELSE %(publication_key)s END AS key
    FROM (SELECT user_id, history,
                 CASE WHEN %(experiment)s::text IS NULL THEN NULL
                      WHEN challenger_has(user_id, %(experiment)s, %(share)s) THEN 'challenger'
                      ELSE 'champion' END AS arm
          FROM readers) arms
),
from_model AS (
    SELECT user_id, movie_id, score,
           row_number() OVER (PARTITION BY user_id ORDER BY score DESC, movie_id) AS rank
    FROM makers m
    JOIN offered o USING (user_id)
    CROSS JOIN LATERAL unnest(o.movie_ids, o.scores) AS c (movie_id, score)
    JOIN on_offer USING (movie_id)
    WHERE o.publication_key = m.key AND m.history >= %(min_history)s
      AND (user_id, movie_id) NOT IN (SELECT user_id, movie_id FROM rated)
),
chosen AS (SELECT * FROM from_model WHERE rank <= %(depth)s),
taste AS (
    SELECT user_id, genre, count(*)::numeric / sum(count(*)) OVER (PARTITION BY user_id) AS share
    FROM rated JOIN on_offer USING (movie_id) CROSS JOIN LATERAL unnest(genres) AS genre
    WHERE rating >= %(like_threshold)s
    GROUP BY user_id, genre
),
worth AS (  -- of every movie to every user: by taste, and to users without any as it is
    SELECT user_id, movie_id, coalesce(likes, 0) AS likes,
           coalesce(likes, 0) * CASE
               WHEN NOT EXISTS (SELECT FROM taste t WHERE t.user_id = r.user_id) THEN 1
               ELSE (SELECT coalesce(sum(share), 0) FROM taste t
                     WHERE t.user_id = r.user_id AND t.genre = ANY (o.genres)) END AS score
    FROM readers r CROSS JOIN on_offer o LEFT JOIN likes USING (movie_id)
),
from_popularity AS (
    SELECT user_id, movie_id, score,
           row_number() OVER (PARTITION BY user_id ORDER BY score DESC, likes DESC, movie_id)
           + (SELECT count(*) FROM chosen c WHERE c.user_id = w.user_id) AS rank
    FROM worth w
    WHERE (user_id, movie_id) NOT IN (SELECT user_id, movie_id FROM rated)
      AND (user_id, movie_id) NOT IN (SELECT user_id, movie_id FROM chosen)
)
SELECT user_id, rank::integer, movie_id, score, source, arm
FROM (SELECT user_id, rank, movie_id, score, 'model' AS source FROM chosen
      UNION ALL
      SELECT user_id, rank, movie_id, score::real, 'fallback' FROM from_popularity) both_sources
JOIN makers USING (user_id)
WHERE rank <= %(depth)s
ORDER BY user_id, rank;
