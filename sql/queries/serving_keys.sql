-- Keys of the API: made and revoked by the pipeline's role, checked by the API's.

-- name: check_key(key_id, digest)
-- Whose key it is; no row where it does not hold.
SELECT key_id, scope, user_id, expires_at, rate
FROM api.check_key(%(key_id)s::bigint, %(digest)s::bytea);

-- name: create_key(digest, scope, user_id, days, rate, note, created_by)
INSERT INTO api_keys (digest, scope, user_id, rate, note, created_by, expires_at)
VALUES (%(digest)s::bytea, %(scope)s, %(user_id)s, %(rate)s, %(note)s, %(created_by)s,
        now() + make_interval(days => %(days)s::integer))
RETURNING key_id;

-- name: list_keys()
-- All keys, those that hold first.
SELECT key_id, scope, user_id, rate, note, created_at, created_by, expires_at, revoked_at
FROM api_keys
ORDER BY revoked_at IS NOT NULL OR expires_at <= now(), key_id;

-- name: revoke_key(key_id)
UPDATE api_keys SET revoked_at = now()
WHERE key_id = %(key_id)s AND revoked_at IS NULL
RETURNING key_id;
