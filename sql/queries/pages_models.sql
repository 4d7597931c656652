-- Recipes, model versions and experiments.

-- name: recipes()
-- Each recipe that was ever in an exam: how it did last, and how often it was champion.
SELECT r.recipe_key, count(*) AS n_exams, max(r.as_of) AS last_exam,
       (array_agg(r.value ORDER BY r.as_of DESC))[1] AS last_ndcg, avg(r.value) AS mean_ndcg,
       (SELECT count(*) FROM api.pages_weeks w WHERE w.champion = r.recipe_key) AS n_weeks
FROM api.pages_exam_results r
WHERE r.slice = 'all' AND r.metric = 'NDCG@10'
GROUP BY r.recipe_key
ORDER BY max(r.as_of) DESC, (array_agg(r.value ORDER BY r.as_of DESC))[1] DESC;

-- name: versions(n)
-- The newest model versions that were published, and where they come from.
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.is_live, p.is_shadow,
       p.n_ratings, p.watermark, p.fingerprint, p.git_sha, p.run_id, p.published_at, p.decision,
       p.approval, p.approved_by, p.experiment, p.copy_of, p.left_out, f.run_id AS mlflow_run
FROM api.pages_publications p
LEFT JOIN api.pages_fits f USING (fit_key)
ORDER BY p.publication_id DESC LIMIT %(n)s;

-- name: experiments()
SELECT name, recipe_key, share, first_as_of, last_as_of, created_at FROM api.pages_experiments
ORDER BY first_as_of DESC, name;

-- name: arms()
-- Observed NDCG@10 of each arm of each week of an experiment.
SELECT p.experiment, h.since, h.arm, h.recipe_key, h.value, h.low, h.high, h.n, h.n_shown,
       p.is_shadow
FROM api.pages_observed_hits h JOIN api.pages_publications p USING (publication_id)
WHERE p.experiment IS NOT NULL AND h.source = 'all' AND h.metric = 'NDCG@10'
ORDER BY p.experiment, h.since DESC, h.arm;

-- name: sizes(experiment)
-- How many users each arm of an experiment has in the live publication.
SELECT l.arm, count(*) AS n FROM api.lists l
JOIN api.pages_publications p USING (publication_id)
WHERE p.is_live AND p.experiment = %(experiment)s AND l.arm IS NOT NULL
GROUP BY l.arm ORDER BY l.arm;
