-- The ledger of drops and weeks.

-- name: has_schema()
-- Whether the database has been migrated.
SELECT to_regclass('drops') IS NOT NULL AND to_regclass('staging.rejects') IS NOT NULL AS ok;

-- name: newest_revision(source, drop_date)
-- The drop of that date as it was last met.
SELECT drop_id, sha256, files, state, counts
FROM drops
WHERE source = %(source)s AND drop_date = %(drop_date)s
ORDER BY revision DESC
LIMIT 1;

-- name: is_needed(source, drop_date, as_of)
-- Whether a week cannot do without this drop's files: not once its own drops are in, nor where the
-- drop itself has been taken in, or refused by another week. A drop that was never met is needed.
SELECT NOT EXISTS (SELECT FROM weeks WHERE as_of = %(as_of)s AND ingested_at IS NOT NULL)
   AND coalesce((SELECT state = 'registered' OR (state = 'refused' AND admitted_for = %(as_of)s)
                 FROM drops
                 WHERE source = %(source)s AND drop_date = %(drop_date)s
                 ORDER BY revision DESC
                 LIMIT 1),
                true) AS ok;

-- name: register_drop(source, drop_date, sha256, files, admitted_for)
-- A drop is met for the first time, or with other checksums than its newest revision: then this is
-- the next one.
INSERT INTO drops (source, drop_date, revision, sha256, files, admitted_for)
SELECT %(source)s, %(drop_date)s, coalesce(max(revision), 0) + 1, %(sha256)s, %(files)s,
       %(admitted_for)s
FROM drops WHERE source = %(source)s AND drop_date = %(drop_date)s;

-- name: newest_drop_known()
-- What a watermark is set to.
SELECT coalesce(max(drop_id), 0) AS drop_id FROM drops;

-- name: drops_to_ingest(watermark, as_of, sources)
-- The newest revisions up to the watermark that no week has taken in, oldest first; and those that
-- this very week met and refused, so that running it again says so again. A drop that another week
-- refused waits for its revision, unless that week is retired: then the drop's own week says so.
SELECT drop_id, source, drop_date, revision, sha256, state
FROM drops
WHERE drop_id <= %(watermark)s
  AND (state = 'registered' OR (state = 'refused' AND admitted_for = %(as_of)s)
       OR (state = 'refused' AND drop_date = %(as_of)s
           AND admitted_for IN (SELECT as_of FROM retired_weeks)))
  AND NOT EXISTS (
      SELECT FROM drops later
      WHERE (later.source, later.drop_date) = (drops.source, drops.drop_date)
        AND later.revision > drops.revision AND later.drop_id <= %(watermark)s)
ORDER BY drop_date, array_position(%(sources)s::text[], source), revision;

-- name: settle_drop(drop_id, state, counts, reason, population)
UPDATE drops
SET state = %(state)s, counts = %(counts)s, reason = %(reason)s, population = %(population)s,
    settled_at = now()
WHERE drop_id = %(drop_id)s;

-- name: forget_rejected(drop_id)
-- A drop that is read again stores its rejected rows again.
DELETE FROM rejected_rows WHERE drop_id = %(drop_id)s;

-- name: keep_rejected(drop_id)
INSERT INTO rejected_rows (drop_id, file, line, reason, content, user_id)
SELECT DISTINCT ON (file, line) %(drop_id)s, file, line, reason, left(content, 2000),
       staging.user_of(user_text)
FROM staging.rejects ORDER BY file, line, reason;

-- name: population()
-- The population whose users this database holds, once a drop has named it.
SELECT population, source, drop_date
FROM drops
WHERE population IS NOT NULL AND state = 'ingested'
ORDER BY drop_id
LIMIT 1;

-- name: week(as_of)
SELECT as_of, watermark, params, resolved_late, ingested_at FROM weeks WHERE as_of = %(as_of)s;

-- name: newest_weeks()
-- What the ledger has, for the message about a week that it does not have.
SELECT as_of FROM weeks ORDER BY as_of DESC LIMIT 5;

-- name: open_week(as_of, watermark, params, resolved_late)
-- First resolved: the parameters stay. Until its drops are in, resolving it again moves the
-- watermark.
INSERT INTO weeks (as_of, watermark, params, resolved_late)
VALUES (%(as_of)s, %(watermark)s, %(params)s, %(resolved_late)s)
ON CONFLICT (as_of) DO UPDATE
SET watermark = excluded.watermark, resolved_late = excluded.resolved_late
WHERE weeks.ingested_at IS NULL;

-- name: mend_week(as_of, params)
-- A week that was stored with impossible parameters.
UPDATE weeks SET params = %(params)s WHERE as_of = %(as_of)s;

-- name: week_taken_in(as_of)
-- The newest week, up to a date if one is given, whose drops are in.
SELECT as_of, watermark, params, resolved_late FROM weeks
WHERE ingested_at IS NOT NULL
  AND as_of <= coalesce(%(as_of)s, 'infinity'::date)
  AND as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY as_of DESC LIMIT 1;

-- name: is_late(as_of)
-- Whether a later week has already had its drops: then the watermark is later than this week's
-- time.
SELECT EXISTS (
    SELECT FROM weeks
    WHERE as_of > %(as_of)s
      AND ingested_at IS NOT NULL
      AND as_of NOT IN (SELECT as_of FROM retired_weeks)) AS late;

-- name: undecided_before(as_of)
-- Earlier weeks that began and were not decided: a champion that comes of them comes too late for
-- this week.
SELECT as_of FROM weeks w
WHERE as_of < %(as_of)s AND NOT EXISTS (SELECT FROM promotions p WHERE p.as_of = w.as_of)
  AND as_of NOT IN (SELECT as_of FROM retired_weeks)
ORDER BY as_of;

-- name: close_ingest(as_of, watermark)
-- The week's drops are in: from here on its watermark stands.
UPDATE weeks
SET ingested_at = now()
WHERE as_of = %(as_of)s AND watermark = %(watermark)s AND ingested_at IS NULL;

-- name: first_rejected(drop_id, n_rows)
-- The first rejected rows of one drop.
SELECT file, line, reason
FROM rejected_rows
WHERE drop_id = %(drop_id)s
ORDER BY file, line
LIMIT %(n_rows)s;

-- name: drops_of_week(as_of, watermark)
-- What came in with a week, and what was refused, for its report.
SELECT source, drop_date, revision, state, counts, reason
FROM drops WHERE admitted_for = %(as_of)s AND drop_id <= %(watermark)s ORDER BY drop_id;

-- name: rejected_sample(as_of, watermark)
-- The first rejected rows of a week's drops.
SELECT d.source, d.drop_date, r.file, r.line, r.reason
FROM rejected_rows r JOIN drops d USING (drop_id)
WHERE d.admitted_for = %(as_of)s AND d.drop_id <= %(watermark)s
ORDER BY d.drop_id, r.file, r.line LIMIT 10;
