-- What people do through the API: how it is written, and what lists leave out for it.

-- What lists leave out at once: what was rated or dismissed through the API. What a drop brought is
-- left out by the list itself.
CREATE VIEW left_out AS
SELECT user_id, movie_id FROM feedback_ratings
UNION ALL
SELECT user_id, movie_id FROM feedback_events WHERE kind = 'dismissed';

-- The newest of what a list leaves out, by user: whoever has none has no row. It grows with each
-- rating and dismissal, in the transaction that brings it.
CREATE VIEW newest_feedback AS
SELECT user_id, max(feedback_id) AS feedback_id
FROM (SELECT user_id, feedback_id FROM feedback_ratings
      UNION ALL
      SELECT user_id, feedback_id FROM feedback_events WHERE kind = 'dismissed') given
GROUP BY user_id;

-- The newest rating of each movie that a user gave through the API.
CREATE VIEW rated_through_api AS
SELECT DISTINCT ON (user_id, movie_id) user_id, movie_id, rating, rated_at, feedback_id
FROM feedback_ratings
ORDER BY user_id, movie_id, feedback_id DESC;

GRANT SELECT ON left_out, newest_feedback, rated_through_api TO recsys_api;

-- ---------------------------------------------------------------- writing
-- As their owner, since the API's role may write no table. A body is an array of objects. The
-- answer is {"status": …} with the HTTP status: 201 and `accepted`; 409 where an Idempotency-Key
-- comes with another body; 422 with `errors`, [{"index", "field", "reason"}], and nothing written.

-- Why nothing can be stored about a user, NULL where it can.
CREATE FUNCTION fault_of_user(user_id bigint) RETURNS text
LANGUAGE sql STABLE
RETURN CASE
    WHEN user_id IS NULL THEN 'a user_id is missing'
    WHEN EXISTS (SELECT FROM erased_users e WHERE e.user_id = fault_of_user.user_id)
        THEN format('user %s was erased', user_id)
    WHEN EXISTS (SELECT FROM ratings r WHERE r.user_id = fault_of_user.user_id)
      OR EXISTS (SELECT FROM users u WHERE u.user_id = fault_of_user.user_id)
      OR user_id BETWEEN 1099511627776
                     AND (SELECT last_value FROM new_user_ids WHERE is_called)
        THEN NULL
    ELSE format('user %s is not known; expected one who rated, or an id that the API issued',
                user_id)
END;

-- The users that a body names, each once.
CREATE FUNCTION users_of(entries jsonb) RETURNS bigint[]
LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT DISTINCT g.user_id
             FROM jsonb_to_recordset(entries) AS g (user_id bigint)
             WHERE g.user_id IS NOT NULL);

-- Keep everyone else from writing about these users until the transaction ends: their feedback_ids
-- grow as it is committed, and an erasure misses none. Of 256 locks, so that a request for a
-- thousand users does not fill the server's table of locks.
CREATE FUNCTION hold_users(user_ids bigint[]) RETURNS void
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    bucket bigint;
BEGIN
    FOR bucket IN SELECT DISTINCT mod(u, 256) FROM unnest(user_ids) u ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(format('feedback %s', bucket), 0));
    END LOOP;
END;
$$;

-- The answer that a request with this key got before, NULL where it is the first; others with the
-- key wait until the transaction ends.
CREATE FUNCTION answer_before(api_key_id text, idempotency_key text, body_sha256 text)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
DECLARE
    before record;
BEGIN
    IF idempotency_key IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(
        hashtextextended(concat_ws(' ', 'idempotency', api_key_id, idempotency_key), 0));
    SELECT r.body_sha256, r.answer INTO before FROM feedback_requests r
    WHERE r.api_key_id = answer_before.api_key_id
      AND r.idempotency_key = answer_before.idempotency_key;
    IF before.body_sha256 <> answer_before.body_sha256 THEN
        RETURN jsonb_build_object(
            'status', 409,
            'detail', 'this Idempotency-Key came with another body before; expected the same '
                      'body, or another key');
    END IF;
    RETURN before.answer;
END;
$$;

-- Remember the answer to a request with a key, and return it.
CREATE FUNCTION keep_answer(api_key_id text, idempotency_key text, body_sha256 text, answer jsonb,
                            user_ids bigint[])
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = public, pg_temp
AS $$
BEGIN
    IF idempotency_key IS NOT NULL THEN
        INSERT INTO feedback_requests (api_key_id, idempotency_key, body_sha256, answer, user_ids)
        VALUES (api_key_id, idempotency_key, body_sha256, answer, user_ids);
    END IF;
    RETURN answer;
END;
$$;

