-- The week's exam: every recipe on the same users, dates and catalogue.
CREATE TABLE exams (
    as_of       date PRIMARY KEY REFERENCES weeks,
    kind        text NOT NULL CHECK (kind IN ('dated', 'own newest')),
    weeks       integer,                  -- how many the dated exam covers
    cut         timestamptz,              -- the moment at which every fit of a dated exam stops
    fingerprint text NOT NULL,            -- of the ratings that fits may see
    n_users     integer NOT NULL,         -- that decide
    n_ratings   integer NOT NULL,         -- held out
    incumbent   text,                     -- the recipe key of the champion of the last earlier week, when the exam was set
    incumbent_recipe jsonb
);

CREATE TABLE exam_results (
    as_of      date NOT NULL REFERENCES exams,
    recipe_key text NOT NULL,
    slice      text NOT NULL,
    metric     text NOT NULL,
    value      double precision NOT NULL,
    n          integer NOT NULL,          -- users, or ratings, that the figure is the mean of
    PRIMARY KEY (as_of, recipe_key, slice, metric)
);

CREATE TABLE exam_entries (
    as_of      date NOT NULL REFERENCES exams,
    recipe_key text NOT NULL,
    recipe     jsonb NOT NULL,
    run_id     text NOT NULL,             -- the MLflow run of the fit that was examined
    user_ids   bigint[] NOT NULL,         -- the users that decide, ascending
    ndcg       real[] NOT NULL,           -- NDCG@10 of each
    PRIMARY KEY (as_of, recipe_key)
);

-- A week is decided once.
CREATE TABLE promotions (
    as_of         date PRIMARY KEY REFERENCES exams,
    decision      text NOT NULL CHECK (decision IN ('promoted', 'kept', 'first', 'popularity')),
    recipe_key    text NOT NULL,
    recipe        jsonb NOT NULL,         -- of the champion from this week on
    model_version text NOT NULL,          -- its version fitted on all that the week may see
    fit_key       text NOT NULL,
    incumbent     text,                   -- the recipe key that was champion before
    comparisons   jsonb NOT NULL,         -- [{challenger, against, mean, low, high}]
    reasons       text[] NOT NULL,
    decided_at    timestamptz NOT NULL DEFAULT now()
);
