-- What people do through the API, as its role writes it: see sql/views/api/feedback.sql.

-- name: record_ratings(api_key_id, idempotency_key, entries, for_new_user)
SELECT api.record_ratings(
    %(api_key_id)s::text, %(idempotency_key)s::text, %(entries)s::jsonb, %(for_new_user)s::boolean
) AS answer;

-- name: record_events(api_key_id, idempotency_key, entries)
SELECT api.record_events(
    %(api_key_id)s::text, %(idempotency_key)s::text, %(entries)s::jsonb
) AS answer;
