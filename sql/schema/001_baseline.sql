-- All tables, in the order in which a week meets them. Views and functions are in sql/views: they
-- are applied again when they are edited, and no table depends on one.
--
-- This file is never edited once it was applied anywhere: what changes is a further numbered file.


-- ------------------------------------------------------------------ drops and weeks

-- What was taken in, what was not and why. One row a drop that a week has met. drop_id grows in the
-- order of arrival: it is what a watermark compares. The same date with other checksums is a new
-- revision; nothing is overwritten.
CREATE TABLE drops (
    drop_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source        text NOT NULL,
    drop_date     date NOT NULL,
    revision      integer NOT NULL,
    sha256        text NOT NULL,          -- of the drop's sorted list of file checksums
    files         jsonb NOT NULL,         -- [{name, size, stamp, sha256}]
    admitted_for  date NOT NULL,          -- the as_of of the week that met it first
    state         text NOT NULL DEFAULT 'registered'
                  CHECK (state IN ('registered', 'ingested', 'refused')),
    -- movielens: the release's layout, see population in ingest
    population    text,
    counts        jsonb,                  -- file → {rows, rejected, new}
    reason        text,                   -- why it was refused
    registered_at timestamptz NOT NULL DEFAULT now(),
    settled_at    timestamptz,            -- when it was ingested or refused
    UNIQUE (source, drop_date, revision)
);

CREATE TABLE rejected_rows (
    drop_id bigint NOT NULL REFERENCES drops,
    file    text NOT NULL,
    line    bigint NOT NULL,
    reason  text NOT NULL,
    content text NOT NULL,
    user_id bigint,                       -- whose row it is; NULL where it names no user
    PRIMARY KEY (drop_id, file, line)
);

-- What each week may know. Its watermark moves until its ingest has succeeded once, and never
-- again; its parameters are those of its first run.
CREATE TABLE weeks (
    as_of         date PRIMARY KEY,
    watermark     bigint NOT NULL,
    params        jsonb NOT NULL,
    -- first resolved after a later week: took its watermark then
    resolved_late boolean NOT NULL,
    resolved_at   timestamptz NOT NULL DEFAULT now(),
    ingested_at   timestamptz
);


-- ------------------------------------------------------------------ facts

-- Facts are versions: every row carries the drop that brought it; a merge appends, and nothing is
-- overwritten. What is true for a run is a filter: event time < as_of, drop_id ≤ watermark, newest
-- version first (ratings by event time; the rest, and corrections of one event, by drop date and
-- revision; never by order of arrival).

-- Without foreign keys to drops where rows come by the million: each row would be looked up, at
-- three times the time of the merge, and a drop is in the ledger before its rows are.
CREATE TABLE ratings (
    user_id  bigint NOT NULL,
    movie_id bigint NOT NULL,
    rated_at timestamptz NOT NULL,
    drop_id  bigint NOT NULL,
    rating   real NOT NULL CHECK (rating BETWEEN 0.5 AND 5),
    PRIMARY KEY (user_id, movie_id, rated_at, drop_id)
);

-- Pairs of which more than one version is known: rated again, corrected, or delivered late. A merge
-- adds those that it makes; all other ratings are true as they stand, from their time on and for
-- every watermark that includes their drop. So a merge and a refresh cost what the week's ratings
-- cost (a hundred thousand), and not what all ratings do (twenty million).
CREATE TABLE rerated (
    user_id  bigint NOT NULL,
    movie_id bigint NOT NULL,
    PRIMARY KEY (user_id, movie_id)
);

CREATE TABLE tags (
    user_id   bigint NOT NULL,
    movie_id  bigint NOT NULL,
    tag       text NOT NULL,
    tagged_at timestamptz NOT NULL,
    drop_id   bigint NOT NULL,
    PRIMARY KEY (user_id, movie_id, tag, tagged_at)
);

CREATE TABLE users (
    user_id    bigint NOT NULL,
    drop_id    bigint NOT NULL REFERENCES drops,
    gender     text,
    age        integer,
    occupation text,
    zip_code   text,
    PRIMARY KEY (user_id, drop_id)
);

CREATE TABLE movies (
    movie_id bigint NOT NULL,
    drop_id  bigint NOT NULL REFERENCES drops,
    title    text NOT NULL,
    year     integer,
    genres   text[] NOT NULL,
    PRIMARY KEY (movie_id, drop_id)
);