-- Store ratings ({"user_id", "movie_id", "rating"}), as of now. `for_new_user`: they have no
-- user_id, and are of a user who gets one with the answer.
CREATE FUNCTION record_ratings(api_key_id text, idempotency_key text, entries jsonb,
                               for_new_user boolean)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    body_sha256 text := encode(
        sha256(convert_to(concat_ws(' ', 'ratings', for_new_user, entries), 'UTF8')), 'hex');
    answer jsonb := api.answer_before(api_key_id, idempotency_key, body_sha256);
    given_ids bigint[];
    new_id bigint;
    errors jsonb;
    moment timestamptz;
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    given_ids := api.users_of(entries);
    PERFORM api.hold_users(given_ids);
    SELECT jsonb_agg(jsonb_build_object('index', place - 1, 'field', field, 'reason', reason)
                     ORDER BY place, field)
    INTO errors
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, rating numeric))
         WITH ORDINALITY AS g (user_id, movie_id, rating, place)
    CROSS JOIN LATERAL (VALUES
        ('user_id', CASE WHEN NOT for_new_user THEN api.fault_of_user(g.user_id)
                         WHEN g.user_id IS NOT NULL
                             THEN 'a new user''s rating has no user_id: the answer has it' END),
        ('movie_id', CASE WHEN NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = g.movie_id)
                          THEN format('movie %s is not known', g.movie_id) END),
        ('rating', CASE WHEN coalesce(g.rating NOT BETWEEN 0.5 AND 5
                                      OR g.rating * 2 <> trunc(g.rating * 2), true)
                        THEN format('rating %s is not between 0.5 and 5 in half stars', g.rating)
                   END)
    ) AS faults (field, reason)
    WHERE reason IS NOT NULL;
    IF errors IS NOT NULL THEN
        RETURN jsonb_build_object('status', 422, 'errors', errors);
    END IF;
    IF for_new_user THEN
        new_id := nextval('new_user_ids');
        given_ids := ARRAY[new_id];
    END IF;
    moment := clock_timestamp();
    INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at)
    SELECT coalesce(g.user_id, new_id), g.movie_id, g.rating, date_trunc('second', moment), moment
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, rating numeric))
         WITH ORDINALITY AS g (user_id, movie_id, rating, place)
    ORDER BY place;
    answer := jsonb_strip_nulls(jsonb_build_object(
        'status', 201, 'accepted', jsonb_array_length(entries), 'received_at', moment,
        'user_id', new_id));
    RETURN api.keep_answer(api_key_id, idempotency_key, body_sha256, answer, given_ids);
END;
$$;

-- Store events ({"user_id", "movie_id", "kind", "recommendation_id"}), as of now.
CREATE FUNCTION record_events(api_key_id text, idempotency_key text, entries jsonb)
RETURNS jsonb
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp
AS $$
DECLARE
    body_sha256 text := encode(
        sha256(convert_to(concat_ws(' ', 'events', entries), 'UTF8')), 'hex');
    answer jsonb := api.answer_before(api_key_id, idempotency_key, body_sha256);
    given_ids bigint[];
    errors jsonb;
    moment timestamptz;
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    given_ids := api.users_of(entries);
    PERFORM api.hold_users(given_ids);
    SELECT jsonb_agg(jsonb_build_object('index', place - 1, 'field', field, 'reason', reason)
                     ORDER BY place, field)
    INTO errors
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, kind text, recommendation_id text))
         WITH ORDINALITY AS g (user_id, movie_id, kind, recommendation_id, place)
    CROSS JOIN LATERAL (VALUES
        ('user_id', api.fault_of_user(g.user_id)),
        ('movie_id', CASE WHEN NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = g.movie_id)
                          THEN format('movie %s is not known', g.movie_id) END),
        ('kind', CASE WHEN coalesce(g.kind NOT IN ('shown', 'opened', 'dismissed'), true)
                      THEN 'kind is not shown, opened or dismissed' END),
        ('recommendation_id', CASE WHEN length(g.recommendation_id) > 200
                                   THEN 'recommendation_id is none that the API gave' END)
    ) AS faults (field, reason)
    WHERE reason IS NOT NULL;
    IF errors IS NOT NULL THEN
        RETURN jsonb_build_object('status', 422, 'errors', errors);
    END IF;
    moment := clock_timestamp();
    INSERT INTO feedback_events (user_id, movie_id, kind, recommendation_id, received_at)
    SELECT g.user_id, g.movie_id, g.kind, g.recommendation_id, moment
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, kind text, recommendation_id text))
         WITH ORDINALITY AS g (user_id, movie_id, kind, recommendation_id, place)
    ORDER BY place;
    answer := jsonb_build_object(
        'status', 201, 'accepted', jsonb_array_length(entries), 'received_at', moment);
    RETURN api.keep_answer(api_key_id, idempotency_key, body_sha256, answer, given_ids);
END;
$$;

REVOKE EXECUTE ON FUNCTION fault_of_user, users_of, hold_users, answer_before, keep_answer,
                           record_ratings, record_events
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_ratings, record_events TO recsys_api;
