-- What a reader of the ledger needs to know of a run: Airflow may have deleted it by then.
CREATE TABLE runs (
    run_id      text PRIMARY KEY,                       -- as in publications and promotions
    kind        text NOT NULL,                          -- scheduled, backfill or manual, as Airflow says
    started_by  text,                                   -- NULL where nobody is named, as for the schedule
    started_at  timestamptz NOT NULL DEFAULT now()      -- the first time, where the run was cleared
);
