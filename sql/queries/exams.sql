-- The ledger of exams.

-- name: exam(as_of)
SELECT as_of, kind, weeks, cut, fingerprint, n_users, n_ratings, incumbent, incumbent_recipe
FROM exams
WHERE as_of = %(as_of)s;

-- name: record_exam(as_of, kind, weeks, cut, fingerprint, n_users, n_ratings, incumbent,
--     incumbent_recipe, sketch)
INSERT INTO exams (as_of, kind, weeks, cut, fingerprint, n_users, n_ratings, incumbent,
                   incumbent_recipe, sketch)
VALUES (%(as_of)s, %(kind)s, %(weeks)s, %(cut)s, %(fingerprint)s, %(n_users)s, %(n_ratings)s,
        %(incumbent)s, %(incumbent_recipe)s, %(sketch)s)
ON CONFLICT (as_of) DO NOTHING;

-- name: sketches_before(as_of)
SELECT as_of, sketch FROM exams WHERE as_of < %(as_of)s AND sketch IS NOT NULL ORDER BY as_of;

-- name: record_overlap(as_of, earlier, share)
INSERT INTO exam_overlaps (as_of, earlier, share)
VALUES (%(as_of)s, %(earlier)s, %(share)s)
ON CONFLICT (as_of, earlier) DO NOTHING;

-- name: most_shared(as_of)
-- The earlier exam that shares most of its held-out ratings with a week's exam.
SELECT earlier, share FROM exam_overlaps
WHERE as_of = %(as_of)s AND share > 0 AND earlier NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY share DESC, earlier DESC LIMIT 1;

-- name: lost(as_of, lead_gates, evidence_gate)
-- Of the earlier exams that a recipe lost, the one that shares most with this week's. A recipe lost
-- where it did not surely beat the champion or popularity although there were enough users to
-- decide, or where the exam holds out each user's newest ratings, so that no exam can have more
-- users; and where it was champion and was deposed.
WITH losses AS (
    SELECT p.as_of, v.recipe_key
    FROM promotions p
    JOIN exams e USING (as_of)
    JOIN gate_verdicts v USING (promotion_id)
    GROUP BY p.as_of, p.promotion_id, v.recipe_key, e.kind
    HAVING bool_or(NOT v.passed AND v.gate = ANY (%(lead_gates)s))
       AND (e.kind = 'leave-newest-out' OR bool_or(v.passed AND v.gate = %(evidence_gate)s))
    UNION
    SELECT as_of, incumbent FROM promotions WHERE decision = 'promoted'
)
SELECT DISTINCT ON (l.recipe_key) l.recipe_key, o.earlier, o.share
FROM exam_overlaps o JOIN losses l ON l.as_of = o.earlier
WHERE o.as_of = %(as_of)s AND o.earlier NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY l.recipe_key, o.share DESC, o.earlier DESC;

-- name: entries(as_of)
-- The recipes that a week's exam evaluated, with their per-user scores.
SELECT recipe_key, user_ids, ndcg FROM exam_entries WHERE as_of = %(as_of)s ORDER BY recipe_key;

-- name: runs(as_of)
-- The MLflow run of each fit that was evaluated.
SELECT recipe_key, run_id FROM exam_entries WHERE as_of = %(as_of)s ORDER BY recipe_key;

-- name: entry(as_of, recipe_key)
SELECT run_id FROM exam_entries WHERE as_of = %(as_of)s AND recipe_key = %(recipe_key)s;

-- name: record_entry(as_of, recipe_key, recipe, run_id, user_ids, ndcg)
INSERT INTO exam_entries (as_of, recipe_key, recipe, run_id, user_ids, ndcg)
VALUES (%(as_of)s, %(recipe_key)s, %(recipe)s, %(run_id)s, %(user_ids)s, %(ndcg)s)
ON CONFLICT (as_of, recipe_key) DO NOTHING;

-- name: record_result(as_of, recipe_key, slice, metric, value, n)
INSERT INTO exam_results (as_of, recipe_key, slice, metric, value, n)
VALUES (%(as_of)s, %(recipe_key)s, %(slice)s, %(metric)s, %(value)s, %(n)s)
ON CONFLICT (as_of, recipe_key, slice, metric) DO NOTHING;

-- name: results(as_of)
SELECT recipe_key, slice, metric, value, n
FROM exam_results
WHERE as_of = %(as_of)s
ORDER BY recipe_key, slice, metric;
