-- What the lists of the API are made of.

CREATE VIEW lists AS
SELECT publication_id, user_id, movie_ids, scores, n_model, arm, reason_kind, cited, contributions
FROM published_lists;

CREATE VIEW fallback AS
SELECT publication_id, place, movie_id, likes FROM published_fallback;

CREATE VIEW listed_movies AS
SELECT movie_id, title, year, genres FROM mv_catalogue;

CREATE VIEW withdrawn_movies AS
SELECT movie_id FROM withdrawals WHERE undone_at IS NULL;

-- Who has rated what, in whichever week.
CREATE VIEW rated AS
SELECT user_id, movie_id FROM ratings;

CREATE VIEW erased AS
SELECT user_id FROM erased_users;

-- Whether a movie passes the filters of a request: one of the genres if there are any, none of the
-- excluded ones, and the years.
CREATE FUNCTION admits(genres text[], year integer, some_of text[], none_of text[],
                       year_from integer, year_to integer)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (some_of = '{}' OR genres && some_of) AND NOT genres && none_of
       AND (year_from IS NULL OR year >= year_from) AND (year_to IS NULL OR year <= year_to);

GRANT SELECT ON lists, fallback, listed_movies, withdrawn_movies, rated, erased TO recsys_api;

-- What the live publication knew of everyone's ratings: as visible_ratings has them, but as tables,
-- which a view may read for its owner.
CREATE VIEW live_ratings AS
SELECT r.user_id, r.movie_id, r.rating, r.rated_at
FROM live l
JOIN ratings r ON r.rated_at < l.as_of AND r.drop_id <= l.watermark
WHERE NOT EXISTS (SELECT FROM mv_rerated m
                  WHERE m.user_id = r.user_id AND m.movie_id = r.movie_id)
UNION ALL
SELECT v.user_id, v.movie_id, v.rating, v.rated_at
FROM live l
JOIN mv_rerated v ON v.valid_from < l.as_of AND l.as_of <= v.valid_to
                     AND v.drop_id <= l.watermark AND l.watermark < v.superseded_by;

GRANT SELECT ON live_ratings TO recsys_api;
