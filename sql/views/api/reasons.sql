-- Why a movie is in a list.
CREATE VIEW list_reasons AS
SELECT publication_id, user_id, rank, movie_id, kind, sentence, cited, shared FROM reasons;

GRANT SELECT ON list_reasons TO recsys_api;

-- The reason of a movie, with what it rests on: the likes that are cited, which is what the model
-- says, or a rule. `liked_genres`: the user's, the most liked first.
CREATE FUNCTION reason_of(movie_id bigint, kind text, cited_ids bigint[], contributions real[],
                          liked_genres text[])
RETURNS json
LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH cited AS (
        SELECT r.place, r.contribution, t.movie_id, display_title(t.title) AS title, t.directors,
               t.actors, t.genres
        FROM unnest(reason_of.cited_ids, reason_of.contributions)
            WITH ORDINALITY AS r (movie_id, contribution, place)
        JOIN movies t ON t.movie_id = r.movie_id
        WHERE reason_of.kind <> 'rule' AND t.withdrawn_at IS NULL
    ),
    shared AS (
        SELECT ARRAY(SELECT name FROM unnest(m.directors) WITH ORDINALITY AS d (name, place)
                     WHERE name IN (SELECT unnest(directors) FROM cited)
                     ORDER BY d.place) AS directors,
               ARRAY(SELECT name FROM unnest(m.actors) WITH ORDINALITY AS a (name, place)
                     WHERE name IN (SELECT unnest(actors) FROM cited)
                     ORDER BY a.place) AS actors,
               CASE WHEN reason_of.kind = 'rule'
                    THEN ARRAY(SELECT g.name
                               FROM unnest(reason_of.liked_genres)
                                   WITH ORDINALITY AS g (name, place)
                               WHERE g.name = ANY (m.genres)
                               ORDER BY g.place LIMIT 3)
                    ELSE ARRAY(SELECT name FROM unnest(m.genres) AS g (name)
                               WHERE name IN (SELECT unnest(genres) FROM cited)
                               ORDER BY name) END AS genres
        FROM movies m
        WHERE m.movie_id = reason_of.movie_id
    )
    SELECT json_build_object(
        'kind', reason_of.kind,
        'sentence', CASE WHEN reason_of.kind = 'rule' THEN popular_of_late(s.genres)
                         ELSE because_you_liked(ARRAY(SELECT title FROM cited ORDER BY place)) END,
        'cited', (SELECT coalesce(json_agg(json_build_object('movie_id', c.movie_id,
                                                             'title', c.title,
                                                             'contribution', c.contribution)
                                           ORDER BY c.place), '[]')
                  FROM cited c),
        'shared', json_build_object('directors', s.directors, 'actors', s.actors,
                                    'genres', s.genres))
    FROM shared s;
END;
