-- The ledger of decisions: a week is decided once by its exam; a forced decision and a rollback are rows of their own.

ALTER TABLE exams
    ADD COLUMN sketch bigint[];           -- of the held-out ratings: tells what share of them another exam asked too

CREATE TABLE exam_overlaps (
    as_of   date NOT NULL REFERENCES exams,
    earlier date NOT NULL REFERENCES exams,
    share   double precision NOT NULL,    -- of this exam's held-out ratings that the earlier one held out too
    PRIMARY KEY (as_of, earlier)
);

ALTER TABLE promotions DROP CONSTRAINT promotions_pkey;
ALTER TABLE promotions DROP CONSTRAINT promotions_decision_check;
ALTER TABLE promotions
    ADD COLUMN promotion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN forced boolean NOT NULL DEFAULT false,
    ADD COLUMN stands boolean NOT NULL DEFAULT true,   -- false: the week had been rolled back, so that deciding it anew moves nothing
    ADD COLUMN approval text CHECK (approval IN ('approved', 'rejected', 'timed out')),  -- NULL: nobody was asked
    ADD COLUMN approved_by text,
    ADD COLUMN users_needed bigint,       -- where the exam had too few users to see the minimum effect: how many the next one should have
    ADD COLUMN fingerprint text,          -- of the data that the champion's version was fitted on
    ADD COLUMN n_ratings bigint,          -- how many ratings these were
    ADD COLUMN git_sha text,              -- of the code that decided
    ADD COLUMN run_id text NOT NULL DEFAULT '',        -- the Airflow run, or who ran it elsewhere
    ADD CHECK (decision IN ('promoted', 'kept', 'not decided', 'first', 'popularity', 'rolled back', 'rolled forward'));
CREATE UNIQUE INDEX promotions_week_decided_once ON promotions (as_of) WHERE NOT forced AND decision NOT IN ('rolled back', 'rolled forward');
CREATE UNIQUE INDEX promotions_run_forced_once ON promotions (as_of, run_id) WHERE forced;

-- Every gate's answer on every challenger, asked whether or not another had refused it already.
CREATE TABLE gate_verdicts (
    promotion_id bigint NOT NULL REFERENCES promotions,
    recipe_key   text NOT NULL,
    gate         text NOT NULL,
    passed       boolean NOT NULL,
    figure       double precision,        -- what was measured, NULL where there was nothing to measure
    bound        double precision,        -- what it was held against
    sentence     text NOT NULL,
    PRIMARY KEY (promotion_id, recipe_key, gate)
);

-- What the gates said last of a recipe fitted on all that the week may see, before it was promoted.
CREATE TABLE refit_verdicts (
    as_of    date NOT NULL REFERENCES exams,
    recipe_key text NOT NULL,
    fit_key  text NOT NULL,
    gate     text NOT NULL,
    passed   boolean NOT NULL,
    figure   double precision,
    bound    double precision,
    sentence text NOT NULL,
    PRIMARY KEY (as_of, recipe_key, gate)
);
