-- The movies that are nearest to each movie, as the live publication has them: see recommendations
-- for how it is found. A copy has those of what it was copied from.
CREATE VIEW similar_movies AS
SELECT s.movie_id, n.rank::integer AS rank, n.similar_id, n.score, s.basis, n.n_raters
FROM (SELECT publication_id FROM live_history
      WHERE seq <= newest_change_of_live() ORDER BY seq DESC LIMIT 1) live
JOIN publications p ON p.publication_id = live.publication_id
JOIN publications origin ON origin.publication_id = coalesce(p.copy_of, p.publication_id)
JOIN published_similar s ON s.publication_key = origin.publication_key
CROSS JOIN LATERAL (
    SELECT row_number() OVER (ORDER BY place) AS rank, similar_id, score, n_raters
    FROM unnest(s.similar_ids, s.scores, s.n_raters)
        WITH ORDINALITY AS near (similar_id, score, n_raters, place)
    WHERE NOT EXISTS (SELECT FROM withdrawals w
                      WHERE w.movie_id = near.similar_id AND w.undone_at IS NULL)
) n;

COMMENT ON VIEW similar_movies IS
    'The movies that are nearest to each movie, up to 50, by the model whose lists are live, or by '
    'content for movies of which it has learned nothing.';
COMMENT ON COLUMN similar_movies.movie_id IS
    'The movie: see catalogue.';
COMMENT ON COLUMN similar_movies.rank IS
    'From 1, the nearest, without a gap: withdrawn movies are left out.';
COMMENT ON COLUMN similar_movies.similar_id IS
    'The movie that is near.';
COMMENT ON COLUMN similar_movies.score IS
    'Higher is nearer: a cosine or a weight of the model, or a share of content in common; '
    'comparable for one movie only.';
COMMENT ON COLUMN similar_movies.basis IS
    'model: who liked the one liked the other. content: words of the title, genres and people.';
COMMENT ON COLUMN similar_movies.n_raters IS
    'Raters in common: how many users had rated both, as the publication''s week has the ratings. '
    'NULL in publications made before these were counted.';
