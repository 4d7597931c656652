-- The live publication, as the API's role may know it. As in the view recommendations: the newest
-- change that both the plan and the snapshot know. A statement that reads lists too takes it in a
-- WITH live AS MATERIALIZED: that is planned before all else.
CREATE VIEW live AS
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.experiment,
       f.digest, p.watermark,
       c.recipe_key AS challenger_recipe_key, c.model_version AS challenger_version,
       cf.digest AS challenger_digest,
       coalesce(p.copy_of, p.publication_id) AS origin_id,
       coalesce(p.params ->> 'depth', p.params ->> 'top_n')::integer AS depth,
       (p.params ->> 'top_n')::integer AS top_n,
       (p.params ->> 'min_history')::integer AS min_history,
       (p.params ->> 'like_threshold')::double precision AS like_threshold,
       l.seq, l.went_live_at
FROM live_history l
JOIN publications p ON p.publication_id = l.publication_id
LEFT JOIN fits f ON f.fit_key = p.fit_key
LEFT JOIN publications c ON c.publication_id = p.challenger_id
LEFT JOIN fits cf ON cf.fit_key = c.fit_key
WHERE l.seq = (SELECT max(seq) FROM live_history WHERE seq <= newest_change_of_live());

-- What readers had in each week that was published, with its model.
CREATE VIEW champions AS
SELECT p.publication_id, p.as_of, p.recipe_key, p.model_version, p.experiment, f.digest,
       coalesce(p.copy_of, p.publication_id) AS origin_id,
       (p.params ->> 'min_history')::integer AS min_history,
       (p.params ->> 'like_threshold')::double precision AS like_threshold
FROM week_publications w
JOIN publications p USING (publication_id)
LEFT JOIN fits f ON f.fit_key = p.fit_key;

-- What else every list depends on, as one number each that grows with every change: withdrawals and
-- what undoes them, and the catalogue. Counted, since of two that are written at once the newer may
-- be seen first.
CREATE VIEW versions AS
SELECT (SELECT count(*) + count(undone_at) FROM withdrawals) AS withdrawals,
       (SELECT n_drops FROM catalogue_changes) AS catalogue;

GRANT SELECT ON live, champions, versions TO recsys_api;
