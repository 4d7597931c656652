-- What pages show of ratings and drops.

-- Every version of every rating; which of them counts, for which week, is the reader's filter.
CREATE VIEW pages_ratings AS
SELECT r.user_id, r.movie_id, r.rating, r.rated_at, r.drop_id, d.drop_date, d.revision
FROM ratings r JOIN drops d USING (drop_id);

-- The same for figures over all of them: a join of twenty million rows would take seconds.
CREATE VIEW pages_rating_versions AS
SELECT user_id, movie_id, rating, rated_at FROM ratings;

CREATE VIEW pages_drops AS
SELECT drop_id, source, drop_date, revision, admitted_for, state, counts, reason, registered_at,
       settled_at
FROM drops;

CREATE VIEW pages_rejected_rows AS
SELECT r.drop_id, d.source, d.drop_date, r.file, r.line, r.reason, r.content
FROM rejected_rows r JOIN drops d USING (drop_id);

GRANT SELECT ON pages_ratings, pages_rating_versions, pages_drops, pages_rejected_rows
TO recsys_api;
