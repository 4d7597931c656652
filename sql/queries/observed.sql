-- Observed hits: what users liked of the lists that were published.

-- name: judged(as_of)
-- What readers had in the newest earlier week that was published, and the challengers' own
-- publications of that week.
WITH week AS (
    SELECT as_of, publication_id
    FROM week_publications
    WHERE as_of < %(as_of)s
    ORDER BY as_of DESC
    LIMIT 1
)
SELECT p.publication_id, w.as_of AS since, p.recipe_key, p.is_shadow,
       coalesce(e.recipe_key, p.recipe_key) AS challenger_key,
       EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'published_lists'::regclass AND NOT i.inhdetachpending
                 AND c.relname = 'published_lists_' || p.publication_id) AS has_rows
FROM week w
JOIN publications p ON p.publication_id = w.publication_id OR (p.is_shadow AND p.as_of = w.as_of)
LEFT JOIN experiments e ON e.name = p.experiment
ORDER BY p.is_shadow, p.publication_id;

-- name: user_scores(publication_id, since, as_of, watermark, like_threshold, k, is_shadow)
-- Everyone with a list there who since liked a movie that they had not rated before: how many such
-- movies, at which of the list's first k ranks they are (bit 0 is rank 1), whether the model made
-- the list (by its first row), whether an app said what it showed of it, and in whose arm they are.
-- Where an app said what it showed in those days, only that can be a hit. Nobody was shown what is
-- in the shadow.
WITH liked AS MATERIALIZED (
    SELECT user_id, movie_id
    FROM visible_ratings(%(as_of)s, %(watermark)s) m
    WHERE rated_at >= %(since)s::date AND rating >= %(like_threshold)s
      AND NOT EXISTS (SELECT FROM ratings r
                      WHERE (r.user_id, r.movie_id) = (m.user_id, m.movie_id)
                        AND r.rated_at < %(since)s::date
                        AND r.drop_id <= %(watermark)s)
),
likes AS (
    SELECT user_id, count(*)::integer AS n_liked FROM liked GROUP BY user_id
),
shown AS MATERIALIZED (
    SELECT DISTINCT user_id, movie_id
    FROM feedback_events
    WHERE kind = 'shown' AND recommendation_id IS NOT NULL
      AND received_at >= %(since)s::date AND received_at < %(as_of)s::date
      AND NOT %(is_shadow)s
),
shown_users AS (
    SELECT DISTINCT user_id FROM shown
)
SELECT b.user_id, min(k.n_liked) AS n_liked,
       bit_or(CASE WHEN l.movie_id IS NULL THEN 0
                   WHEN d.user_id IS NOT NULL AND s.movie_id IS NULL THEN 0
                   ELSE 1 << b.rank - 1 END) AS hits,
       bool_or(b.rank = 1 AND b.source = 'model')::integer AS from_model,
       bool_or(d.user_id IS NOT NULL)::integer AS by_shown,
       CASE max(b.arm) WHEN 'champion' THEN 1 WHEN 'challenger' THEN 2 ELSE 0 END AS arm
FROM batch_recommendations b
JOIN likes k USING (user_id)
LEFT JOIN liked l USING (user_id, movie_id)
LEFT JOIN shown_users d USING (user_id)
LEFT JOIN shown s USING (user_id, movie_id)
WHERE b.publication_id = %(publication_id)s AND b.rank <= %(k)s
GROUP BY b.user_id ORDER BY b.user_id;

-- name: record(as_of, publication_id, since, arm, source, recipe_key, metric, value, low, high, n,
--              n_shown)
INSERT INTO observed_hits (as_of, publication_id, since, arm, source, recipe_key, metric, value,
                           low, high, n, n_shown)
VALUES (%(as_of)s, %(publication_id)s, %(since)s, %(arm)s, %(source)s, %(recipe_key)s, %(metric)s,
        %(value)s, %(low)s, %(high)s, %(n)s, %(n_shown)s);

-- name: recorded(as_of)
-- A week's figures on the lists before it, in the order in which people read them.
SELECT h.publication_id, h.since, h.arm, h.source, h.recipe_key, h.metric, h.value, h.low, h.high,
       h.n, h.n_shown, p.is_shadow
FROM observed_hits h JOIN publications p USING (publication_id)
WHERE h.as_of = %(as_of)s
ORDER BY p.is_shadow, h.publication_id,
         array_position(ARRAY['all', 'champion', 'challenger', 'challenger - champion'], h.arm),
         array_position(ARRAY['all', 'model', 'fallback'], h.source), h.metric;
