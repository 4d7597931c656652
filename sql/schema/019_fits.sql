-- What each fit came to. MLflow keeps the models and may lose them; what is fitted again in a lost model's place must be the same
-- model, which its digest tells.

CREATE TABLE fits (
    fit_key     text PRIMARY KEY,
    digest      text NOT NULL,            -- sha256 of the model's arrays (names, types, shapes, bytes) and its config
    variant_of  text REFERENCES fits,     -- the fit that this one is another outcome of: that was lost, and fitted again it differed
    is_accepted boolean NOT NULL DEFAULT true,  -- of a variant: whether a person has had a week decided anew with it
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
