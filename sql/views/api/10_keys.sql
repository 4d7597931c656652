-- Whose key it is: no row where it is none, has expired or was revoked. The API's role cannot read
-- the digests. They are compared as digests with a salt that is new each time, so that how long a
-- comparison takes says nothing about them.
CREATE FUNCTION check_key(key_id bigint, digest bytea)
RETURNS TABLE (key_id bigint, scope text, user_id bigint, expires_at timestamptz, rate integer)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog
BEGIN ATOMIC
    SELECT k.key_id, k.scope, k.user_id, k.expires_at, k.rate
    FROM public.api_keys k
    CROSS JOIN (SELECT uuid_send(gen_random_uuid()) AS salt) s
    WHERE k.key_id = check_key.key_id
      AND sha256(s.salt || k.digest) = sha256(s.salt || check_key.digest)
      AND k.revoked_at IS NULL
      AND (k.expires_at IS NULL OR k.expires_at > now());
END;

REVOKE ALL ON FUNCTION check_key FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_key TO recsys_api;
