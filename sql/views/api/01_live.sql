-- The live publication, as the API's role may know it. As in the view recommendations: the newest
-- change that both the plan and the snapshot know.
CREATE VIEW live AS
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.experiment, p.params, l.seq,
       l.went_live_at
FROM (SELECT publication_id, seq, went_live_at FROM live_history
      WHERE seq <= newest_change_of_live() ORDER BY seq DESC LIMIT 1) l
JOIN publications p ON p.publication_id = l.publication_id;

GRANT SELECT ON live TO recsys_api;
