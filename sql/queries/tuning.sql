-- Studies, and the best recipes of each.

-- name: trials(study)
-- What a study has tried, in order.
SELECT number, recipe, validation_ndcg FROM tuning_trials WHERE study = %(study)s ORDER BY number;

-- name: record_trial(study, number, recipe, validation_ndcg, failure, run_id)
INSERT INTO tuning_trials (study, number, recipe, validation_ndcg, failure, run_id)
VALUES (%(study)s, %(number)s, %(recipe)s, %(validation_ndcg)s, %(failure)s, %(run_id)s);

-- name: record_tuned(recipe_key, study, name, recipe, tuned_for, validation_ndcg, default_ndcg,
--     n_trials)
-- A study that goes on and improves adds a row; one that returns the same recipe adds nothing.
INSERT INTO tuned_recipes (recipe_key, study, name, recipe, tuned_for,
                           validation_ndcg, default_ndcg, n_trials)
VALUES (%(recipe_key)s, %(study)s, %(name)s, %(recipe)s, %(tuned_for)s,
        %(validation_ndcg)s, %(default_ndcg)s, %(n_trials)s)
ON CONFLICT (study, recipe_key) DO NOTHING;

-- name: newest_tuned(as_of)
-- What a week may use: of each name, the newest recipe for that week or an earlier one.
SELECT DISTINCT ON (name) name, recipe_key, recipe FROM tuned_recipes
WHERE tuned_for <= %(as_of)s
ORDER BY name, tuned_for DESC, tuned_at DESC;

-- name: tuned(recipe_key, as_of)
-- One by its key, if it is for that week or an earlier one.
SELECT name, recipe_key, recipe
FROM tuned_recipes
WHERE recipe_key = %(recipe_key)s AND tuned_for <= %(as_of)s
LIMIT 1;
