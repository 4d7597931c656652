-- Why a movie is in a list, in a sentence and in its parts.

-- A title as people say it: "Sixth Sense, The (1999)" is "The Sixth Sense (1999)".
CREATE FUNCTION display_title(title text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN regexp_replace(
    regexp_replace(
        title,
        '^([^(]*), (The|A|An|Le|La|Les|L''|Un|Une|El|Los|Las|Il|Lo|I|Gli|Der|Die|Das|Det|Den|De)'
        '( \(.+\))?$',
        '\2 \1\3'),
    '^L'' ', 'L''');

-- "A", "A and B", "A, B and C".
CREATE FUNCTION in_words(names text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN cardinality(names) > 1
       THEN array_to_string(names[:cardinality(names) - 1], ', ') || ' and '
            || names[cardinality(names)]
       ELSE names[1] END;

-- The sentence of a reason that the model gave. NULL without a title.
CREATE FUNCTION because_you_liked(titles text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'Because you liked ' || in_words(titles);

-- The sentence of a rule: for genres that the user likes, or none.
CREATE FUNCTION popular_of_late(genres text[]) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN cardinality(genres) > 0
       THEN 'Popular of late in the genres that you like: ' || array_to_string(genres, ', ')
       ELSE 'Popular of late' END;

-- The reason of each movie that readers are shown, of the lists whose rows are kept. To be asked
-- for one user, or a few. What is cited is the user's own, and was liked; withdrawn movies are not
-- cited. A movie of the model that nothing is cited for has no sentence. Of a rule, the genres are
-- the three of the movie's of which the user liked most movies, as the publication's week has the
-- likes.
CREATE VIEW reasons AS
SELECT l.publication_id, l.user_id, m.rank::integer AS rank, m.movie_id, k.kind,
       CASE WHEN k.kind = 'rule' THEN popular_of_late(s.genres)
            ELSE because_you_liked(s.titles) END AS sentence,
       s.cited,
       json_build_object('directors', s.directors, 'actors', s.actors, 'genres', s.genres)
           AS shared
FROM publications p
JOIN published_lists l USING (publication_id)
CROSS JOIN LATERAL unnest(l.movie_ids[:(p.params ->> 'top_n')::integer])
    WITH ORDINALITY AS m (movie_id, rank)
LEFT JOIN mv_catalogue c ON c.movie_id = m.movie_id
CROSS JOIN LATERAL (
    SELECT CASE WHEN m.rank > l.n_model THEN 'rule' ELSE l.reason_kind END AS kind
) k
CROSS JOIN LATERAL (
    WITH cited AS (
        SELECT r.place, r.contribution, t.movie_id, display_title(t.title) AS title, t.directors,
               t.actors, t.genres
        FROM unnest(l.cited[3 * m.rank - 2:3 * m.rank],
                    l.contributions[3 * m.rank - 2:3 * m.rank])
            WITH ORDINALITY AS r (movie_id, contribution, place)
        JOIN mv_catalogue t ON t.movie_id = r.movie_id
        WHERE k.kind <> 'rule'
          AND NOT EXISTS (SELECT FROM withdrawals w
                          WHERE w.movie_id = r.movie_id AND w.undone_at IS NULL)
    )
    SELECT (SELECT array_agg(title ORDER BY place) FROM cited) AS titles,
           (SELECT coalesce(json_agg(json_build_object('movie_id', movie_id, 'title', title,
                                                       'contribution', contribution)
                                     ORDER BY place), '[]')
            FROM cited) AS cited,
           ARRAY(SELECT name FROM unnest(c.directors) WITH ORDINALITY AS d (name, place)
                 WHERE name IN (SELECT unnest(directors) FROM cited)
                 ORDER BY d.place) AS directors,
           ARRAY(SELECT name FROM unnest(c.actors) WITH ORDINALITY AS a (name, place)
                 WHERE name IN (SELECT unnest(actors) FROM cited)
                 ORDER BY a.place) AS actors,
           CASE WHEN k.kind = 'rule'
                THEN ARRAY(
                    SELECT g.name
                    FROM (SELECT DISTINCT ON (r.movie_id) r.movie_id, r.rating
                          FROM ratings r JOIN drops d USING (drop_id)
                          WHERE r.user_id = l.user_id AND r.rated_at < p.as_of::timestamptz
                            AND r.drop_id <= p.watermark
                          ORDER BY r.movie_id, r.rated_at DESC, d.drop_date DESC,
                                   d.revision DESC) newest
                    JOIN mv_catalogue t USING (movie_id)
                    CROSS JOIN LATERAL unnest(t.genres) AS g (name)
                    WHERE newest.rating >= (p.params ->> 'like_threshold')::real
                      AND g.name = ANY (c.genres)
                    GROUP BY g.name
                    ORDER BY count(*) DESC, g.name
                    LIMIT 3)
                ELSE ARRAY(SELECT name FROM unnest(c.genres) AS g (name)
                           WHERE name IN (SELECT unnest(genres) FROM cited)
                           ORDER BY name) END AS genres
) s;

COMMENT ON VIEW reasons IS
    'Why each movie is in a list, of the lists whose rows are kept: a sentence, and what it rests '
    'on. Ask for one user, or a few.';
COMMENT ON COLUMN reasons.publication_id IS
    'The publication whose list it is.';
COMMENT ON COLUMN reasons.user_id IS
    'Whose list it is.';
COMMENT ON COLUMN reasons.rank IS
    'The movie''s place in the list, from 1.';
COMMENT ON COLUMN reasons.movie_id IS
    'The movie that is recommended.';
COMMENT ON COLUMN reasons.kind IS
    'exact: contributions are terms of the score. leave_one_out: by how much the score falls '
    'without the like. rule: recent popularity in the genres that the user likes. NULL: no reasons '
    'were made.';
COMMENT ON COLUMN reasons.sentence IS
    'For people; NULL where nothing is cited.';
COMMENT ON COLUMN reasons.cited IS
    'The user''s own liked movies that speak most for it, three at most: movie_id, title, '
    'contribution in units of the score.';
COMMENT ON COLUMN reasons.shared IS
    'Directors, actors and genres that the movie has in common with those; of a rule, the genres '
    'that the user likes.';
