-- The ledger of champions. A week's own decision is no rollback; the champion is the newest row of
-- all that stand.

-- name: decision(as_of)
-- How a week was decided.
SELECT promotion_id, as_of, decision, recipe, model_version, fit_key, fingerprint, n_ratings,
       incumbent, comparisons, reasons, approval, approved_by, proposal_id, users_needed
FROM week_decisions
WHERE as_of = %(as_of)s;

-- name: forced_decision(as_of, run_id)
-- How a run decided a week anew.
SELECT promotion_id, as_of, decision, recipe, model_version, fit_key, fingerprint, n_ratings,
       incumbent, comparisons, reasons, approval, approved_by, proposal_id, users_needed
FROM promotions WHERE as_of = %(as_of)s AND run_id = %(run_id)s AND forced;

-- name: decision_by_id(promotion_id)
SELECT promotion_id, as_of, decision, recipe, model_version, fit_key, fingerprint, n_ratings,
       incumbent, comparisons, reasons, approval, approved_by, proposal_id, users_needed
FROM promotions WHERE promotion_id = %(promotion_id)s;

-- name: incumbent(as_of)
-- The champion by the last decision for an earlier week, be it an exam's or a rollback. Retired
-- weeks do not count.
SELECT promotion_id, as_of, decision, recipe, model_version, fit_key, fingerprint, n_ratings,
       incumbent, comparisons, reasons, approval, approved_by, proposal_id, users_needed
FROM promotions
WHERE as_of < %(as_of)s AND stands AND as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY as_of DESC, promotion_id DESC LIMIT 1;

-- name: newest_decision()
-- The champion now: what MLflow's alias mirrors.
SELECT promotion_id, as_of, decision, recipe, model_version, fit_key, fingerprint, n_ratings,
       incumbent, comparisons, reasons, approval, approved_by, proposal_id, users_needed
FROM promotions
WHERE stands AND as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY as_of DESC, promotion_id DESC LIMIT 1;

-- name: record_decision(as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent,
--     comparisons, reasons, forced, approval, approved_by, proposal_id, users_needed,
--     fingerprint, n_ratings, git_sha, run_id)
-- A week is decided once: a second decision changes nothing, unless it is forced, and then once a
-- run. What is decided of a week that was rolled back does not stand: history does not govern the
-- present.
INSERT INTO promotions (as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent,
                        comparisons, reasons, forced, stands,
                        approval, approved_by, proposal_id, users_needed,
                        fingerprint, n_ratings, git_sha, run_id)
SELECT %(as_of)s, %(decision)s, %(recipe_key)s, %(recipe)s, %(model_version)s, %(fit_key)s,
       %(incumbent)s, %(comparisons)s, %(reasons)s,
       %(forced)s, NOT (n.as_of IS NOT DISTINCT FROM %(as_of)s::date AND n.is_rolled_back),
       %(approval)s, %(approved_by)s, %(proposal_id)s, %(users_needed)s,
       %(fingerprint)s, %(n_ratings)s, %(git_sha)s, %(run_id)s
FROM newest_live n
ON CONFLICT DO NOTHING
RETURNING promotion_id;

-- name: record_proposal(as_of, run_id, inputs, decision_json, champion, fallback, incumbent)
-- A task that is tried again finds its row.
INSERT INTO proposals (as_of, run_id, inputs, decision, champion, fallback, incumbent)
VALUES (%(as_of)s, %(run_id)s, %(inputs)s, %(decision_json)s, %(champion)s, %(fallback)s,
        %(incumbent)s)
ON CONFLICT DO NOTHING;

-- name: proposal_by_inputs(as_of, run_id, inputs)
SELECT proposal_id, as_of, run_id, decision, champion, fallback, incumbent
FROM proposals
WHERE as_of = %(as_of)s AND run_id = %(run_id)s AND inputs = %(inputs)s;

-- name: proposal_by_id(proposal_id)
SELECT proposal_id, as_of, run_id, decision, champion, fallback, incumbent
FROM proposals
WHERE proposal_id = %(proposal_id)s;

-- name: record_verdict(promotion_id, recipe_key, gate, passed, figure, bound, sentence)
INSERT INTO gate_verdicts (promotion_id, recipe_key, gate, passed, figure, bound, sentence)
VALUES (%(promotion_id)s, %(recipe_key)s, %(gate)s, %(passed)s, %(figure)s, %(bound)s,
        %(sentence)s);

-- name: verdicts(promotion_id)
SELECT recipe_key, gate, passed, figure, bound, sentence
FROM gate_verdicts
WHERE promotion_id = %(promotion_id)s
ORDER BY recipe_key, gate;

-- name: record_refit_verdict(as_of, fit_key, recipe_key, gate, passed, figure, bound, sentence)
INSERT INTO refit_verdicts (as_of, fit_key, recipe_key, gate, passed, figure, bound, sentence)
VALUES (%(as_of)s, %(fit_key)s, %(recipe_key)s, %(gate)s, %(passed)s, %(figure)s, %(bound)s,
        %(sentence)s)
ON CONFLICT (as_of, recipe_key, gate) DO UPDATE
SET fit_key = excluded.fit_key, passed = excluded.passed, figure = excluded.figure,
    bound = excluded.bound, sentence = excluded.sentence;

-- name: refit_verdicts(as_of)
SELECT recipe_key, fit_key, gate, passed, figure, bound, sentence
FROM refit_verdicts
WHERE as_of = %(as_of)s
ORDER BY recipe_key, gate;

-- name: history_of_fit(fit_key)
-- What MLflow's version of a fit is tagged with: the decisions for it, and what it published.
SELECT 'decision ' || promotion_id AS name, 'week ' || as_of || ', ' || decision AS value
FROM promotions WHERE fit_key = %(fit_key)s AND decision NOT IN ('rolled back', 'rolled forward')
UNION ALL
SELECT 'publication ' || publication_id,
       'week ' || as_of || ', run ' || coalesce(run_id, 'not on record')
FROM publications
WHERE fit_key = %(fit_key)s
ORDER BY name;

-- name: wait_briefly_for_mlflow()
-- Of one transaction: a mirror does not wait for a run that waits for MLflow.
SET LOCAL lock_timeout = '5s';

-- name: hold_mlflow()
-- The session's lock `registry` of what MLflow looks up and then makes, as two runs at once would
-- both find nothing.
SELECT pg_advisory_lock(hashtextextended('registry', 0));

-- name: release_mlflow()
SELECT pg_advisory_unlock(hashtextextended('registry', 0));

-- name: record_run(run_id, kind, started_by)
-- A run that was cleared, and starts again, is entered already.
INSERT INTO runs (run_id, kind, started_by)
VALUES (%(run_id)s, %(kind)s, %(started_by)s)
ON CONFLICT DO NOTHING;
