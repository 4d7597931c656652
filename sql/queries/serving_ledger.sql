-- The ledger, as the API answers: publications, model versions, weeks, experiments.

-- name: publications(n, offset)
-- All publications, the newest first; a challenger's own are among them.
SELECT json_build_object(
           'total', (SELECT count(*) FROM api.pages_publications),
           'items', coalesce(
               json_agg(
                   json_build_object(
                       'publication', p.publication_id,
                       'as_of', p.as_of,
                       'is_live', p.is_live,
                       'live', p.live,
                       'recipe', p.recipe_key,
                       'model_version', p.model_version,
                       'n_users', p.n_users,
                       'n_rows', p.n_rows,
                       'n_fallback', p.n_fallback,
                       'rows_sha256', p.rows_sha256,
                       'published_at', p.published_at,
                       'rows_deleted_at', p.dropped_at,
                       'decision', p.decision,
                       'experiment', p.experiment,
                       'is_shadow', p.is_shadow,
                       'challenger_publication', p.challenger_id,
                       'copy_of', p.copy_of,
                       'movies_left_out', coalesce(p.left_out, '{}'))
                   ORDER BY p.publication_id DESC),
               '[]'))
FROM (SELECT publication_id, as_of, is_live, live, recipe_key, model_version, n_users, n_rows,
             n_fallback, rows_sha256, published_at, dropped_at, decision, experiment, is_shadow,
             challenger_id, copy_of, left_out
      FROM api.publication_lineage
      ORDER BY publication_id DESC
      LIMIT %(n)s::bigint OFFSET %(offset)s::bigint) p;

-- name: models(n, offset)
-- Each model version that made a publication, the newest first: where it came from, what its recipe
-- had in the exam of its week, and which publications it made.
SELECT json_build_object(
           'total', coalesce(max(v.total), 0),
           'items', coalesce(
               json_agg(
                   json_build_object(
                       'model_version', v.model_version,
                       'recipe', v.recipe_key,
                       'as_of', v.as_of,
                       'fit_key', v.fit_key,
                       'run_id', f.run_id,
                       'fitted_at', f.fitted_at,
                       'cut', f.cut,
                       'n_ratings', v.n_ratings,
                       'exam_ndcg', e.value,
                       'is_live', v.is_live,
                       'publications', v.publications)
                   ORDER BY v.newest DESC)
               FILTER (WHERE v.place > %(offset)s::bigint
                         AND v.place <= %(offset)s::bigint + %(n)s::bigint),
               '[]'))
FROM (SELECT model_version, recipe_key, min(as_of) AS as_of, min(fit_key) AS fit_key,
             min(n_ratings) AS n_ratings, bool_or(is_live) AS is_live,
             json_agg(publication_id ORDER BY publication_id) AS publications,
             max(publication_id) AS newest, count(*) OVER () AS total,
             row_number() OVER (ORDER BY max(publication_id) DESC) AS place
      FROM api.pages_publications
      GROUP BY model_version, recipe_key) v
LEFT JOIN api.pages_fits f USING (fit_key)
LEFT JOIN api.pages_exam_results e
       ON (e.as_of, e.recipe_key, e.slice, e.metric) = (v.as_of, v.recipe_key, 'all', 'NDCG@10');

