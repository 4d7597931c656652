-- What each week came to: retired or not, decided how, published as what.

-- Weeks that count for nothing: neither as the newest, nor as an earlier one.
CREATE VIEW retired_weeks AS
SELECT as_of FROM retirements WHERE undone_at IS NULL;

-- The newest week that was ever live, and whether a person has since put another publication in its
-- place. A copy stands for what it was copied from.
CREATE VIEW newest_live AS
WITH flips AS (
    SELECT h.seq, coalesce(p.copy_of, p.publication_id) AS publication_id, h.cause, p.as_of
    FROM live_history h JOIN publications p USING (publication_id)
    WHERE p.as_of NOT IN (SELECT as_of FROM retired_weeks)
)
SELECT max(as_of) AS as_of,
       coalesce((SELECT publication_id FROM flips ORDER BY seq DESC LIMIT 1)
           IS DISTINCT FROM
           (SELECT publication_id FROM flips WHERE cause = 'published' ORDER BY seq DESC LIMIT 1),
           false) AS is_rolled_back
FROM flips;

-- How each week was decided: by its newest decision that stands, or else its newest; a rollback is
-- no decision of a week.
CREATE VIEW week_decisions AS
SELECT DISTINCT ON (as_of)
       as_of, decision, recipe_key, recipe, model_version, fit_key, incumbent, comparisons, reasons,
       decided_at, promotion_id, forced, stands, approval, approved_by, users_needed, fingerprint,
       n_ratings, git_sha, run_id, proposal_id
FROM promotions
WHERE decision NOT IN ('rolled back', 'rolled forward')
ORDER BY as_of, stands DESC, promotion_id DESC;

-- What readers had in each week that was published: what was live last while no newer week was, so
-- that a rollback counts; of a week that never was live, its newest publication.
CREATE VIEW week_publications AS
SELECT w.as_of,
       coalesce(
           (SELECT h.publication_id FROM live_history h
            WHERE h.as_of = w.as_of ORDER BY h.seq DESC LIMIT 1),
           (SELECT max(p.publication_id) FROM publications p
            WHERE p.as_of = w.as_of AND NOT p.is_shadow)
       ) AS publication_id
FROM (SELECT DISTINCT as_of FROM publications
      WHERE NOT is_shadow AND as_of NOT IN (SELECT as_of FROM retired_weeks)) w;
