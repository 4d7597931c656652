-- What the steps of a run cost.

-- name: keep_cost(as_of, run_id, step, part, seconds, peak_bytes, n_rows)
-- A step that has just ended.
INSERT INTO step_times (as_of, run_id, step, part, started_at, seconds, peak_bytes, n_rows)
VALUES (%(as_of)s, %(run_id)s, %(step)s, %(part)s,
        clock_timestamp() - make_interval(secs => %(seconds)s),
        %(seconds)s, %(peak_bytes)s, %(n_rows)s);

-- name: costs_of_run(as_of, run_id)
-- Each step as the run got through it first, in that order: run again, it finds its work done.
SELECT step, part, seconds, peak_bytes, n_rows
FROM (
    SELECT DISTINCT ON (step, part) * FROM step_times
    WHERE as_of = %(as_of)s AND run_id = %(run_id)s
    ORDER BY step, part, started_at
) AS first
ORDER BY started_at;
