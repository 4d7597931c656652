-- What people and programs read of movies, as quickly as a row is found by its key: the catalogue
-- is made once for each change of the facts. Withdrawals are no part of it, since they must show at
-- once.

-- Every movie in its newest version, and whoever plays in it.
CREATE MATERIALIZED VIEW mv_catalogue AS
WITH movie AS (
    SELECT DISTINCT ON (movie_id) movie_id, title, year, genres
    FROM movies JOIN drops USING (drop_id)
    ORDER BY movie_id, drop_date DESC, revision DESC
),
imdb AS (
    SELECT DISTINCT ON (movie_id) movie_id, imdb_id, runtime_minutes, average_rating, votes
    FROM imdb_titles JOIN drops USING (drop_id)
    ORDER BY movie_id, drop_date DESC, revision DESC
),
cast_version AS (
    SELECT DISTINCT ON (movie_id) movie_id, drop_id
    FROM (SELECT DISTINCT movie_id, drop_id FROM movie_persons) versions
    JOIN drops USING (drop_id)
    ORDER BY movie_id, drop_date DESC, revision DESC
),
person AS (
    SELECT DISTINCT ON (person_id) person_id, name
    FROM persons JOIN drops USING (drop_id)
    ORDER BY person_id, drop_date DESC, revision DESC
),
credits AS (
    SELECT p.movie_id,
           array_agg(n.name ORDER BY p.position) FILTER (WHERE p.role = 'director') AS directors,
           array_agg(n.name ORDER BY p.position) FILTER (WHERE p.role = 'actor') AS actors
    FROM movie_persons p
    JOIN cast_version USING (movie_id, drop_id)
    JOIN person n USING (person_id)
    GROUP BY p.movie_id
)
SELECT m.movie_id, m.title, m.year, m.genres, i.imdb_id, i.runtime_minutes, i.average_rating,
       i.votes, c.directors, c.actors
FROM movie m
LEFT JOIN imdb i USING (movie_id)
LEFT JOIN credits c USING (movie_id);

CREATE UNIQUE INDEX mv_catalogue_key ON mv_catalogue (movie_id);

CREATE VIEW catalogue AS
SELECT c.movie_id, c.title, c.year, c.genres, c.imdb_id, c.runtime_minutes, c.average_rating,
       c.votes, c.directors, c.actors, w.withdrawn_at
FROM mv_catalogue c LEFT JOIN withdrawn w USING (movie_id);

GRANT SELECT ON catalogue TO recsys_reader;

COMMENT ON VIEW catalogue IS
    'Every movie: title, year, genres, IMDb id, runtime, score and votes, directors and actors.';
COMMENT ON COLUMN catalogue.movie_id IS
    'MovieLens'' number of the movie: what recommendations.movie_id refers to.';
COMMENT ON COLUMN catalogue.title IS
    'As MovieLens publishes it: the year in brackets, and an article at the end '
    '(Sixth Sense, The (1999)).';
COMMENT ON COLUMN catalogue.year IS
    'The year that the title says; NULL where it says none.';
COMMENT ON COLUMN catalogue.genres IS
    'MovieLens'' genres, in no order that means anything; empty where none are listed.';
COMMENT ON COLUMN catalogue.imdb_id IS
    'The number in IMDb''s id: 169547 is tt0169547, seven digits at least. '
    'NULL until an IMDb drop has the movie.';
COMMENT ON COLUMN catalogue.runtime_minutes IS
    'By IMDb; NULL where it is not known.';
COMMENT ON COLUMN catalogue.average_rating IS
    'The mean of IMDb''s votes, 1 to 10; NULL where there are none.';
COMMENT ON COLUMN catalogue.votes IS
    'How many votes that mean is of.';
COMMENT ON COLUMN catalogue.directors IS
    'Names, in IMDb''s order; NULL where none are known.';
COMMENT ON COLUMN catalogue.actors IS
    'Names in billing order, actresses too; NULL where none are known.';
COMMENT ON COLUMN catalogue.withdrawn_at IS
    'When the movie was withdrawn from recommendation; NULL: it was not.';
