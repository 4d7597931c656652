-- What was live when, by whom and why; and which decision made each publication.

ALTER TABLE publications
    ADD COLUMN promotion_id bigint REFERENCES promotions,  -- NULL: a challenger's own publication
    ADD COLUMN experiment text,           -- the experiment that it is part of
    ADD COLUMN challenger_id bigint REFERENCES publications,  -- whose lists the users in the challenger's share have
    ADD COLUMN is_shadow boolean NOT NULL DEFAULT false,   -- a challenger's list for everyone, which no reader sees
    ADD COLUMN fit_key text,              -- of the model
    ADD COLUMN fingerprint text,          -- of the data that it was fitted on
    ADD COLUMN n_ratings bigint,          -- how many ratings these were
    ADD COLUMN git_sha text,
    ADD COLUMN run_id text NOT NULL DEFAULT '',
    ADD CHECK (NOT (is_shadow AND is_live));

ALTER TABLE batch_recommendations
    ADD COLUMN arm text;                  -- champion | challenger, while an experiment lasts

UPDATE publications p SET promotion_id = d.promotion_id, fit_key = d.fit_key FROM promotions d WHERE d.as_of = p.as_of;

CREATE TABLE live_history (
    seq            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint NOT NULL REFERENCES publications,
    as_of          date NOT NULL,         -- the newest week that had ever been live then
    cause          text NOT NULL CHECK (cause IN ('published', 'rolled back', 'rolled forward')),
    reason         text,
    requested_by   text,
    run_id         text NOT NULL DEFAULT '',
    went_live_at   timestamptz NOT NULL DEFAULT clock_timestamp()  -- and not the transaction's beginning: making a publication takes time
);

INSERT INTO live_history (publication_id, as_of, cause, went_live_at)
SELECT publication_id, as_of, 'published', first_live_at FROM publications WHERE first_live_at IS NOT NULL
ORDER BY is_live, first_live_at, publication_id;

CREATE OR REPLACE VIEW recommendations AS
SELECT p.publication_id, p.as_of, b.user_id, b.rank, b.movie_id, b.score, b.source,
       CASE b.arm WHEN 'challenger' THEN c.recipe_key ELSE p.recipe_key END AS recipe_key,
       CASE b.arm WHEN 'challenger' THEN c.model_version ELSE p.model_version END AS model_version, b.arm
FROM publications p
JOIN batch_recommendations b ON b.publication_id = p.publication_id
LEFT JOIN publications c ON c.publication_id = p.challenger_id
WHERE p.is_live;

-- A challenger's share of the users, from one week to another. Its recipe sits the exams of these weeks too.
CREATE TABLE experiments (
    name        text PRIMARY KEY,
    recipe_key  text NOT NULL,
    recipe      jsonb NOT NULL,
    share       double precision NOT NULL CHECK (share BETWEEN 0 AND 1),  -- 0: a shadow, which no reader sees
    first_as_of date NOT NULL REFERENCES weeks,
    last_as_of  date NOT NULL CHECK (last_as_of >= first_as_of),
    run_id      text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- Whether a user is in a challenger's share: the same answer every week, and a larger share keeps everyone of a smaller one.
CREATE FUNCTION challenger_has(user_id bigint, experiment text, share double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(('x' || left(md5(experiment || ' ' || user_id), 8))::bit(32)::bigint < share * 4294967296, false);

-- The newest week that was ever live, and whether a person has since put another publication in its place.
CREATE VIEW newest_live AS
SELECT max(p.as_of) AS as_of,
       coalesce((SELECT publication_id FROM live_history ORDER BY seq DESC LIMIT 1)
           IS DISTINCT FROM (SELECT publication_id FROM live_history WHERE cause = 'published' ORDER BY seq DESC LIMIT 1), false) AS is_rolled_back
FROM live_history h JOIN publications p USING (publication_id);
