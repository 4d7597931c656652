-- Similar movies: stored before a publication, and removed with it.

-- name: is_stored(publication_key)
-- All rows come in one transaction.
SELECT EXISTS (SELECT FROM published_similar WHERE publication_key = %(publication_key)s)
    AS is_stored;

-- name: rated_movies(as_of, watermark)
-- Movies that somebody had rated.
SELECT DISTINCT movie_id FROM visible_versions(%(as_of)s, %(watermark)s) ORDER BY movie_id;

-- name: rated(as_of, watermark, first, last)
-- Which movies the users between two had rated, one row a user: 8 bytes a movie, as often as it
-- was rated.
SELECT user_id, string_agg(int8send(movie_id), '') AS movie_ids
FROM visible_versions(%(as_of)s, %(watermark)s)
WHERE user_id BETWEEN %(first)s AND %(last)s
GROUP BY user_id;

-- name: begin_pairs()
CREATE TEMP TABLE similar_pairs (
    movie_id   bigint NOT NULL,
    rank       integer NOT NULL,
    similar_id bigint NOT NULL,
    score      real NOT NULL,
    by_content integer NOT NULL,          -- 1: by content; 0: by the model
    n_raters   integer NOT NULL           -- users who had rated both
);

-- name: copy_pairs()
COPY similar_pairs (movie_id, rank, similar_id, score, by_content, n_raters)
FROM STDIN (FORMAT binary);

-- name: store(publication_key)
INSERT INTO published_similar (publication_key, movie_id, similar_ids, scores, basis, n_raters)
SELECT %(publication_key)s, movie_id, array_agg(similar_id ORDER BY rank),
       array_agg(score ORDER BY rank),
       CASE max(by_content) WHEN 1 THEN 'content' ELSE 'model' END,
       array_agg(n_raters ORDER BY rank)
FROM similar_pairs
GROUP BY movie_id
ORDER BY movie_id;

-- name: drop_pairs()
DROP TABLE similar_pairs;

-- name: forget()
-- Those of publications whose rows are gone, as are those of all copies, unless the week ran again
-- since; and those that no publication came of in a month.
DELETE FROM published_similar s
WHERE NOT EXISTS (SELECT FROM publications o
                  JOIN publications p ON coalesce(p.copy_of, p.publication_id) = o.publication_id
                  WHERE o.publication_key = s.publication_key AND p.dropped_at IS NULL)
  AND (s.stored_at < now() - interval '30 days'
       OR EXISTS (SELECT FROM publications o
                  WHERE o.publication_key = s.publication_key AND o.dropped_at > s.stored_at));
