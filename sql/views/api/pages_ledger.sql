-- What pages show of weeks, exams, decisions, publications and experiments: the ledger, readable.

CREATE VIEW pages_publications AS
SELECT p.publication_id, p.as_of, p.is_live, p.recipe_key, p.model_version, p.fit_key, p.watermark,
       p.fingerprint, p.n_ratings, p.params, p.n_users, p.n_rows, p.n_fallback, p.rows_sha256,
       p.git_sha, p.run_id, p.published_at, p.first_live_at, p.dropped_at, p.experiment,
       p.is_shadow, p.challenger_id, p.copy_of, p.left_out, p.promotion_id, d.decision, d.forced,
       d.approval, d.approved_by
FROM publications p LEFT JOIN promotions d USING (promotion_id);

-- What readers had in each week that was published.
CREATE VIEW pages_week_publications AS
SELECT as_of, publication_id FROM week_publications;

CREATE VIEW pages_weeks AS
SELECT w.as_of, w.watermark, w.params, w.resolved_late, w.ingested_at,
       EXISTS (SELECT FROM retired_weeks r WHERE r.as_of = w.as_of) AS is_retired,
       e.kind AS exam_kind, e.weeks AS exam_weeks, e.cut, e.n_users AS exam_users,
       e.n_ratings AS exam_ratings,
       d.decision, d.recipe_key AS decided, d.incumbent, d.comparisons, d.reasons, d.decided_at,
       d.promotion_id, d.forced, d.approval, d.approved_by, d.users_needed, d.run_id,
       p.publication_id, p.recipe_key AS champion, p.model_version,
       EXISTS (SELECT FROM live_history h WHERE h.as_of = w.as_of) AS was_live
FROM weeks w
LEFT JOIN exams e USING (as_of)
LEFT JOIN week_decisions d USING (as_of)
LEFT JOIN week_publications v USING (as_of)
LEFT JOIN publications p USING (publication_id);

CREATE VIEW pages_exam_results AS
SELECT as_of, recipe_key, slice, metric, value, n FROM exam_results;

CREATE VIEW pages_gate_verdicts AS
SELECT promotion_id, recipe_key, gate, passed, figure, bound, sentence FROM gate_verdicts;

CREATE VIEW pages_failed_fits AS
SELECT as_of, recipe_key, kind, reason FROM failed_fits;

CREATE VIEW pages_fits AS
SELECT f.fit_key, f.recipe_key, f.recipe, f.kind, f.as_of, f.cut, f.n_ratings, f.run_id,
       f.fitted_at
FROM fits f;

CREATE VIEW pages_drift AS
SELECT as_of, measure, value, low, high, drifted, sentence FROM drift;

CREATE VIEW pages_observed_hits AS
SELECT as_of, publication_id, since, arm, source, recipe_key, metric, value, low, high, n,
       n_shown
FROM observed_hits;

CREATE VIEW pages_step_times AS
SELECT as_of, run_id, step, part, started_at, seconds, peak_bytes, n_rows FROM step_times;

CREATE VIEW pages_live_history AS
SELECT seq, publication_id, as_of, cause, reason, requested_by, went_live_at FROM live_history;

CREATE VIEW pages_experiments AS
SELECT name, recipe_key, share, first_as_of, last_as_of, created_at FROM experiments;

GRANT SELECT ON
pages_publications, pages_week_publications, pages_weeks, pages_exam_results,
pages_gate_verdicts, pages_failed_fits, pages_fits, pages_drift,
pages_observed_hits, pages_step_times, pages_live_history, pages_experiments
TO recsys_api;
