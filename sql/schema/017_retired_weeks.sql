-- Weeks that a person took out, a mistyped year among them; and how long publications are kept, counted by what was live.

CREATE TABLE retirements (
    retirement_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of          date NOT NULL REFERENCES weeks,
    reason         text NOT NULL,
    requested_by   text NOT NULL,
    run_id         text NOT NULL DEFAULT '',
    retired_at     timestamptz NOT NULL DEFAULT now(),
    publication_id bigint REFERENCES publications,  -- the week's own that readers saw until then; NULL: they saw another
    undone_at      timestamptz,           -- NULL: the week is retired
    undone_by      text,
    undone_reason  text
);
CREATE UNIQUE INDEX retirements_one_a_week ON retirements (as_of) WHERE undone_at IS NULL;

-- Weeks that count for nothing: neither as the newest, nor as an earlier one.
CREATE VIEW retired_weeks AS SELECT as_of FROM retirements WHERE undone_at IS NULL;

-- The newest week that was ever live, and whether a person has since put another publication in its place.
CREATE OR REPLACE VIEW newest_live AS
WITH flips AS (
    SELECT h.seq, h.publication_id, h.cause, p.as_of
    FROM live_history h JOIN publications p USING (publication_id)
    WHERE p.as_of NOT IN (SELECT as_of FROM retired_weeks)
)
SELECT max(as_of) AS as_of,
       coalesce((SELECT publication_id FROM flips ORDER BY seq DESC LIMIT 1)
           IS DISTINCT FROM (SELECT publication_id FROM flips WHERE cause = 'published' ORDER BY seq DESC LIMIT 1), false) AS is_rolled_back
FROM flips;

-- What readers had in each week that was published: what was live last while no newer week was, so that a rollback counts; of a week
-- that never was live, its newest publication.
CREATE OR REPLACE VIEW week_publications AS
SELECT w.as_of,
       coalesce((SELECT h.publication_id FROM live_history h WHERE h.as_of = w.as_of ORDER BY h.seq DESC LIMIT 1),
                (SELECT max(p.publication_id) FROM publications p WHERE p.as_of = w.as_of AND NOT p.is_shadow)) AS publication_id
FROM (SELECT DISTINCT as_of FROM publications WHERE NOT is_shadow AND as_of NOT IN (SELECT as_of FROM retired_weeks)) w;

-- Retention counts what went live after a publication was made, or was live itself; a week far in the future ages nothing.
ALTER TABLE publications
    DROP COLUMN keep_from,
    ADD COLUMN made_after bigint NOT NULL DEFAULT 0;  -- the newest flip in live_history when it was made
UPDATE publications p
SET made_after = coalesce((SELECT max(h.seq) FROM live_history h WHERE h.went_live_at <= p.published_at), 0);