CREATE TABLE links (
    movie_id bigint NOT NULL,
    drop_id  bigint NOT NULL REFERENCES drops,
    imdb_id  bigint,
    tmdb_id  bigint,
    PRIMARY KEY (movie_id, drop_id)
);

-- IMDb's facts of a movie that we have; imdb_id is the number in tt0111161.
CREATE TABLE imdb_titles (
    movie_id        bigint NOT NULL,
    drop_id         bigint NOT NULL REFERENCES drops,
    imdb_id         bigint NOT NULL,
    title_type      text NOT NULL,
    primary_title   text NOT NULL,
    start_year      integer,
    runtime_minutes integer,
    genres          text[] NOT NULL,
    average_rating  real,
    votes           integer,
    PRIMARY KEY (movie_id, drop_id)
);

CREATE TABLE persons (
    person_id  bigint NOT NULL,           -- the number in nm0000209
    drop_id    bigint NOT NULL REFERENCES drops,
    name       text NOT NULL,
    birth_year integer,
    death_year integer,
    PRIMARY KEY (person_id, drop_id)
);

-- A movie's whole cast and crew in one drop is one version.
CREATE TABLE movie_persons (
    movie_id  bigint NOT NULL,
    drop_id   bigint NOT NULL,
    role      text NOT NULL CHECK (role IN ('director', 'actor')),
    position  integer NOT NULL,           -- billing order within the role, from 1
    person_id bigint NOT NULL,
    PRIMARY KEY (movie_id, drop_id, role, position)
);


-- ------------------------------------------------------------------ what removes

-- Both are honoured whatever the week.

-- Every withdrawal of a movie and its undoing; a movie may be withdrawn again.
CREATE TABLE withdrawals (
    movie_id      bigint NOT NULL,
    withdrawn_at  timestamptz NOT NULL DEFAULT now(),
    reason        text NOT NULL,
    withdrawal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    requested_by  text,
    undone_at     timestamptz,            -- NULL: the movie is withdrawn
    undone_by     text,
    undone_reason text
);
CREATE UNIQUE INDEX withdrawals_one_a_movie ON withdrawals (movie_id) WHERE undone_at IS NULL;

CREATE TABLE erased_users (
    user_id   bigint PRIMARY KEY,         -- the tombstone that ingest consults
    erased_at timestamptz NOT NULL DEFAULT now()
);


-- ------------------------------------------------------------------ staging

-- Where a drop's rows stand between COPY and merge: text as published, with the line they came
-- from. One ingest at a time (it holds the advisory lock 'ingest'). Unlogged: after a crash the
-- drop is read again.
CREATE SCHEMA staging;

-- Ratings that read as what they are meant to be stand as numbers; only the others stay text, for a
-- check to judge them.
CREATE UNLOGGED TABLE staging.ratings (
    file     text NOT NULL,
    line     bigint NOT NULL,
    user_id  bigint NOT NULL,
    movie_id bigint NOT NULL,
    rating   real NOT NULL,
    rated_at timestamptz NOT NULL
);

CREATE UNLOGGED TABLE staging.unread_ratings (
    file     text,
    line     bigint,
    user_id  text,
    movie_id text,
    rating   text,
    rated_at text
);

CREATE UNLOGGED TABLE staging.tags (
    file      text,
    line      bigint,
    user_id   text,
    movie_id  text,
    tag       text,
    tagged_at text
);

CREATE UNLOGGED TABLE staging.users (
    file       text,
    line       bigint,
    user_id    text,
    gender     text,
    age        text,
    occupation text,
    zip_code   text
);

CREATE UNLOGGED TABLE staging.movies (
    file     text,
    line     bigint,
    movie_id text,
    title    text,
    genres   text
);

CREATE UNLOGGED TABLE staging.links (
    file     text,
    line     bigint,
    movie_id text,
    imdb_id  text,
    tmdb_id  text
);

CREATE UNLOGGED TABLE staging.imdb_titles (
    file            text,
    line            bigint,
    movie_id        bigint,
    imdb_id         bigint,
    title_type      text,
    primary_title   text,
    start_year      text,
    runtime_minutes text,
    genres          text
);

CREATE UNLOGGED TABLE staging.imdb_ratings (
    file           text,
    line           bigint,
    imdb_id        bigint,
    average_rating text,
    votes          text
);

