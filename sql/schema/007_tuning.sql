-- What tuning tried and what it found. Optuna only proposes: its trials are rows here, so that a study goes on where it stopped.

-- A study's name says the recipe, the week and a digest of all that its figures depend on (data, seed, code); numbers run from 0.
CREATE TABLE tuning_trials (
    study   text NOT NULL,
    number  integer NOT NULL,
    recipe  jsonb NOT NULL,
    validation_ndcg double precision,     -- NDCG@10 on the validation slice; NULL where the recipe could not be fitted
    failure text,                         -- why it could not
    run_id  text NOT NULL,                -- the trial's MLflow run
    PRIMARY KEY (study, number),
    CHECK ((validation_ndcg IS NULL) = (failure IS NOT NULL))
);

-- A recipe that beat its name's default on a study's validation slice. From then on it sits every new exam that names nothing else.
CREATE TABLE tuned_recipes (
    recipe_key   text NOT NULL,
    study        text NOT NULL,
    name         text NOT NULL,
    recipe       jsonb NOT NULL,
    found_for    date NOT NULL REFERENCES weeks,  -- the week whose sight it was tuned on
    validation_ndcg double precision NOT NULL,
    default_ndcg double precision NOT NULL,
    n_trials     integer NOT NULL,
    found_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (study, recipe_key)
);
