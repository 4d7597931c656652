-- Why a movie is in a list.
CREATE VIEW list_reasons AS
SELECT publication_id, user_id, rank, movie_id, kind, sentence, cited, shared FROM reasons;

GRANT SELECT ON list_reasons TO recsys_api;
