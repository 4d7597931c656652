-- A withdrawal can be undone, and takes effect at once where it must: by a copy of what readers see, made without the movie.

-- Every withdrawal and its undoing; a movie may be withdrawn again.
ALTER TABLE withdrawals DROP CONSTRAINT withdrawals_pkey;
ALTER TABLE withdrawals
    ADD COLUMN withdrawal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN requested_by text,
    ADD COLUMN undone_at timestamptz,     -- NULL: the movie is withdrawn
    ADD COLUMN undone_by text,
    ADD COLUMN undone_reason text;
CREATE UNIQUE INDEX withdrawals_one_a_movie ON withdrawals (movie_id) WHERE undone_at IS NULL;

-- Movies that may not be recommended now.
CREATE VIEW withdrawn AS SELECT movie_id, withdrawn_at, reason FROM withdrawals WHERE undone_at IS NULL;

ALTER TABLE publications
    ADD COLUMN copy_of bigint REFERENCES publications,  -- the publication of a week that it was copied from; NULL: it is no copy
    ADD COLUMN left_out bigint[] NOT NULL DEFAULT '{}';  -- movies that the copy lacks, as they were withdrawn
CREATE INDEX publications_copies ON publications (copy_of) WHERE copy_of IS NOT NULL;

-- Rows that an erasure took from a publication, and the digest of what it left: the publication's own counts and digest say what was
-- published. Nothing here says whose rows they were.
CREATE TABLE publication_erasures (
    erasure_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint NOT NULL REFERENCES publications,
    n_rows         bigint NOT NULL,       -- that went
    rows_sha256    text NOT NULL,         -- of all that was left then
    erased_at      timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE live_history DROP CONSTRAINT live_history_cause_check;
ALTER TABLE live_history ADD CHECK (cause IN ('published', 'rolled back', 'rolled forward', 'by hand'));

-- The newest week that was ever live, and whether a person has since put another publication in its place. A copy stands for what it
-- was copied from.
CREATE OR REPLACE VIEW newest_live AS
WITH flips AS (
    SELECT h.seq, coalesce(p.copy_of, p.publication_id) AS publication_id, h.cause, p.as_of
    FROM live_history h JOIN publications p USING (publication_id)
    WHERE p.as_of NOT IN (SELECT as_of FROM retired_weeks)
)
SELECT max(as_of) AS as_of,
       coalesce((SELECT publication_id FROM flips ORDER BY seq DESC LIMIT 1)
           IS DISTINCT FROM (SELECT publication_id FROM flips WHERE cause = 'published' ORDER BY seq DESC LIMIT 1), false) AS is_rolled_back
FROM flips;

-- Where every publication comes from; of a copy, what its origin comes from.
CREATE OR REPLACE VIEW lineage AS
WITH flips AS (  -- in the order in which they were made: a clock that was set back leaves no period that ends before it begins
    SELECT seq, publication_id, max(went_live_at) OVER (ORDER BY seq) AS live_from FROM live_history
),
periods AS (
    SELECT publication_id, tstzrange(live_from, lead(live_from) OVER (ORDER BY seq)) AS period FROM flips
),
seen AS (
    SELECT publication_id, range_agg(period) AS live FROM periods GROUP BY publication_id
),
answers AS (
    SELECT promotion_id, count(*) FILTER (WHERE passed) AS gates_passed, count(*) FILTER (WHERE NOT passed) AS gates_refused
    FROM gate_verdicts GROUP BY promotion_id
)
SELECT p.publication_id, p.as_of, p.is_live, s.live,
       -- which model; a challenger's own publication comes from no decision, but from its experiment
       p.recipe_key, p.model_version, CASE WHEN p.is_shadow THEN e.recipe ELSE d.recipe END AS recipe, p.fit_key,
       -- on which data: what had been taken in up to the watermark, and the ratings that the model was fitted on
       p.watermark,
       (SELECT jsonb_agg(jsonb_build_object(
                   'source', t.source, 'drop_date', t.drop_date, 'revision', t.revision, 'sha256', t.sha256,
                   'rows', (SELECT coalesce(sum(n::bigint), 0) FROM jsonb_each_text(t.counts -> 'read') AS f (file, n)),
                   'new', (SELECT coalesce(sum(n::bigint), 0) FROM jsonb_each_text(t.counts -> 'new') AS f (fact, n)))
                   ORDER BY t.drop_id)
        FROM drops t
        WHERE t.drop_id <= p.watermark AND t.state = 'ingested' AND t.settled_at <= coalesce(o.published_at, p.published_at)) AS drops,
       p.fingerprint, p.n_ratings, p.params, p.n_users, p.n_rows, p.n_fallback, p.rows_sha256,
       -- with which code, by which run
       p.git_sha, p.run_id, p.published_at, p.dropped_at,
       -- why its model was champion: the decision, and how many answers it had from all gates on all challengers
       p.promotion_id, d.decision, d.forced, d.reasons, a.gates_passed, a.gates_refused, d.git_sha AS decided_git_sha,
       d.run_id AS decided_run_id, d.decided_at,
       -- who approved it; NULL where nobody was asked
       d.approval, d.approved_by,
       -- who put it before readers by hand, and why; NULL where nobody did
       (SELECT jsonb_agg(jsonb_build_object('at', h.went_live_at, 'cause', h.cause, 'reason', h.reason, 'requested_by', h.requested_by)
                         ORDER BY h.seq)
        FROM live_history h WHERE h.publication_id = p.publication_id AND h.cause <> 'published') AS by_hand,
       -- whether it was part of an experiment, and where the users in the challenger's share got their lists from
       p.experiment, p.is_shadow, p.challenger_id,
       -- what it was copied from, and without which movies; and how many of its rows erasures took, and the digest of what they left
       p.copy_of, p.left_out, r.n_erased, r.sha256_left
FROM publications p
LEFT JOIN publications o ON o.publication_id = p.copy_of
LEFT JOIN (SELECT publication_id, sum(n_rows)::bigint AS n_erased, (array_agg(rows_sha256 ORDER BY erasure_id DESC))[1] AS sha256_left
           FROM publication_erasures GROUP BY publication_id) r ON r.publication_id = p.publication_id
LEFT JOIN promotions d ON d.promotion_id = p.promotion_id
LEFT JOIN answers a ON a.promotion_id = p.promotion_id
LEFT JOIN seen s ON s.publication_id = p.publication_id
LEFT JOIN experiments e ON e.name = p.experiment;
