-- Recipes that could not be fitted for a week: they lose, the others go on, and the report says why.

CREATE TABLE failed_fits (
    as_of      date NOT NULL REFERENCES weeks,
    recipe_key text NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('exam', 'refit')),  -- up to the exam's cut, or on all that the week may see
    reason     text NOT NULL,
    run_id     text NOT NULL DEFAULT '',  -- of the run in which it was tried
    failed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (as_of, recipe_key, kind)
);