CREATE UNLOGGED TABLE staging.imdb_crew (
    file      text,
    line      bigint,
    imdb_id   bigint,
    directors text
);

CREATE UNLOGGED TABLE staging.imdb_principals (
    file     text,
    line     bigint,
    imdb_id  bigint,
    ordering text,
    nconst   text
);

CREATE UNLOGGED TABLE staging.imdb_persons (
    file       text,
    line       bigint,
    nconst     text,
    name       text,
    birth_year text,
    death_year text
);

CREATE UNLOGGED TABLE staging.rejects (
    file      text,
    line      bigint,
    reason    text,
    content   text,
    -- begins with the user's id as the file has it; NULL where the row names no user
    user_text text
);


-- ------------------------------------------------------------------ exams

-- The week's exam: every recipe on the same users, dates and catalogue.
CREATE TABLE exams (
    as_of       date PRIMARY KEY REFERENCES weeks,
    kind        text NOT NULL CHECK (kind IN ('dated', 'leave-newest-out')),
    weeks       integer,                  -- how many the dated exam covers
    cut         timestamptz,              -- the moment at which every fit of a dated exam stops
    fingerprint text NOT NULL,            -- of the ratings that fits may see
    n_users     integer NOT NULL,         -- that decide
    n_ratings   integer NOT NULL,         -- held out
    -- recipe key of the last earlier week's champion at that time
    incumbent   text,
    incumbent_recipe jsonb,
    sketch      bigint[]                  -- of the held-out ratings, to compute exam_overlaps
);