-- name: week(as_of)
-- A week: what it was given, what its drops brought, its exam, its decision with what each gate
-- said, its drift, what it published, what it cost.
SELECT json_build_object(
           'as_of', w.as_of,
           'watermark', w.watermark,
           'params', w.params,
           'resolved_late', w.resolved_late,
           'ingested_at', w.ingested_at,
           'is_retired', w.is_retired,
           'drops', (
               SELECT coalesce(json_agg(
                   json_build_object(
                       'source', d.source,
                       'drop_date', d.drop_date,
                       'revision', d.revision,
                       'state', d.state,
                       'reason', d.reason,
                       'counts', d.counts)
                   ORDER BY d.drop_id), '[]')
               FROM api.pages_drops d
               WHERE d.admitted_for = w.as_of),
           'exam', CASE WHEN w.exam_kind IS NOT NULL THEN json_build_object(
               'kind', w.exam_kind,
               'weeks', w.exam_weeks,
               'cut', w.cut,
               'n_users', w.exam_users,
               'n_ratings', w.exam_ratings,
               'results', (
                   SELECT coalesce(json_object_agg(r.recipe_key, r.metrics), '{}')
                   FROM (SELECT recipe_key, json_object_agg(metric, value) AS metrics
                         FROM api.pages_exam_results
                         WHERE as_of = w.as_of AND slice = 'all'
                         GROUP BY recipe_key) r),
               'not_fitted', (
                   SELECT coalesce(json_agg(
                       json_build_object('recipe', f.recipe_key, 'reason', f.reason)
                       ORDER BY f.recipe_key, f.kind), '[]')
                   FROM api.pages_failed_fits f
                   WHERE f.as_of = w.as_of)) END,
           'decision', CASE WHEN w.decision IS NOT NULL THEN json_build_object(
               'decision', w.decision,
               'champion', w.decided,
               'incumbent', w.incumbent,
               'comparisons', w.comparisons,
               'reasons', w.reasons,
               'decided_at', w.decided_at,
               'forced', w.forced,
               'approval', w.approval,
               'gates', (
                   SELECT coalesce(json_agg(
                       json_build_object(
                           'recipe', g.recipe_key,
                           'gate', g.gate,
                           'passed', g.passed,
                           'figure', g.figure,
                           'bound', g.bound,
                           'sentence', g.sentence)
                       ORDER BY g.recipe_key, g.gate), '[]')
                   FROM api.pages_gate_verdicts g
                   WHERE g.promotion_id = w.promotion_id)) END,
           'drift', (
               SELECT coalesce(json_agg(
                   json_build_object(
                       'measure', d.measure,
                       'value', d.value,
                       'low', d.low,
                       'high', d.high,
                       'drifted', d.drifted,
                       'sentence', d.sentence)
                   ORDER BY d.measure), '[]')
               FROM api.pages_drift d
               WHERE d.as_of = w.as_of),
           'publication', w.publication_id,
           'was_live', w.was_live,
           'seconds', (
               SELECT sum(s.seconds)
               FROM api.pages_step_times s
               JOIN api.pages_publications p USING (run_id)
               WHERE s.as_of = w.as_of AND p.publication_id = w.publication_id))
FROM api.pages_weeks w
WHERE w.as_of = %(as_of)s::date;

-- name: experiments(n, offset)
-- All experiments, the newest first, with what was observed of their lists.
SELECT json_build_object(
           'total', (SELECT count(*) FROM api.pages_experiments),
           'items', coalesce(
               json_agg(
                   json_build_object(
                       'name', x.name,
                       'recipe', x.recipe_key,
                       'share', x.share,
                       'first_as_of', x.first_as_of,
                       'last_as_of', x.last_as_of,
                       'created_at', x.created_at,
                       'observed', (
                           SELECT coalesce(json_agg(
                               json_build_object(
                                   'as_of', h.as_of,
                                   'publication', h.publication_id,
                                   'arm', h.arm,
                                   'metric', h.metric,
                                   'value', h.value,
                                   'low', h.low,
                                   'high', h.high,
                                   'n', h.n)
                               ORDER BY h.as_of, h.publication_id, h.metric, h.arm), '[]')
                           FROM api.pages_observed_hits h
                           JOIN api.pages_publications p USING (publication_id)
                           WHERE p.experiment = x.name AND h.source = 'all' AND h.arm <> 'all'))
                   ORDER BY x.created_at DESC, x.name),
               '[]'))
FROM (SELECT name, recipe_key, share, first_as_of, last_as_of, created_at
      FROM api.pages_experiments
      ORDER BY created_at DESC, name
      LIMIT %(n)s::bigint OFFSET %(offset)s::bigint) x;
