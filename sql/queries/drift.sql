-- Whether the data are still what they were.

-- name: weeks(as_of, watermark, n_weeks)
-- The week before as_of (ago 0) and the n_weeks before that, as the run sees them: weeks that have
-- ratings, the newest first. `histogram` counts ratings of 0.5, 1, … 5 stars; new is who, or what,
-- has the first rating of all in that week.
WITH firsts AS MATERIALIZED (
    SELECT user_id, movie_id,
           ceil(extract(epoch FROM %(as_of)s::date - min(rated_at)) / 604800) - 1 AS ago
    FROM visible_versions(%(as_of)s, %(watermark)s)
    GROUP BY GROUPING SETS ((user_id), (movie_id))
    HAVING min(rated_at) >= %(as_of)s::date - 7 * (%(n_weeks)s + 1)
),
events AS MATERIALIZED (
    SELECT user_id, movie_id, rating,
           ceil(extract(epoch FROM %(as_of)s::date - rated_at) / 604800) - 1 AS ago
    FROM visible_ratings(%(as_of)s, %(watermark)s)
    WHERE rated_at >= %(as_of)s::date - 7 * (%(n_weeks)s + 1)
),
by_movie AS (
    SELECT e.ago, count(*) AS movies, count(f.movie_id) AS new_movies, max(e.n) AS of_top_movie
    FROM (SELECT ago, movie_id, count(*) AS n FROM events GROUP BY ago, movie_id) e
    LEFT JOIN firsts f USING (ago, movie_id)
    GROUP BY e.ago
),
by_user AS (
    SELECT e.ago, count(*) AS users, count(f.user_id) AS new_users
    FROM (SELECT DISTINCT ago, user_id FROM events) e LEFT JOIN firsts f USING (ago, user_id)
    GROUP BY e.ago
),
by_stars AS (
    SELECT ago, sum(n) AS ratings, array_agg(n ORDER BY half_stars) AS histogram
    FROM (SELECT w.ago, s AS half_stars, count(e.rating) AS n
          FROM (SELECT DISTINCT ago FROM events) w CROSS JOIN generate_series(1, 10) AS s
          LEFT JOIN events e ON e.ago = w.ago AND e.rating * 2 = s
          GROUP BY w.ago, s) counted
    GROUP BY ago
)
SELECT ago::integer, ratings::bigint, histogram, users, new_users, movies, new_movies,
       of_top_movie
FROM by_stars JOIN by_user USING (ago) JOIN by_movie USING (ago)
ORDER BY ago;

-- name: exam_scores(as_of, n_weeks, metric)
-- The champion's score in the week's exam and in those of the n_weeks before that were held in the
-- same way. The champion is who the exam decided on; until it has, the incumbent.
SELECT e.as_of, r.value
FROM exams e
JOIN exams now ON now.as_of = %(as_of)s AND now.kind = e.kind
JOIN exam_results r ON r.as_of = e.as_of AND r.slice = 'all' AND r.metric = %(metric)s
WHERE e.as_of BETWEEN %(as_of)s::date - 7 * %(n_weeks)s AND %(as_of)s::date
  AND (e.as_of = %(as_of)s OR e.as_of NOT IN (SELECT as_of FROM retired_weeks))
  AND r.recipe_key = coalesce((SELECT d.recipe_key FROM week_decisions d WHERE d.as_of = e.as_of),
                              e.incumbent)
ORDER BY e.as_of DESC;

-- name: record(as_of, measure, value, low, high, drifted, sentence)
INSERT INTO drift (as_of, measure, value, low, high, drifted, sentence)
VALUES (%(as_of)s, %(measure)s, %(value)s, %(low)s, %(high)s, %(drifted)s, %(sentence)s)
ON CONFLICT (as_of, measure) DO NOTHING;

-- name: recorded(as_of)
SELECT measure, value, low, high, drifted, sentence
FROM drift
WHERE as_of = %(as_of)s
ORDER BY measure;