CREATE TABLE exam_overlaps (
    as_of   date NOT NULL REFERENCES exams,
    earlier date NOT NULL REFERENCES exams,
    -- of this exam's held-out ratings that the earlier one held out too
    share   double precision NOT NULL,
    PRIMARY KEY (as_of, earlier)
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


-- ------------------------------------------------------------------ fits and tuning

-- The result of each fit. MLflow keeps the models and may lose them; what is fitted again in a lost
-- model's place must be the same model, and its digest shows whether it is.
CREATE TABLE fits (
    fit_key     text PRIMARY KEY,
    -- sha256 of the model's arrays (names, types, shapes, bytes) and config
    digest      text NOT NULL,
    -- the lost fit that this one was to replace, and differs from
    variant_of  text REFERENCES fits,
    -- of a variant: whether a person has decided a week anew with it
    is_accepted boolean NOT NULL DEFAULT true,
    recipe_key  text NOT NULL,
    recipe      jsonb NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('validation', 'exam', 'refit')),
    as_of       date NOT NULL,            -- the week that it was first made for
    cut         text NOT NULL,            -- up to where it learned
    seed        bigint NOT NULL,
    fingerprint text NOT NULL,            -- of the data that it learned from
    n_ratings   bigint NOT NULL,
    run_id      text NOT NULL,            -- the MLflow run that has it, or had it last
    fitted_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX fits_variants ON fits (variant_of) WHERE variant_of IS NOT NULL;

-- Recipes that could not be fitted for a week: they lose, the others go on, and the report says
-- why.
CREATE TABLE failed_fits (
    as_of      date NOT NULL REFERENCES weeks,
    recipe_key text NOT NULL,
    -- up to the exam's cut, or on all visible ratings
    kind       text NOT NULL CHECK (kind IN ('exam', 'refit')),
    reason     text NOT NULL,
    run_id     text NOT NULL DEFAULT '',  -- of the run in which it was tried
    failed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (as_of, recipe_key, kind)
);

-- What tuning tried, and its results. Optuna only proposes: its trials are rows here, so that a
-- study goes on where it stopped. A study's name says the recipe, the week and a digest of all that
-- its figures depend on (data, seed, code); numbers run from 0.
CREATE TABLE tuning_trials (
    study   text NOT NULL,
    number  integer NOT NULL,
    recipe  jsonb NOT NULL,
    -- NDCG@10 on the validation slice; NULL where the fit failed
    validation_ndcg double precision,
    failure text,                         -- why it failed
    run_id  text NOT NULL,                -- the trial's MLflow run
    PRIMARY KEY (study, number),
    CHECK ((validation_ndcg IS NULL) = (failure IS NOT NULL))
);

-- A recipe that beat its name's default on a study's validation slice. From then on it takes part
-- in every new exam whose recipes are not given.
CREATE TABLE tuned_recipes (
    recipe_key   text NOT NULL,
    study        text NOT NULL,
    name         text NOT NULL,
    recipe       jsonb NOT NULL,
    tuned_for    date NOT NULL REFERENCES weeks,  -- the week on whose snapshot it was tuned
    validation_ndcg double precision NOT NULL,
    default_ndcg double precision NOT NULL,
    n_trials     integer NOT NULL,
    tuned_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (study, recipe_key)
);


-- ------------------------------------------------------------------ decisions

-- What the exam decides of a run's recipes, before a person's answer and the refits; computed once
-- for the same inputs.
CREATE TABLE proposals (
    proposal_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of       date NOT NULL REFERENCES exams,
    run_id      text NOT NULL,            -- the Airflow run, or who ran it elsewhere
    inputs      text NOT NULL,            -- sha256 of all that the decision was computed from
    decision    jsonb NOT NULL,           -- with its comparisons, verdicts and reasons; has a form
    champion    jsonb NOT NULL,           -- its recipe
    -- the recipe that is champion where a person or the gates refuse it
    fallback    jsonb NOT NULL,
    incumbent   text,                     -- the recipe key that it was decided against
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (as_of, run_id, inputs)
);

-- The ledger of decisions: a week is decided once by its exam; a forced decision and a rollback are
-- rows of their own.
CREATE TABLE promotions (
    as_of         date NOT NULL REFERENCES exams,
    decision      text NOT NULL,
    recipe_key    text NOT NULL,
    recipe        jsonb NOT NULL,         -- of the champion from this week on
    model_version text NOT NULL,          -- its version fitted on all that the week may see
    fit_key       text NOT NULL,
    incumbent     text,                   -- the recipe key that was champion before
    comparisons   jsonb NOT NULL,         -- [{challenger, against, mean, low, high}]
    reasons       text[] NOT NULL,
    decided_at    timestamptz NOT NULL DEFAULT now(),
    promotion_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    forced        boolean NOT NULL DEFAULT false,
    -- false: the week was rolled back: deciding it anew moves nothing
    stands        boolean NOT NULL DEFAULT true,
    -- NULL: none was required
    approval      text CHECK (approval IN ('approved', 'rejected', 'timed out')),
    approved_by   text,
    -- what was settled; NULL: a rollback
    proposal_id   bigint REFERENCES proposals,
    -- where the exam had too few users for the minimum effect: how many it takes
    users_needed  bigint,
    fingerprint   text,                   -- of the data that the champion's version was fitted on
    n_ratings     bigint,                 -- how many ratings these were
    git_sha       text,                   -- of the code that decided
    run_id        text NOT NULL DEFAULT '',  -- the Airflow run, or who ran it elsewhere
    CHECK (decision IN ('promoted', 'kept', 'not decided', 'first', 'popularity', 'rolled back',
                        'rolled forward'))
);
CREATE UNIQUE INDEX promotions_week_decided_once ON promotions (as_of)
WHERE NOT forced AND decision NOT IN ('rolled back', 'rolled forward');
CREATE UNIQUE INDEX promotions_run_forced_once ON promotions (as_of, run_id) WHERE forced;

-- Every gate's verdict on every challenger, given whether or not another gate had refused it
-- already.
CREATE TABLE gate_verdicts (
    promotion_id bigint NOT NULL REFERENCES promotions,
    recipe_key   text NOT NULL,
    gate         text NOT NULL,
    passed       boolean NOT NULL,
    -- what was measured, NULL where there was nothing to measure
    figure       double precision,
    bound        double precision,        -- what it was held against
    sentence     text NOT NULL,
    PRIMARY KEY (promotion_id, recipe_key, gate)
);

-- The gates' last verdicts on a recipe fitted on all that the week may see, before it was promoted.
CREATE TABLE refit_verdicts (
    as_of      date NOT NULL REFERENCES exams,
    recipe_key text NOT NULL,
    fit_key    text NOT NULL,
    gate       text NOT NULL,
    passed     boolean NOT NULL,
    figure     double precision,
    bound      double precision,
    sentence   text NOT NULL,
    PRIMARY KEY (as_of, recipe_key, gate)
);

-- Model versions that learned from a user who was erased since, and what took their place.
CREATE TABLE refits (
    model_version text PRIMARY KEY,       -- as MLflow numbers it
    as_of         date NOT NULL REFERENCES weeks,  -- the week on whose snapshot it was fitted
    recipe_key    text NOT NULL,
    recipe        jsonb NOT NULL,
    requested_at  timestamptz NOT NULL DEFAULT now(),
    refitted_as   text,                   -- the version fitted without the user; NULL: not yet
    refitted_at   timestamptz
);

-- A challenger's share of the users, from one week to another. Its recipe takes part in the exams
-- of these weeks too.
CREATE TABLE experiments (
    name        text PRIMARY KEY,
    recipe_key  text NOT NULL,
    recipe      jsonb NOT NULL,
    -- 0: a shadow, which no reader sees
    share       double precision NOT NULL CHECK (share BETWEEN 0 AND 1),
    first_as_of date NOT NULL REFERENCES weeks,
    last_as_of  date NOT NULL CHECK (last_as_of >= first_as_of),
    run_id      text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now()
);


-- ------------------------------------------------------------------ publications

-- One immutable, complete set of recommendations a publication; exactly one is live.
CREATE TABLE publications (
    publication_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- digest of what made it: as_of, watermark, params, model version
    publication_key text NOT NULL UNIQUE,
    as_of           date NOT NULL REFERENCES weeks,
    watermark       bigint NOT NULL,
    params          jsonb NOT NULL,
    recipe_key      text NOT NULL,
    model_version   text NOT NULL,
    n_users         bigint NOT NULL,
    n_rows          bigint NOT NULL,
    n_fallback      bigint NOT NULL,
    -- of all rows in order: the same inputs give the same digest
    rows_sha256     text NOT NULL,
    published_at    timestamptz NOT NULL DEFAULT now(),
    first_live_at   timestamptz,           -- NULL: never live, e.g. a backfill of an older week
    is_live         boolean NOT NULL DEFAULT false,
    dropped_at      timestamptz,           -- when retention deleted its rows
    promotion_id    bigint REFERENCES promotions,  -- NULL: a challenger's own publication
    experiment      text,                  -- the experiment that it is part of
    -- whose lists the users in the challenger's share have
    challenger_id   bigint REFERENCES publications,
    -- a challenger's list for everyone, which no reader sees
    is_shadow       boolean NOT NULL DEFAULT false,
    fit_key         text,                  -- of the model
    fingerprint     text,                  -- of the data that it was fitted on
    n_ratings       bigint,                -- how many ratings these were
    git_sha         text,
    run_id          text NOT NULL DEFAULT '',
    -- Retention counts what went live after a publication was made, or was live itself, so that a
    -- week far in the future ages nothing.
    -- the newest change in live_history when it was made
    made_after      bigint NOT NULL DEFAULT 0,
    -- the publication of a week that it was copied from; NULL: no copy
    copy_of         bigint REFERENCES publications,
    -- movies that the copy lacks, as they were withdrawn
    left_out        bigint[] NOT NULL DEFAULT '{}',
    CHECK (NOT (is_shadow AND is_live))
);
CREATE UNIQUE INDEX publications_one_live ON publications (is_live) WHERE is_live;
CREATE INDEX publications_copies ON publications (copy_of) WHERE copy_of IS NOT NULL;

CREATE TABLE batch_recommendations (
    publication_id bigint NOT NULL,
    user_id        bigint NOT NULL,
    rank           integer NOT NULL,
    movie_id       bigint NOT NULL,
    score          real NOT NULL,          -- comparable within one user's rows of one source
    source         text NOT NULL,          -- model | fallback
    arm            text,                   -- champion | challenger, while an experiment lasts
    PRIMARY KEY (publication_id, user_id, rank)
) PARTITION BY LIST (publication_id);

-- What score_users computed, before the rules of batch_recommendations.sql. Unlogged: scored_shards
-- shows when a crash emptied it. Without an index: candidates come by the million, are read whole
-- and deleted again, and an index takes twice the time of the rows themselves.
CREATE UNLOGGED TABLE candidates (
    publication_key text NOT NULL,
    shard           integer NOT NULL,
    user_id         bigint NOT NULL,
    movie_id        bigint NOT NULL,
    score           real NOT NULL
);

CREATE TABLE scored_shards (
    publication_key text NOT NULL,
    shard           integer NOT NULL,
    n_shards        integer NOT NULL,
    n_rows          bigint NOT NULL,
    PRIMARY KEY (publication_key, shard)
);

-- Rows that an erasure took from a publication, and the digest of what it left: the publication's
-- own counts and digest say what was published. Nothing here says whose rows they were.
CREATE TABLE publication_erasures (
    erasure_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint NOT NULL REFERENCES publications,
    n_rows         bigint NOT NULL,       -- deleted
    rows_sha256    text NOT NULL,         -- of all that was left then
    erased_at      timestamptz NOT NULL DEFAULT now()
);


-- ------------------------------------------------------------------ what is live

-- What was live when, by whom and why.
CREATE TABLE live_history (
    seq            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    publication_id bigint NOT NULL REFERENCES publications,
    as_of          date NOT NULL,         -- the newest week that had ever been live then
    cause          text NOT NULL,
    reason         text,
    requested_by   text,
    run_id         text NOT NULL DEFAULT '',
    -- and not the transaction's beginning: making a publication takes time
    went_live_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (cause IN ('published', 'rolled back', 'rolled forward', 'by hand'))
);

-- The newest change of what is live, as a plan knows it; why a plan must know it stands beside the
-- view recommendations. It is no view's text but a value: each change replaces the function in its
-- own transaction. So it is here, is made once, and applying views again leaves it alone.
CREATE FUNCTION newest_change_of_live() RETURNS bigint LANGUAGE sql STABLE RETURN 0::bigint;

COMMENT ON FUNCTION newest_change_of_live() IS
    'The newest row of live_history, as a plan knows it: replaced with each change.';

-- Weeks that a person retired, a mistyped year among them.
CREATE TABLE retirements (
    retirement_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of          date NOT NULL REFERENCES weeks,
    reason         text NOT NULL,
    requested_by   text NOT NULL,
    run_id         text NOT NULL DEFAULT '',
    retired_at     timestamptz NOT NULL DEFAULT now(),
    -- the week's own that readers saw until then; NULL: they saw another
    publication_id bigint REFERENCES publications,
    undone_at      timestamptz,           -- NULL: the week is retired
    undone_by      text,
    undone_reason  text
);
CREATE UNIQUE INDEX retirements_one_a_week ON retirements (as_of) WHERE undone_at IS NULL;


-- ------------------------------------------------------------------ watching

-- What became of the lists that were published, whether the data still are what they were, and how
-- long each step took.

-- A week's lists, judged once by what their users rated while the lists were live, and liked.
CREATE TABLE observed_hits (
    as_of          date NOT NULL REFERENCES weeks,        -- the week that judged
    publication_id bigint NOT NULL REFERENCES publications,
    -- the week whose lists they are: rated from then until as_of
    since          date NOT NULL REFERENCES weeks,
    arm            text NOT NULL
                   CHECK (arm IN ('all', 'champion', 'challenger', 'challenger - champion')),
    -- of the first row of a user's list
    source         text NOT NULL CHECK (source IN ('all', 'model', 'fallback')),
    recipe_key     text NOT NULL,
    metric         text NOT NULL,
    -- a mean over users, or the difference of two
    value          double precision NOT NULL,
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

-- What a reader of the ledger needs to know of a run: Airflow may have deleted it by then.
CREATE TABLE runs (
    run_id     text PRIMARY KEY,          -- as in publications and promotions
    kind       text NOT NULL,             -- scheduled, backfill or manual, as Airflow says
    started_by text,                      -- NULL where nobody is named, as for the schedule
    started_at timestamptz NOT NULL DEFAULT now()  -- the first time, where the run was cleared
);

-- Each step of a run, and its cost: time, memory, rows. It is the one table that grows when a week
-- is run again.
CREATE TABLE step_times (
    as_of      date NOT NULL,
    run_id     text NOT NULL,
    step       text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds    double precision NOT NULL,
    -- of a step that a run takes several times: which recipe, which shard
    part       text NOT NULL DEFAULT '',
    -- the most memory that its process had resident; NULL: not measured
    peak_bytes bigint,
    -- NULL: its work was done already, or it works on no rows to speak of
    n_rows     bigint,
    PRIMARY KEY (as_of, run_id, step, part, started_at)
);


-- ------------------------------------------------------------------ roles

-- recsys_reader (sql/bootstrap.sql) may read the views recommendations and catalogue, which grant
-- it that themselves, and nothing else.
GRANT USAGE ON SCHEMA public TO recsys_reader;
