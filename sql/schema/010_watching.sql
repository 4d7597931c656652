-- What became of the lists that were published, whether the data still are what they were, and how long each step took.

-- A week's lists, judged once by what their users rated in the time that the lists were before them, and liked.
CREATE TABLE realised_hits (
    as_of          date NOT NULL REFERENCES weeks,        -- the week that judged
    publication_id bigint NOT NULL REFERENCES publications,
    since          date NOT NULL REFERENCES weeks,        -- the week whose readers had the lists: they rated from then until as_of
    arm            text NOT NULL CHECK (arm IN ('all', 'champion', 'challenger', 'challenger - champion')),
    source         text NOT NULL CHECK (source IN ('all', 'model', 'fallback')),  -- of the first row of a user's list
    recipe_key     text NOT NULL,
    metric         text NOT NULL,
    value          double precision NOT NULL,             -- a mean over users, or the difference of two
    low            double precision NOT NULL,             -- of its 95% bootstrap interval
    high           double precision NOT NULL,
    n              integer NOT NULL,                      -- users
    PRIMARY KEY (as_of, publication_id, arm, source, metric)
);

-- A week against the weeks before it.
CREATE TABLE drift (
    as_of    date NOT NULL REFERENCES weeks,
    measure  text NOT NULL,
    value    double precision,            -- NULL: there was nothing to measure it on
    low      double precision,            -- what was expected, at least
    high     double precision,            -- and at most
    drifted  boolean,                     -- NULL: there was too little to judge by
    sentence text NOT NULL,
    PRIMARY KEY (as_of, measure)
);

-- Each step of a run and its time. It is the one table that grows when a week is run again.
CREATE TABLE step_times (
    as_of      date NOT NULL,
    run_id     text NOT NULL,
    step       text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds    double precision NOT NULL,
    PRIMARY KEY (as_of, run_id, step, started_at)
);
