-- The ledger of exams and champions.

-- name: exam(as_of)
SELECT as_of, kind, weeks, cut, fingerprint, n_users, n_ratings, incumbent, incumbent_recipe FROM exams WHERE as_of = %(as_of)s;

-- name: record_exam(as_of, kind, weeks, cut, fingerprint, n_users, n_ratings, incumbent, incumbent_recipe)
INSERT INTO exams (as_of, kind, weeks, cut, fingerprint, n_users, n_ratings, incumbent, incumbent_recipe)
VALUES (%(as_of)s, %(kind)s, %(weeks)s, %(cut)s, %(fingerprint)s, %(n_users)s, %(n_ratings)s, %(incumbent)s, %(incumbent_recipe)s)
ON CONFLICT (as_of) DO NOTHING;

-- name: entries(as_of)
-- Who sat a week's exam, with everyone's marks.
SELECT recipe_key, user_ids, ndcg FROM exam_entries WHERE as_of = %(as_of)s ORDER BY recipe_key;

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
SELECT recipe_key, slice, metric, value, n FROM exam_results WHERE as_of = %(as_of)s ORDER BY recipe_key, slice, metric;

-- name: decision(as_of)
-- How a week was decided.
SELECT as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent, comparisons, reasons, decided_at
FROM promotions WHERE as_of = %(as_of)s;

-- name: incumbent(as_of)
-- The champion by the last decision for an earlier week.
SELECT as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent, comparisons, reasons, decided_at
FROM promotions WHERE as_of < %(as_of)s ORDER BY as_of DESC LIMIT 1;

-- name: newest_decision()
-- What MLflow's alias mirrors.
SELECT as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent, comparisons, reasons, decided_at
FROM promotions ORDER BY as_of DESC LIMIT 1;

-- name: record_decision(as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent, comparisons, reasons)
-- A week is decided once: a second decision changes nothing.
INSERT INTO promotions (as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent, comparisons, reasons)
VALUES (%(as_of)s, %(decision)s, %(recipe_key)s, %(recipe)s, %(model_version)s, %(fit_key)s, %(incumbent)s, %(comparisons)s, %(reasons)s)
ON CONFLICT (as_of) DO NOTHING;
