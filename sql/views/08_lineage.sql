-- Where every publication comes from, answered by one row: model, data, code, decision, approval,
-- run, and when readers saw it; of a copy, what its origin comes from. recsys_reader gets none of
-- it: it names people and their reasons, and no list is read by it.
CREATE VIEW lineage AS
WITH flips AS (
    -- in the order in which they were made: a clock that was set back leaves no period that ends
    -- before it begins
    SELECT seq, publication_id, max(went_live_at) OVER (ORDER BY seq) AS live_from
    FROM live_history
),
periods AS (
    SELECT publication_id, tstzrange(live_from, lead(live_from) OVER (ORDER BY seq)) AS period
    FROM flips
),
seen AS (
    SELECT publication_id, range_agg(period) AS live FROM periods GROUP BY publication_id
),
answers AS (
    SELECT promotion_id,
           count(*) FILTER (WHERE passed) AS gates_passed,
           count(*) FILTER (WHERE NOT passed) AS gates_refused
    FROM gate_verdicts
    GROUP BY promotion_id
)
SELECT p.publication_id, p.as_of, p.is_live, s.live,
       -- which model; a challenger's own publication comes from its experiment, not from a decision
       p.recipe_key, p.model_version,
       CASE WHEN p.is_shadow THEN e.recipe ELSE d.recipe END AS recipe, p.fit_key,
       -- on which data: what had been taken in up to the watermark, and the ratings that the model
       -- was fitted on
       p.watermark,
       (SELECT jsonb_agg(jsonb_build_object(
                   'source', t.source,
                   'drop_date', t.drop_date,
                   'revision', t.revision,
                   'sha256', t.sha256,
                   'rows', (SELECT coalesce(sum(n::bigint), 0)
                            FROM jsonb_each_text(t.counts -> 'read') AS f (file, n)),
                   'new', (SELECT coalesce(sum(n::bigint), 0)
                           FROM jsonb_each_text(t.counts -> 'new') AS f (fact, n)))
                   ORDER BY t.drop_id)
        FROM drops t
        WHERE t.drop_id <= p.watermark AND t.state = 'ingested'
          AND t.settled_at <= coalesce(o.published_at, p.published_at)) AS drops,
       p.fingerprint, p.n_ratings, p.params, p.n_users, p.n_rows, p.n_fallback, p.rows_sha256,
       -- with which code, by which run
       p.git_sha, p.run_id, p.published_at, p.dropped_at,
       -- why its model was champion: the decision, and how many verdicts all gates gave on all
       -- challengers
       p.promotion_id, d.decision, d.forced, d.reasons, a.gates_passed, a.gates_refused,
       d.git_sha AS decided_git_sha, d.run_id AS decided_run_id, d.decided_at,
       -- who approved it; NULL where no approval was required
       d.approval, d.approved_by,
       -- who made it live by hand, and why; NULL where nobody did
       (SELECT jsonb_agg(jsonb_build_object(
                   'at', h.went_live_at,
                   'cause', h.cause,
                   'reason', h.reason,
                   'requested_by', h.requested_by)
                   ORDER BY h.seq)
        FROM live_history h
        WHERE h.publication_id = p.publication_id AND h.cause <> 'published') AS by_hand,
       -- whether it was part of an experiment, and where the users in the challenger's share got
       -- their lists from
       p.experiment, p.is_shadow, p.challenger_id,
       -- what it was copied from, and without which movies; and how many of its rows erasures took,
       -- and the digest of what they left
       p.copy_of, p.left_out, r.n_erased, r.sha256_left
FROM publications p
LEFT JOIN publications o ON o.publication_id = p.copy_of
LEFT JOIN (SELECT publication_id, sum(n_rows)::bigint AS n_erased,
                  (array_agg(rows_sha256 ORDER BY erasure_id DESC))[1] AS sha256_left
           FROM publication_erasures
           GROUP BY publication_id) r ON r.publication_id = p.publication_id
LEFT JOIN promotions d ON d.promotion_id = p.promotion_id
LEFT JOIN answers a ON a.promotion_id = p.promotion_id
LEFT JOIN seen s ON s.publication_id = p.publication_id
LEFT JOIN experiments e ON e.name = p.experiment;

COMMENT ON VIEW lineage IS
    'One row a publication: which model, on which data, with which code, why it was champion, who '
    'approved it, when it was live.';
