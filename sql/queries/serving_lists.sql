-- Lists as the API answers them: the JSON is built here.

-- name: lists(user_ids, n, skip, genres, excluded_genres, year_from, year_to, excluded_ids,
--     fields, is_filtered, is_fresh, explain, request)
-- A row a user, in the order of user_ids; none where no publication is live. `body` is NULL where
-- n + skip is beyond the depth, and where the champion is asked anew: then no list is read.
-- `request` is all else that the body depends on, as text.
WITH live AS MATERIALIZED (
    SELECT seq, publication_id, origin_id, as_of, recipe_key, model_version, challenger_recipe_key,
           challenger_version, depth, top_n, like_threshold
    FROM api.live
)
SELECT u.user_id, live.publication_id, live.depth, state.etag,
       CASE
           WHEN NOT %(is_fresh)s::boolean
             AND %(n)s::integer + %(skip)s::integer <= live.depth
           THEN (
               SELECT convert_to(
                   json_build_object(
                       'recommendation_id', concat_ws(
                           '-', live.publication_id, u.user_id,
                           left(replace(gen_random_uuid()::text, '-', ''), 16)),
                       'publication', live.publication_id,
                       'as_of', live.as_of,
                       'recipe', CASE list.arm WHEN 'challenger' THEN live.challenger_recipe_key
                                               ELSE live.recipe_key END,
                       'model_version', CASE list.arm
                                            WHEN 'challenger' THEN live.challenger_version
                                            ELSE live.model_version END,
                       'arm', list.arm,
                       'user_id', u.user_id,
                       'known', list.user_id IS NOT NULL,
                       'complete', shown.n_items = %(n)s::integer,
                       'items', shown.items)::text,
                   'UTF8')
               FROM (VALUES (1)) one
               LEFT JOIN api.lists list
                   ON list.publication_id = live.publication_id AND list.user_id = u.user_id
               CROSS JOIN LATERAL (
                   -- what is left out of every list of this user
                   SELECT %(excluded_ids)s::bigint[]
                          || ARRAY(SELECT w.movie_id FROM api.withdrawn_movies w)
                          || ARRAY(SELECT o.movie_id FROM api.left_out o
                                   WHERE o.user_id = u.user_id) AS movie_ids
               ) hidden
               CROSS JOIN LATERAL (
                   WITH kept AS MATERIALIZED (
                       SELECT m.movie_id, c.title, c.year, c.genres, m.score,
                              CASE WHEN m.rank <= list.n_model THEN 'model'
                                   ELSE 'fallback' END AS source,
                              row_number() OVER (ORDER BY m.rank) AS rank,
                              m.rank AS published_rank
                       FROM unnest(list.movie_ids, list.scores)
                            WITH ORDINALITY AS m (movie_id, score, rank)
                       CROSS JOIN LATERAL (
                           -- LIMIT: each by the index; a join might read the whole catalogue
                           SELECT l.title, l.year, l.genres
                           FROM api.listed_movies l WHERE l.movie_id = m.movie_id LIMIT 1
                       ) c
                       WHERE m.movie_id <> ALL (hidden.movie_ids)
                         AND (NOT %(is_filtered)s::boolean
                              OR api.admits(
                                  c.genres, c.year,
                                  %(genres)s::text[], %(excluded_genres)s::text[],
                                  %(year_from)s::integer, %(year_to)s::integer))
                       ORDER BY m.rank
                       LIMIT %(n)s::integer + %(skip)s::integer
                   ),
                   n_kept AS MATERIALIZED (SELECT count(*) AS n FROM kept),
                   place AS (
                       SELECT k.movie_id, k.title, k.year, k.genres, k.score, k.source, k.rank,
                              k.published_rank
                       FROM kept k
                       UNION ALL
                       SELECT f.movie_id, f.title, f.year, f.genres, f.likes, 'fallback',
                              n_kept.n + f.rank, NULL
                       FROM n_kept
                       CROSS JOIN LATERAL api.fill(
                           u.user_id, live.origin_id, hidden.movie_ids || list.movie_ids,
                           (%(n)s::integer + %(skip)s::integer - n_kept.n)::integer,
                           %(genres)s::text[], %(excluded_genres)s::text[],
                           %(year_from)s::integer, %(year_to)s::integer) f
                       WHERE n_kept.n < %(n)s::integer + %(skip)s::integer
                   ),
                   liked AS MATERIALIZED (
                       SELECT api.liked_genres(u.user_id, live.like_threshold) AS genres
                       WHERE %(explain)s::boolean
                   )
                   SELECT count(*) AS n_items,
                          coalesce(json_agg(
                              CASE WHEN %(fields)s::text[] IS NULL THEN item.whole
                                   ELSE (SELECT json_object_agg(part.key, part.value)
                                         FROM json_each(item.whole) part
                                         WHERE part.key = ANY (%(fields)s::text[])) END
                              ORDER BY p.rank), '[]') AS items
                   FROM place p
                   CROSS JOIN LATERAL (
                       SELECT CASE WHEN %(explain)s::boolean
                       THEN json_build_object(
                           'movie_id', p.movie_id, 'title', p.title, 'year', p.year,
                           'genres', p.genres, 'rank', p.rank, 'score', p.score,
                           'source', p.source,
                           -- NULL beyond those that the publication has reasons for
                           'reasons', CASE
                               WHEN p.source = 'fallback'
                               THEN api.reason_of(p.movie_id, 'rule', '{}', '{}',
                                                  (SELECT genres FROM liked))
                               WHEN p.published_rank <= live.top_n
                                 AND list.reason_kind IS NOT NULL
                               THEN api.reason_of(
                                   p.movie_id, list.reason_kind,
                                   list.cited[3 * p.published_rank - 2 : 3 * p.published_rank],
                                   list.contributions[3 * p.published_rank - 2
                                                      : 3 * p.published_rank],
                                   (SELECT genres FROM liked)) END)
                       ELSE json_build_object(
                           'movie_id', p.movie_id, 'title', p.title, 'year', p.year,
                           'genres', p.genres, 'rank', p.rank, 'score', p.score,
                           'source', p.source) END AS whole
                   ) item
                   WHERE p.rank > %(skip)s::integer
               ) shown
           )
       END AS body
FROM unnest(%(user_ids)s::bigint[]) WITH ORDINALITY AS u (user_id, place)
CROSS JOIN live
CROSS JOIN api.versions
CROSS JOIN LATERAL (
    -- By the change, not the publication: that may come back, and what was read in several
    -- statements meanwhile is of another. Which arm a user is in follows from it.
    SELECT md5(concat_ws(
        ' ', live.seq, versions.withdrawals, versions.catalogue,
        coalesce((SELECT f.feedback_id FROM api.newest_feedback f
                  WHERE f.user_id = u.user_id), 0),
        u.user_id,
        EXISTS (SELECT FROM api.erased e WHERE e.user_id = u.user_id),
        %(request)s::text)) AS etag
) state
ORDER BY u.place;

-- name: tag(user_id, request)
-- The etag that `lists` gives a user's list now; no row where no publication is live. A statement
-- of its own: starting the other takes longer than all of this.
SELECT md5(concat_ws(
    ' ', live.seq, versions.withdrawals, versions.catalogue,
    coalesce((SELECT f.feedback_id FROM api.newest_feedback f
              WHERE f.user_id = %(user_id)s::bigint), 0),
    %(user_id)s::bigint,
    EXISTS (SELECT FROM api.erased e WHERE e.user_id = %(user_id)s::bigint),
    %(request)s::text)) AS etag
FROM api.live CROSS JOIN api.versions;
