-- Model versions that learned from a user who was erased since, and what took their place.
CREATE TABLE refits (
    model_version text PRIMARY KEY,       -- as MLflow numbers it
    as_of         date NOT NULL REFERENCES weeks,  -- the week on whose snapshot it was fitted
    recipe_key    text NOT NULL,
    recipe        jsonb NOT NULL,
    wanted_at     timestamptz NOT NULL DEFAULT now(),
    refitted_as   text,                   -- the version fitted without the user; NULL: not yet
    refitted_at   timestamptz
);
