-- A reader's statement takes the list of partitions from its plan and the live publication from its snapshot. The plan may be the
-- older of the two: made just before the partition was attached or, prepared in a long transaction, minutes before. It would then
-- look for rows in a partition that it does not know, and find none. So a plan also knows the newest change of what is live: the
-- function below is replaced with each change, in the same transaction, and the planner puts its number in place of the call. The
-- view takes the newest change that both plan and snapshot know; either may be old, and the rows are whole.

DO $$
BEGIN
    EXECUTE format('CREATE FUNCTION newest_change_of_live() RETURNS bigint LANGUAGE sql STABLE RETURN %s::bigint',
                   (SELECT coalesce(max(seq), 0) FROM live_history));
END
$$;

COMMENT ON FUNCTION newest_change_of_live() IS 'The newest row of live_history, as a plan knows it: replaced with each change.';

CREATE OR REPLACE VIEW recommendations AS
SELECT p.publication_id, p.as_of, b.user_id, b.rank, b.movie_id, b.score, b.source,
       CASE b.arm WHEN 'challenger' THEN c.recipe_key ELSE p.recipe_key END AS recipe_key,
       CASE b.arm WHEN 'challenger' THEN c.model_version ELSE p.model_version END AS model_version, b.arm
FROM (SELECT publication_id FROM live_history WHERE seq <= newest_change_of_live() ORDER BY seq DESC LIMIT 1) live
JOIN publications p ON p.publication_id = live.publication_id
JOIN batch_recommendations b ON b.publication_id = p.publication_id
LEFT JOIN publications c ON c.publication_id = p.challenger_id;
