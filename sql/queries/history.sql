-- Looking back: what was published and made live, and where it came from.

-- name: events(weeks)
-- What was published for the newest weeks, and what was made live or retired by hand; the newest
-- first.
WITH events AS (
    SELECT as_of, publication_id, published_at AS happened_at, 'published' AS cause, NULL AS reason,
           NULL AS requested_by, run_id
    FROM publications p
    WHERE copy_of IS NULL  -- a copy that a person made live is an event of that kind
       OR EXISTS (SELECT FROM live_history h
                  WHERE h.publication_id = p.publication_id AND h.cause = 'published')
    UNION ALL
    SELECT as_of, publication_id, went_live_at, cause, reason, requested_by, run_id
    FROM live_history
    WHERE cause <> 'published'
    UNION ALL
    SELECT r.as_of, p.publication_id, r.retired_at, 'retired', r.reason, r.requested_by, r.run_id
    FROM retirements r
    CROSS JOIN LATERAL (SELECT max(publication_id) AS publication_id
                        FROM publications p
                        WHERE p.as_of = r.as_of) p
    UNION ALL
    SELECT r.as_of, p.publication_id, r.undone_at, 'retirement undone', r.undone_reason,
           r.undone_by, ''
    FROM retirements r
    CROSS JOIN LATERAL (SELECT max(publication_id) AS publication_id
                        FROM publications p
                        WHERE p.as_of = r.as_of) p
    WHERE r.undone_at IS NOT NULL
)
SELECT v.as_of, v.publication_id, v.happened_at, v.cause, v.reason, v.requested_by, v.run_id,
       l.live, l.is_shadow, l.recipe_key, l.model_version,
       l.decision, l.forced, l.approval, l.approved_by, l.git_sha, x.value AS exam_ndcg,
       -- after a rollback several weeks judge the same lists
       (SELECT sum(r.value * r.n) / nullif(sum(r.n), 0) FROM observed_hits r
        WHERE (r.publication_id, r.arm, r.source, r.metric)
            = (l.publication_id, 'all', 'all', 'NDCG@10')
          AND r.as_of NOT IN (SELECT as_of FROM retired_weeks)) AS observed_ndcg,
       (SELECT sum(r.n) FROM observed_hits r
        WHERE (r.publication_id, r.arm, r.source, r.metric)
            = (l.publication_id, 'all', 'all', 'NDCG@10')
          AND r.as_of NOT IN (SELECT as_of FROM retired_weeks)) AS observed_users
FROM events v
JOIN lineage l USING (publication_id)
LEFT JOIN exam_results x ON (x.as_of, x.recipe_key, x.slice, x.metric)
                          = (l.as_of, l.recipe_key, 'all', 'NDCG@10')
WHERE v.as_of IN (SELECT DISTINCT as_of FROM publications ORDER BY as_of DESC LIMIT %(weeks)s)
ORDER BY v.as_of DESC, v.happened_at DESC, v.publication_id DESC;

-- name: in_force(before, as_of)
-- What readers saw at the end, or just before a moment if one is given, or as long as no newer week
-- was live than the one given.
SELECT publication_id, cause, reason, requested_by, went_live_at
FROM live_history
WHERE went_live_at < coalesce(%(before)s::timestamptz, 'infinity')
  AND as_of <= coalesce(%(as_of)s::date, 'infinity')
ORDER BY seq DESC LIMIT 1;

-- name: lineage(publication_id)
SELECT l.publication_id, l.as_of, l.live, l.recipe_key, l.model_version, l.recipe, l.watermark,
       l.drops, l.fingerprint, l.n_ratings, l.n_users, l.n_rows, l.n_fallback, l.rows_sha256,
       l.git_sha, l.run_id, l.published_at, l.dropped_at, l.promotion_id, l.decision, l.forced,
       l.reasons, l.gates_passed, l.gates_refused, l.decided_git_sha, l.approval, l.approved_by,
       l.experiment, l.challenger_id, l.copy_of, l.left_out, l.n_erased, l.sha256_left,
       r.kind AS run_kind, r.started_by, r.started_at
FROM lineage l LEFT JOIN runs r USING (run_id)
WHERE l.publication_id = %(publication_id)s;

-- name: list(publication_id, user_id)
-- What a user was recommended by a publication.
SELECT b.rank, b.movie_id, c.title, c.genres, b.score, b.source, b.arm
FROM batch_recommendations b JOIN catalogue c USING (movie_id)
WHERE b.publication_id = %(publication_id)s AND b.user_id = %(user_id)s ORDER BY b.rank;
