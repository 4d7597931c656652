-- A user over time, as the API answers: what was rated, and what was recommended.

-- name: ratings(user_id, n, offset)
-- What a user has rated, the newest first; no row for whoever has rated nothing.
SELECT json_build_object(
           'user_id', %(user_id)s::bigint,
           'total', max(total),
           'items', coalesce(
               json_agg(
                   json_build_object(
                       'movie_id', r.movie_id,
                       'title', m.title,
                       'year', m.year,
                       'genres', coalesce(m.genres, '{}'),
                       'rating', r.rating,
                       'rated_at', r.rated_at,
                       'source', r.source,
                       'drop_date', r.drop_date)
                   ORDER BY r.place)
               FILTER (WHERE r.place > %(offset)s::bigint
                         AND r.place <= %(offset)s::bigint + %(n)s::bigint),
               '[]'))
FROM (SELECT h.movie_id, h.rating, h.rated_at, h.source, h.drop_date, count(*) OVER () AS total,
             row_number() OVER (ORDER BY h.rated_at DESC, h.movie_id) AS place
      FROM api.history h
      WHERE h.user_id = %(user_id)s::bigint) r
LEFT JOIN api.movies m ON m.movie_id = r.movie_id
HAVING count(*) > 0;

-- name: live_as_of(as_of)
-- The publication that readers had as long as no week after the day was live; now, without a day.
SELECT publication_id, went_live_at
FROM api.live_changes
WHERE as_of <= coalesce(%(as_of)s::date, 'infinity')
ORDER BY seq DESC
LIMIT 1;

-- name: list(publication_id, user_id, went_live_at)
-- A user's list in a publication, and where it comes from: of a user in a challenger's share, from
-- the challenger's own publication. No row where there is no list, unless retention took it.
WITH list AS (
    SELECT min(l.arm) AS arm,
           json_agg(
               json_build_object(
                   'rank', l.rank,
                   'movie_id', l.movie_id,
                   'title', m.title,
                   'year', m.year,
                   'genres', coalesce(m.genres, '{}'),
                   'score', l.score,
                   'source', l.source,
                   'withdrawn_at', m.withdrawn_at)
               ORDER BY l.rank) AS items
    FROM api.pages_lists l
    LEFT JOIN api.movies m USING (movie_id)
    WHERE l.publication_id = %(publication_id)s::bigint AND l.user_id = %(user_id)s::bigint
)
SELECT json_build_object(
           'user_id', %(user_id)s::bigint,
           'publication', p.publication_id,
           'as_of', p.as_of,
           'went_live_at', %(went_live_at)s::timestamptz,
           'arm', list.arm,
           'recipe', model.recipe_key,
           'model_version', model.model_version,
           'rows_deleted_at', p.dropped_at,
           'items', coalesce(list.items, '[]'),
           'lineage', json_build_object(
               'recipe', model.recipe,
               'fit_key', model.fit_key,
               'fingerprint', model.fingerprint,
               'n_ratings', model.n_ratings,
               'watermark', p.watermark,
               'drops', coalesce(p.drops, '[]'),
               'params', p.params,
               'rows_sha256', p.rows_sha256,
               'git_sha', p.git_sha,
               'published_at', p.published_at,
               'live', p.live,
               'decision', p.decision,
               'forced', p.forced,
               'reasons', coalesce(p.reasons, '{}'),
               'gates_passed', p.gates_passed,
               'gates_refused', p.gates_refused,
               'decided_at', p.decided_at,
               'approval', p.approval,
               'experiment', p.experiment,
               'challenger_publication', p.challenger_id,
               'copy_of', p.copy_of,
               'movies_left_out', coalesce(p.left_out, '{}'),
               'rows_erased', coalesce(p.n_erased, 0)))
FROM api.publication_lineage p
CROSS JOIN list
JOIN api.publication_lineage model
  ON model.publication_id = CASE list.arm WHEN 'challenger' THEN p.challenger_id
                                          ELSE p.publication_id END
WHERE p.publication_id = %(publication_id)s::bigint
  AND (list.items IS NOT NULL OR p.dropped_at IS NOT NULL);
