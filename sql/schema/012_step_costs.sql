-- What a step of a run cost besides its time: the memory that its process held, and how many rows it worked on.

ALTER TABLE step_times
    ADD COLUMN part text NOT NULL DEFAULT '',     -- of a step that a run takes several times: which recipe, which shard
    ADD COLUMN peak_bytes bigint,                 -- the most that its process had resident meanwhile; NULL: not measured
    ADD COLUMN n_rows bigint,                     -- NULL: it found its work done, or works on no rows to speak of
    DROP CONSTRAINT step_times_pkey,
    ADD PRIMARY KEY (as_of, run_id, step, part, started_at);
