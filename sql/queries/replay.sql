-- The weeks one after another: what the page of all weeks shows, and where a replay stands. Retired
-- weeks are not on the page.

-- name: week_lines(until)
-- Each week, how it was decided, and what readers had: after a rollback, or where a past week was
-- decided anew, that is another recipe's than the decision's.
SELECT w.as_of, d.decision, d.recipe_key AS decided,
       coalesce(p.recipe_key, d.recipe_key) AS champion, d.reasons, e.n_users,
       p.publication_id, EXISTS (SELECT FROM live_history h WHERE h.as_of = w.as_of) AS was_live
FROM weeks w
LEFT JOIN exams e USING (as_of)
LEFT JOIN week_decisions d USING (as_of)
LEFT JOIN week_publications v USING (as_of)
LEFT JOIN publications p USING (publication_id)
WHERE w.as_of <= coalesce(%(until)s::date, 'infinity')
  AND w.as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY w.as_of;

-- name: exam_scores(metric, until)
-- Each recipe's score in each week's exam.
SELECT as_of, recipe_key, value FROM exam_results
WHERE slice = 'all' AND metric = %(metric)s AND as_of <= coalesce(%(until)s::date, 'infinity')
  AND as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY recipe_key, as_of;

-- name: observed(metric, until)
-- The observed figures of the lists that readers had from a week on, and of the challengers' own
-- lists of that week. While readers had two arms, there is a row for each arm. Where two weeks
-- judged the same time, the row of the earlier week counts.
SELECT DISTINCT ON (r.since, p.is_shadow, r.publication_id, r.arm)
       r.since AS as_of, r.publication_id, r.recipe_key,
       r.arm = 'challenger' OR p.is_shadow AS is_challenger, r.value, r.low, r.high, r.n
FROM observed_hits r JOIN publications p USING (publication_id)
WHERE r.metric = %(metric)s
  AND r.source = 'all'
  AND r.as_of <= coalesce(%(until)s::date, 'infinity')
  AND r.as_of NOT IN (SELECT as_of FROM retired_weeks)
  AND r.since NOT IN (SELECT as_of FROM retired_weeks)
  AND (r.arm IN ('champion', 'challenger')
       OR r.arm = 'all' AND NOT EXISTS (SELECT FROM observed_hits o
                                        WHERE (o.as_of, o.publication_id)
                                            = (r.as_of, r.publication_id)
                                          AND o.arm = 'champion'))
ORDER BY r.since, p.is_shadow, r.publication_id, r.arm, r.as_of;

-- name: flips(until)
-- What a person made live, and in which week.
SELECT h.as_of, h.cause, h.publication_id, p.recipe_key, coalesce(h.reason, '') AS reason
FROM live_history h JOIN publications p USING (publication_id)
WHERE h.cause <> 'published' AND h.as_of <= coalesce(%(until)s::date, 'infinity')
  AND h.as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY h.seq;

-- name: drift_figures(until)
SELECT as_of, measure, value, low, high, coalesce(drifted, false) AS drifted, sentence
FROM drift WHERE value IS NOT NULL AND as_of <= coalesce(%(until)s::date, 'infinity')
  AND as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY measure, as_of;

-- name: times(until)
-- How long each step of a week took when it first succeeded, in the runs that made its
-- publications: running the week again changes nothing. A page that ends with a week is drawn
-- before that week's last step is timed. Retired weeks are left out.
WITH publishing AS (SELECT as_of, run_id FROM publications WHERE NOT is_shadow),
first AS (
    SELECT DISTINCT ON (as_of, step, part) as_of, step, seconds
    FROM step_times
    WHERE (as_of, run_id) IN (SELECT as_of, run_id FROM publishing)
      OR as_of NOT IN (SELECT as_of FROM publishing)
    ORDER BY as_of, step, part, started_at
)
SELECT as_of, step, sum(seconds) AS seconds
FROM first
WHERE as_of <= coalesce(%(until)s::date, 'infinity')
  AND (as_of, step) IS DISTINCT FROM (%(until)s::date, 'report_week')
  AND as_of NOT IN (SELECT as_of FROM retired_weeks)
GROUP BY as_of, step ORDER BY as_of, step;

-- name: finished()
-- Weeks of which nothing is left to do: published, and their last step was timed.
SELECT DISTINCT p.as_of
FROM publications p
JOIN step_times t USING (as_of)
WHERE NOT p.is_shadow AND t.step = 'report_week';
