-- What pages show of what was recommended.

CREATE VIEW pages_lists AS
SELECT publication_id, user_id, rank, movie_id, score, source, arm FROM batch_recommendations;

GRANT SELECT ON pages_lists TO recsys_api;
