-- What people and programs read. The role recsys_reader (sql/bootstrap.sql) may read these two views and nothing else.

-- The live publication. Exactly one is live, so a reader sees one whole publication: never none, never a mix.
CREATE VIEW recommendations AS
SELECT p.publication_id, p.as_of, b.user_id, b.rank, b.movie_id, b.score, b.source, p.recipe_key, p.model_version
FROM publications p
JOIN batch_recommendations b ON b.publication_id = p.publication_id
WHERE p.is_live;

COMMENT ON VIEW recommendations IS 'The live top-N list of every user: rank 1 is best; source says whether the model or the fallback chose it.';

-- Every movie as its newest drop tells it, whoever plays in it, and whether it was withdrawn.
CREATE VIEW catalogue AS
WITH movie AS (
    SELECT DISTINCT ON (movie_id) movie_id, title, year, genres
    FROM movies JOIN drops USING (drop_id) ORDER BY movie_id, drop_date DESC, revision DESC
),
imdb AS (
    SELECT DISTINCT ON (movie_id) movie_id, imdb_id, runtime_minutes, average_rating, votes
    FROM imdb_titles JOIN drops USING (drop_id) ORDER BY movie_id, drop_date DESC, revision DESC
),
cast_version AS (
    SELECT DISTINCT ON (movie_id) movie_id, drop_id
    FROM (SELECT DISTINCT movie_id, drop_id FROM movie_persons) told JOIN drops USING (drop_id)
    ORDER BY movie_id, drop_date DESC, revision DESC
),
person AS (
    SELECT DISTINCT ON (person_id) person_id, name
    FROM persons JOIN drops USING (drop_id) ORDER BY person_id, drop_date DESC, revision DESC
),
credits AS (
    SELECT p.movie_id, array_agg(n.name ORDER BY p.position) FILTER (WHERE p.role = 'director') AS directors,
           array_agg(n.name ORDER BY p.position) FILTER (WHERE p.role = 'actor') AS actors
    FROM movie_persons p JOIN cast_version USING (movie_id, drop_id) JOIN person n USING (person_id)
    GROUP BY p.movie_id
)
SELECT m.movie_id, m.title, m.year, m.genres, i.imdb_id, i.runtime_minutes, i.average_rating, i.votes, c.directors, c.actors, w.withdrawn_at
FROM movie m
LEFT JOIN imdb i USING (movie_id)
LEFT JOIN credits c USING (movie_id)
LEFT JOIN withdrawals w USING (movie_id);

COMMENT ON VIEW catalogue IS 'Every movie: title, year, genres, IMDb id, runtime, score and votes, directors and actors.';

GRANT USAGE ON SCHEMA public TO recsys_reader;
GRANT SELECT ON recommendations, catalogue TO recsys_reader;
