-- What users have rated, by their newest word on each movie: what drops brought, and what came
-- through the API since, which the next week takes in.

CREATE VIEW history AS
SELECT DISTINCT ON (user_id, movie_id) user_id, movie_id, rating, rated_at, source, drop_date
FROM (
    SELECT r.user_id, r.movie_id, r.rating, r.rated_at, d.source, d.drop_date, d.revision,
           0 AS feedback_id
    FROM ratings r JOIN drops d USING (drop_id)
    UNION ALL
    SELECT user_id, movie_id, rating, rated_at, 'feedback', NULL, NULL, feedback_id
    FROM feedback_ratings
) versions
-- of feedback that a drop has brought by now, the drop's word
ORDER BY user_id, movie_id, rated_at DESC, drop_date DESC NULLS LAST, revision DESC NULLS LAST,
         feedback_id DESC;

GRANT SELECT ON history TO recsys_api;
