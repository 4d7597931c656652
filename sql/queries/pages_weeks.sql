-- The weeks, one after another and one by one.

-- name: weeks()
-- Each week, how it was decided and what readers had; the newest first.
SELECT w.as_of, w.is_retired, w.decision, w.decided, w.champion, w.model_version, w.publication_id,
       w.was_live, w.exam_users, w.forced,
       (SELECT r.value FROM api.pages_exam_results r
        WHERE r.as_of = w.as_of AND r.slice = 'all' AND r.metric = 'NDCG@10'
          AND r.recipe_key = w.champion) AS champion_ndcg,
       o.value AS observed, o.low AS observed_low, o.high AS observed_high, o.n AS observed_users,
       (SELECT count(*) FROM api.pages_drift d WHERE d.as_of = w.as_of AND d.drifted) AS n_drifted,
       (SELECT count(d.drifted) FROM api.pages_drift d WHERE d.as_of = w.as_of) AS n_compared
FROM api.pages_weeks w
LEFT JOIN LATERAL (
    SELECT h.value, h.low, h.high, h.n FROM api.pages_observed_hits h
    WHERE h.publication_id = w.publication_id AND h.arm = 'all' AND h.source = 'all'
      AND h.metric = 'NDCG@10'
    ORDER BY h.as_of LIMIT 1) o ON true
ORDER BY w.as_of DESC;

-- name: scores()
-- Each recipe's NDCG@10 in each week's exam.
SELECT r.as_of, r.recipe_key, r.value FROM api.pages_exam_results r
WHERE r.slice = 'all' AND r.metric = 'NDCG@10'
ORDER BY r.as_of, r.recipe_key;

-- name: week(as_of)
SELECT as_of, watermark, is_retired, resolved_late, ingested_at, exam_kind, exam_weeks, cut,
       exam_users, exam_ratings, decision, decided, incumbent, comparisons::text AS comparisons,
       reasons, decided_at, promotion_id, forced, approval, approved_by, users_needed, run_id,
       publication_id, champion, model_version, was_live
FROM api.pages_weeks WHERE as_of = %(as_of)s;

-- name: drops(as_of)
-- What came in with a week.
SELECT drop_id, source, drop_date, revision, state, counts::text AS counts, reason
FROM api.pages_drops WHERE admitted_for = %(as_of)s ORDER BY drop_id;

-- name: results(as_of)
-- What each recipe reached in a week's exam, on all users.
SELECT recipe_key, metric, value, n FROM api.pages_exam_results
WHERE as_of = %(as_of)s AND slice = 'all'
ORDER BY recipe_key, metric;

-- name: gates(promotion_id)
SELECT recipe_key, gate, passed, sentence FROM api.pages_gate_verdicts
WHERE promotion_id = %(promotion_id)s
ORDER BY recipe_key, passed, gate;

-- name: failed(as_of)
SELECT recipe_key, kind, reason FROM api.pages_failed_fits
WHERE as_of = %(as_of)s ORDER BY recipe_key, kind;

-- name: drift(as_of)
SELECT measure, value, low, high, drifted, sentence FROM api.pages_drift
WHERE as_of = %(as_of)s ORDER BY drifted DESC NULLS LAST, measure;

-- name: costs(as_of)
-- Time, memory and rows of each step, as the week's run got through it first.
SELECT step, sum(seconds) AS seconds, max(peak_bytes) AS peak_bytes, sum(n_rows)::bigint AS n_rows
FROM (SELECT DISTINCT ON (step, part) step, part, seconds, peak_bytes, n_rows, started_at
      FROM api.pages_step_times WHERE as_of = %(as_of)s
      ORDER BY step, part, started_at) first
GROUP BY step ORDER BY min(started_at);

-- name: observed(publication_id)
-- What came true of a publication's lists.
SELECT as_of, arm, value, low, high, n FROM api.pages_observed_hits
WHERE publication_id = %(publication_id)s AND source = 'all' AND metric = 'NDCG@10'
ORDER BY as_of, arm;

-- name: changes_by_hand(as_of)
-- What a person made live while this was the newest week.
SELECT seq, publication_id, cause, reason, requested_by, went_live_at
FROM api.pages_live_history WHERE as_of = %(as_of)s AND cause <> 'published' ORDER BY seq;

-- name: before(as_of)
-- What readers had in the week before.
SELECT p.publication_id, p.as_of, coalesce((p.params ->> 'top_n')::integer, 10) AS top_n,
       p.dropped_at
FROM api.pages_week_publications w JOIN api.pages_publications p USING (publication_id)
WHERE w.as_of < %(as_of)s ORDER BY w.as_of DESC LIMIT 1;

-- name: changed(publication_id, earlier_id, top_n)
-- How many lists changed from one publication to another.
SELECT count(*) AS n_users,
       count(*) FILTER (WHERE now.ids IS DISTINCT FROM past.ids) AS n_changed,
       avg((SELECT count(*) FROM unnest(now.ids) AS i (id) WHERE i.id = ANY (past.ids))::real
           / cardinality(now.ids))::real AS kept
FROM (SELECT user_id, movie_ids[1 : %(top_n)s::integer] AS ids FROM api.lists
      WHERE publication_id = %(publication_id)s) now
JOIN (SELECT user_id, movie_ids[1 : %(top_n)s::integer] AS ids FROM api.lists
      WHERE publication_id = %(earlier_id)s) past USING (user_id);

-- name: movers(publication_id, earlier_id, top_n, n)
-- The movies that came into most lists, and those that left most.
WITH counted AS (
    SELECT movie_id, sum(change) AS change
    FROM (SELECT unnest(movie_ids[1 : %(top_n)s::integer]) AS movie_id, 1 AS change FROM api.lists
          WHERE publication_id = %(publication_id)s
          UNION ALL
          SELECT unnest(movie_ids[1 : %(top_n)s::integer]), -1 FROM api.lists
          WHERE publication_id = %(earlier_id)s) rows
    GROUP BY movie_id HAVING sum(change) <> 0
)
SELECT c.movie_id, m.title, m.genres, c.change
FROM ((SELECT * FROM counted WHERE change > 0 ORDER BY change DESC, movie_id LIMIT %(n)s)
      UNION ALL
      (SELECT * FROM counted WHERE change < 0 ORDER BY change, movie_id LIMIT %(n)s)) c
JOIN api.movies m USING (movie_id)
ORDER BY c.change DESC, c.movie_id;

-- name: changed_users(publication_id, earlier_id, top_n, n)
-- A few users whose lists changed.
SELECT user_id
FROM (SELECT user_id, movie_ids[1 : %(top_n)s::integer] AS ids FROM api.lists
      WHERE publication_id = %(publication_id)s) now
JOIN (SELECT user_id, movie_ids[1 : %(top_n)s::integer] AS ids FROM api.lists
      WHERE publication_id = %(earlier_id)s) past USING (user_id)
WHERE now.ids IS DISTINCT FROM past.ids
ORDER BY user_id LIMIT %(n)s;
