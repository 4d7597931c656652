-- What the weeks of a replay computed, without what may differ between two runs: numbers given in
-- order, times, prose.

-- name: fits()
-- A digest of each fit's arrays.
SELECT as_of, kind, recipe_key, fingerprint, digest
FROM fits
ORDER BY as_of, kind, recipe_key, fingerprint, digest;

-- name: exams()
SELECT as_of, weeks, cut, fingerprint, n_users, n_ratings, incumbent FROM exams ORDER BY as_of;

-- name: exam_scores()
-- Each recipe's NDCG@10, user by user, as one digest.
SELECT as_of, recipe_key, cardinality(user_ids) AS n_users,
       md5(user_ids::text || ndcg::text) AS digest
FROM exam_entries ORDER BY as_of, recipe_key;

-- name: exam_figures()
-- All figures of a recipe as one digest.
SELECT as_of, recipe_key, count(*) AS n,
       md5(string_agg(concat_ws(' ', slice, metric, value, n), E'\n'
                      ORDER BY slice, metric)) AS digest
FROM exam_results GROUP BY as_of, recipe_key ORDER BY as_of, recipe_key;

-- name: decisions()
SELECT as_of, decision, recipe_key, incumbent, users_needed, md5(comparisons::text) AS comparisons
FROM promotions ORDER BY as_of, promotion_id;

-- name: gates()
-- Every gate's answer, on challengers and on refits.
SELECT p.as_of, g.recipe_key, g.gate, g.passed, g.figure, g.bound
FROM gate_verdicts g JOIN promotions p USING (promotion_id)
UNION ALL
SELECT as_of, recipe_key, gate, passed, figure, bound FROM refit_verdicts
ORDER BY 1, 2, 3;

-- name: publications()
SELECT as_of, recipe_key, is_shadow, n_users, n_rows, n_fallback, rows_sha256
FROM publications
ORDER BY as_of, publication_id;
