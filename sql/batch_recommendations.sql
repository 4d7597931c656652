-- The rules of a publication: from the model's candidates to what every user is recommended.
--
-- Leaves out what the user has rated and what is withdrawn; ranks; fills users whom the model does
-- not know, or who have rated too little for it, from recent popularity in the genres that they
-- like; gives every user depth movies, or as many as there are left to recommend. Readers are shown
-- the first top_n of them. Sums are of whole numbers or numeric, so that the order of rows changes
-- no digit.
--
-- While an experiment lasts, the users in its challenger's share get their lists from the
-- challenger's own publication.
--
-- A user's candidates are an array, ranked by the model: by score, and by movie where scores are
-- equal. Nearly all of them stay as they are. Only the arrays of the users in `to_mend` are taken
-- apart and ranked again.
--
-- {partition}: the table of the new publication. `readers`, `likes` and `to_mend` are what
-- gather_readers, weigh_likes and gather_to_mend computed from all ratings; here ratings are looked
-- up by their key where they matter, and OFFSET 0 keeps the planner to that.
--
-- Parameters: publication_id, publication_key (of the candidates), as_of, watermark, depth, top_n,
-- off_offer (movies among the candidates that are not on offer), min_history (ratings below which a
-- user gets the fallback), like_threshold, experiment (its name, else NULL), share (of the users
-- that its challenger has), shadow_id (the challenger's publication, else NULL), arm (whose lists
-- the others are, while an experiment lasts).
INSERT INTO {partition} (publication_id, user_id, movie_ids, scores, n_model, arm, reason_kind,
                         cited, contributions)
WITH served AS MATERIALIZED (
    SELECT user_id, history FROM readers
    WHERE %(experiment)s::text IS NULL OR NOT challenger_has(user_id, %(experiment)s, %(share)s)
),
on_offer AS MATERIALIZED (
    SELECT movie_id, genres FROM visible_movies(%(as_of)s, %(watermark)s)
    WHERE movie_id NOT IN (SELECT movie_id FROM withdrawn)
),
model_lists AS NOT MATERIALIZED (  -- what the model says of users who have rated enough for it
    SELECT c.user_id, c.movie_ids, c.scores, c.reason_kind, c.cited, c.contributions
    FROM candidates c
    JOIN served s USING (user_id)
    WHERE c.publication_key = %(publication_key)s AND s.history >= %(min_history)s
),
mended AS MATERIALIZED (  -- the reasons move with their movies
    SELECT l.user_id, kept.movie_ids, kept.scores, l.reason_kind,
           CASE WHEN l.cited IS NOT NULL THEN reasons.cited END AS cited,
           CASE WHEN l.contributions IS NOT NULL THEN reasons.contributions END AS contributions
    FROM model_lists l
    JOIN to_mend USING (user_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(movie_id ORDER BY score DESC, movie_id) AS movie_ids,
               array_agg(score ORDER BY score DESC, movie_id) AS scores,
               array_agg(rank ORDER BY score DESC, movie_id) AS ranks
        FROM unnest(l.movie_ids, l.scores) WITH ORDINALITY AS m (movie_id, score, rank)
        WHERE movie_id <> ALL (%(off_offer)s::bigint[])
          AND movie_id <> ALL (ARRAY(SELECT v.movie_id
                                     FROM visible_versions(%(as_of)s, %(watermark)s) v
                                     WHERE v.user_id = l.user_id
                                       AND v.movie_id = ANY (l.movie_ids)
                                     OFFSET 0))
    ) kept
    CROSS JOIN LATERAL (
        SELECT array_agg(l.cited[3 * rank - 3 + i] ORDER BY place, i) AS cited,
               array_agg(l.contributions[3 * rank - 3 + i] ORDER BY place, i) AS contributions
        FROM unnest(kept.ranks[:%(top_n)s]) WITH ORDINALITY AS r (rank, place)
        CROSS JOIN generate_series(1, 3) AS i
    ) reasons
),
chosen AS NOT MATERIALIZED (
    SELECT * FROM model_lists l WHERE NOT EXISTS (SELECT FROM to_mend t WHERE t.user_id = l.user_id)
    UNION ALL
    SELECT user_id, movie_ids[:%(depth)s], scores[:%(depth)s], reason_kind, cited, contributions
    FROM mended
),
short AS MATERIALIZED (  -- users with fewer than depth from the model
    SELECT s.user_id, s.history, coalesce(cardinality(c.movie_ids), 0) AS n_chosen
    FROM served s
    LEFT JOIN chosen c USING (user_id)
    WHERE coalesce(cardinality(c.movie_ids), 0) < %(depth)s
),
chosen_of_short AS MATERIALIZED (
    SELECT user_id, movie_id
    FROM short
    JOIN chosen USING (user_id)
    CROSS JOIN LATERAL unnest(movie_ids) AS movie_id
),
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
    FROM short s JOIN places p ON p.place <= 500 + %(depth)s + s.history
    WHERE NOT EXISTS (SELECT FROM taste t WHERE t.user_id = s.user_id)
    UNION ALL
    SELECT s.user_id, p.movie_id, p.place, p.likes * coalesce(sum(t.share), 0)
    FROM short s
    JOIN places p ON p.place <= 500 + %(depth)s + s.history
    LEFT JOIN taste t ON t.user_id = s.user_id AND t.genre = ANY (p.genres)
    WHERE EXISTS (SELECT FROM taste t WHERE t.user_id = s.user_id)
    GROUP BY s.user_id, p.movie_id, p.place, p.likes
),
left_to_recommend AS (
    SELECT user_id, movie_id, score,
           row_number() OVER (PARTITION BY user_id ORDER BY score DESC, place) AS rank
    FROM offers o
    WHERE NOT EXISTS (SELECT FROM rated
                      WHERE (rated.user_id, rated.movie_id) = (o.user_id, o.movie_id))
      AND NOT EXISTS (SELECT FROM chosen_of_short c
                      WHERE (c.user_id, c.movie_id) = (o.user_id, o.movie_id))
),
fallback AS MATERIALIZED (
    SELECT user_id, array_agg(movie_id ORDER BY rank) AS movie_ids,
           array_agg(score::real ORDER BY rank) AS scores
    FROM left_to_recommend JOIN short USING (user_id)
    WHERE n_chosen + rank <= %(depth)s
    GROUP BY user_id
),
champions AS (
    SELECT user_id,
           c.movie_ids || f.movie_ids AS movie_ids,
           c.scores || f.scores AS scores,
           coalesce(cardinality(c.movie_ids), 0) AS n_model,
           CASE WHEN cardinality(c.movie_ids) > 0 THEN c.reason_kind ELSE 'rule' END AS reason_kind,
           c.cited, c.contributions
    FROM served
    LEFT JOIN chosen c USING (user_id)
    LEFT JOIN fallback f USING (user_id)
)
SELECT %(publication_id)s, user_id, movie_ids, scores, n_model, %(arm)s, reason_kind, cited,
       contributions
FROM champions
WHERE cardinality(movie_ids) > 0
UNION ALL
SELECT %(publication_id)s, user_id, movie_ids, scores, n_model, 'challenger', reason_kind, cited,
       contributions
FROM published_lists
WHERE publication_id = %(shadow_id)s AND challenger_has(user_id, %(experiment)s, %(share)s);
