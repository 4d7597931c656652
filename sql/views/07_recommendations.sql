-- The lists of all publications as rows, as far as readers are shown them: the first top_n.
CREATE VIEW batch_recommendations AS
SELECT l.publication_id, l.user_id, m.rank::integer AS rank, m.movie_id, m.score,
       CASE WHEN m.rank <= l.n_model THEN 'model' ELSE 'fallback' END AS source, l.arm
FROM publications p
JOIN published_lists l USING (publication_id)
CROSS JOIN LATERAL unnest(l.movie_ids[:(p.params ->> 'top_n')::integer],
                          l.scores[:(p.params ->> 'top_n')::integer])
    WITH ORDINALITY AS m (movie_id, score, rank);

COMMENT ON VIEW batch_recommendations IS
    'The top-N lists of all publications whose rows are kept.';

-- The live publication. Exactly one is live, so a reader sees one whole publication: never none,
-- never a mix.
--
-- A reader's statement takes the list of partitions from its plan and the live publication from its
-- snapshot. The plan may be the older of the two: made just before the partition was attached or,
-- prepared in a long transaction, minutes before. It would then look for rows in a partition that
-- it does not know, and find none. So a plan also knows the newest change of what is live: the
-- function newest_change_of_live is replaced with each change, in the same transaction, and the
-- planner puts its number in place of the call. The view takes the newest change that both plan and
-- snapshot know; either may be old, and the rows are whole.
--
-- That holds as the planner reads the function before it lists the partitions: a condition is
-- planned before any table, a subquery under FROM only among the tables.
CREATE VIEW recommendations AS
SELECT p.publication_id, p.as_of, b.user_id, b.rank, b.movie_id, b.score, b.source,
       CASE b.arm WHEN 'challenger' THEN c.recipe_key ELSE p.recipe_key END AS recipe_key,
       CASE b.arm WHEN 'challenger' THEN c.model_version ELSE p.model_version END AS model_version,
       b.arm
FROM publications p
JOIN batch_recommendations b ON b.publication_id = p.publication_id
LEFT JOIN publications c ON c.publication_id = p.challenger_id
WHERE p.publication_id = (SELECT publication_id FROM live_history
                          WHERE seq <= newest_change_of_live() ORDER BY seq DESC LIMIT 1);

GRANT SELECT ON recommendations TO recsys_reader;

COMMENT ON VIEW recommendations IS
    'The live top-N list of every user: rank 1 is best; source says whether the model or the '
    'fallback chose it.';
COMMENT ON COLUMN recommendations.publication_id IS
    'The live publication: the same in every row.';
COMMENT ON COLUMN recommendations.as_of IS
    'The day, midnight UTC, before which everything that the list goes by had happened.';
COMMENT ON COLUMN recommendations.user_id IS
    'MovieLens'' number of the user.';
COMMENT ON COLUMN recommendations.rank IS
    'From 1, the best, without a gap.';
COMMENT ON COLUMN recommendations.movie_id IS
    'The movie: see catalogue.';
COMMENT ON COLUMN recommendations.score IS
    'Higher is better, among one user''s rows of one source; each recipe has a scale of its own, '
    'and so has the fallback.';
COMMENT ON COLUMN recommendations.source IS
    'model, or fallback: recent popularity in the genres that the user likes, where the model has '
    'nothing to say.';
COMMENT ON COLUMN recommendations.recipe_key IS
    'The recipe of the model that made the list.';
COMMENT ON COLUMN recommendations.model_version IS
    'The model''s version in MLflow.';
COMMENT ON COLUMN recommendations.arm IS
    'champion or challenger while an experiment lasts, else NULL.';
