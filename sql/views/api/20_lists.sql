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

-- The first n movies that the fallback of a publication has for a user and a request: none of those
-- that are left out, none that the user has rated. A function, so that a list that is full does not
-- even begin with it: setting up the plan of all that took as long as the rest of the list.
CREATE FUNCTION fill(user_id bigint, publication_id bigint, left_out bigint[], n integer,
                     some_of text[], none_of text[], year_from integer, year_to integer)
RETURNS TABLE (movie_id bigint, title text, year integer, genres text[], likes real, rank bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT f.movie_id, c.title, c.year, c.genres, f.likes, row_number() OVER (ORDER BY f.place)
    FROM fallback f
    CROSS JOIN LATERAL (SELECT l.title, l.year, l.genres
                        FROM listed_movies l WHERE l.movie_id = f.movie_id LIMIT 1) c
    WHERE f.publication_id = fill.publication_id
      AND NOT EXISTS (SELECT FROM unnest(fill.left_out) AS o (id) WHERE o.id = f.movie_id)
      AND NOT EXISTS (SELECT FROM rated r
                      WHERE r.user_id = fill.user_id AND r.movie_id = f.movie_id)
      AND admits(c.genres, c.year, fill.some_of, fill.none_of, fill.year_from, fill.year_to)
    ORDER BY f.place
    LIMIT fill.n;
END;

-- The genres of the movies that a user liked, as the live publication knew them, the most liked
-- first. A function for the same reason.
CREATE FUNCTION liked_genres(user_id bigint, like_threshold double precision) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT array_agg(g.genre ORDER BY g.n DESC, g.genre)
    FROM (SELECT genre, count(*) AS n
          FROM live_ratings r
          JOIN listed_movies c USING (movie_id)
          CROSS JOIN LATERAL unnest(c.genres) AS genre
          WHERE r.user_id = liked_genres.user_id AND r.rating >= liked_genres.like_threshold
          GROUP BY genre) g;
END;
