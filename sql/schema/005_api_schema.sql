-- Where the views lie that the API reads: the files of sql/views/api make them, and each grants
-- recsys_api what it may read. A schema of its own, so that one look shows all of it.
CREATE SCHEMA IF NOT EXISTS api;
GRANT USAGE ON SCHEMA api TO recsys_api;
