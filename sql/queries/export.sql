-- Everything of one user, for that user.

-- name: everything(user_id)
-- As JSON; no row of whom there is nothing, not even a tombstone.
WITH parts AS MATERIALIZED (
    SELECT (SELECT json_agg(
                json_build_object(
                    'movie_id', r.movie_id,
                    'title', c.title,
                    'rating', r.rating,
                    'rated_at', r.rated_at,
                    'source', d.source,
                    'drop_date', d.drop_date)
                ORDER BY r.rated_at, r.movie_id, r.drop_id)
            FROM ratings r
            JOIN drops d USING (drop_id)
            LEFT JOIN mv_catalogue c USING (movie_id)
            WHERE r.user_id = %(user_id)s) AS ratings,
           (SELECT json_agg(
                json_build_object(
                    'movie_id', t.movie_id,
                    'tag', t.tag,
                    'tagged_at', t.tagged_at,
                    'drop_date', d.drop_date)
                ORDER BY t.tagged_at, t.movie_id, t.tag)
            FROM tags t JOIN drops d USING (drop_id)
            WHERE t.user_id = %(user_id)s) AS tags,
           (SELECT json_agg(
                json_build_object(
                    'drop_date', d.drop_date,
                    'gender', u.gender,
                    'age', u.age,
                    'occupation', u.occupation,
                    'zip_code', u.zip_code)
                ORDER BY d.drop_date, d.drop_id)
            FROM users u JOIN drops d USING (drop_id)
            WHERE u.user_id = %(user_id)s) AS demographics,
           (SELECT json_agg(
                json_build_object(
                    'source', d.source,
                    'drop_date', d.drop_date,
                    'file', j.file,
                    'line', j.line,
                    'reason', j.reason,
                    'content', j.content)
                ORDER BY j.drop_id, j.file, j.line)
            FROM rejected_rows j JOIN drops d USING (drop_id)
            WHERE j.user_id = %(user_id)s) AS rejected_rows,
           (SELECT json_agg(
                json_build_object(
                    'movie_id', f.movie_id,
                    'rating', f.rating,
                    'rated_at', f.rated_at,
                    'received_at', f.received_at,
                    'closed_for', b.as_of)
                ORDER BY f.feedback_id)
            FROM feedback_ratings f LEFT JOIN feedback_batches b USING (batch_id)
            WHERE f.user_id = %(user_id)s) AS ratings_through_the_api,
           (SELECT json_agg(
                json_build_object(
                    'movie_id', e.movie_id,
                    'kind', e.kind,
                    'recommendation_id', e.recommendation_id,
                    'received_at', e.received_at)
                ORDER BY e.feedback_id)
            FROM feedback_events e
            WHERE e.user_id = %(user_id)s) AS events_through_the_api,
           (SELECT json_agg(
                json_build_object('received_at', q.received_at, 'answer', q.answer)
                ORDER BY q.received_at)
            FROM feedback_requests q
            WHERE %(user_id)s = ANY (q.user_ids)) AS requests_through_the_api,
           (SELECT json_agg(
                json_build_object(
                    'publication', p.publication_id,
                    'as_of', p.as_of,
                    'recipe', p.recipe_key,
                    'arm', l.arm,
                    'movie_ids', l.movie_ids,
                    'scores', l.scores,
                    'from_the_model', l.n_model,
                    'reason_kind', l.reason_kind,
                    'cited', l.cited,
                    'contributions', l.contributions)
                ORDER BY p.publication_id)
            FROM published_lists l JOIN publications p USING (publication_id)
            WHERE l.user_id = %(user_id)s) AS lists,
           (SELECT json_agg(
                json_build_object(
                    'as_of', x.as_of,
                    'recipe', x.recipe_key,
                    'ndcg', x.ndcg[array_position(x.user_ids, %(user_id)s)])
                ORDER BY x.as_of, x.recipe_key)
            FROM exam_entries x
            WHERE %(user_id)s = ANY (x.user_ids)) AS exam_scores,
           (SELECT erased_at FROM erased_users WHERE user_id = %(user_id)s) AS erased_at
)
SELECT json_build_object(
           'user_id', %(user_id)s::bigint,
           'exported_at', now(),
           'erased_at', p.erased_at,
           'ratings', coalesce(p.ratings, '[]'),
           'tags', coalesce(p.tags, '[]'),
           'demographics', coalesce(p.demographics, '[]'),
           'rejected_rows', coalesce(p.rejected_rows, '[]'),
           'ratings_through_the_api', coalesce(p.ratings_through_the_api, '[]'),
           'events_through_the_api', coalesce(p.events_through_the_api, '[]'),
           'requests_through_the_api', coalesce(p.requests_through_the_api, '[]'),
           'lists', coalesce(p.lists, '[]'),
           'exam_scores', coalesce(p.exam_scores, '[]'))::text AS everything
FROM parts p
WHERE num_nonnulls(p.ratings, p.tags, p.demographics, p.rejected_rows, p.ratings_through_the_api,
                   p.events_through_the_api, p.requests_through_the_api, p.lists, p.exam_scores,
                   p.erased_at) > 0;
