-- What has been applied. Created before the first migration, so that each can record itself in its own transaction.
CREATE TABLE IF NOT EXISTS migrations (
    name       text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
