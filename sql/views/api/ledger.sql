-- The ledger as the API shows it: what it says of people (who approved, who rolled back) stays out.

-- What was live when.
CREATE VIEW live_changes AS
SELECT seq, publication_id, as_of, cause, went_live_at FROM live_history;

CREATE VIEW publication_lineage AS
SELECT l.publication_id, l.as_of, l.is_live,
       (SELECT coalesce(json_agg(json_build_object('from', lower(p), 'until', upper(p))
                                 ORDER BY lower(p)), '[]')
        FROM unnest(l.live) AS p) AS live,
       l.recipe_key, l.model_version, l.recipe, l.fit_key, l.watermark, l.drops, l.fingerprint,
       l.n_ratings, l.params, l.n_users, l.n_rows, l.n_fallback, l.rows_sha256, l.git_sha,
       l.published_at, l.dropped_at, l.promotion_id, l.decision, l.forced, l.reasons,
       l.gates_passed, l.gates_refused, l.decided_at, l.approval, l.experiment, l.is_shadow,
       l.challenger_id, l.copy_of, l.left_out, l.n_erased, l.sha256_left
FROM lineage l;

GRANT SELECT ON live_changes, publication_lineage TO recsys_api;
