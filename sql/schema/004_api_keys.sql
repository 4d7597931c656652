-- Keys of the API.

-- For servers, not for end users. A key's secret is printed once and not kept: it is random, so
-- that one digest of it is enough.
CREATE TABLE api_keys (
    key_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest     bytea NOT NULL UNIQUE CHECK (length(digest) = 32),  -- sha256 of the secret
    scope      text NOT NULL CHECK (scope IN ('read', 'predict', 'write', 'admin')),
    user_id    bigint,                    -- the only user that it is for; NULL: all
    rate       integer NOT NULL CHECK (rate > 0),  -- requests a minute, of each worker
    note       text NOT NULL DEFAULT '',  -- what it is for, in its maker's words
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires_at timestamptz,               -- NULL: it does not
    revoked_at timestamptz                -- NULL: it was not
);
