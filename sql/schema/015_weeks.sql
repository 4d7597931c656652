-- How each week was decided: by its newest decision that stands, or else its newest; a rollback is no decision of a week's.
CREATE OR REPLACE VIEW week_decisions AS
SELECT DISTINCT ON (as_of) * FROM promotions
WHERE decision NOT IN ('rolled back', 'rolled forward') ORDER BY as_of, stands DESC, promotion_id DESC;

-- What readers had in each week that was published: what was live last while no newer week was, so that a rollback counts; of a week
-- that never was live, its newest publication.
CREATE OR REPLACE VIEW week_publications AS
SELECT w.as_of,
       coalesce((SELECT h.publication_id FROM live_history h WHERE h.as_of = w.as_of ORDER BY h.seq DESC LIMIT 1),
                (SELECT max(p.publication_id) FROM publications p WHERE p.as_of = w.as_of AND NOT p.is_shadow)) AS publication_id
FROM (SELECT DISTINCT as_of FROM publications WHERE NOT is_shadow) w;
