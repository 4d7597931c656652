-- Staging → checks → merge. Each statement sees one drop, between COPY and the merge that makes it
-- fact.

-- name: empty_staging()
TRUNCATE staging.ratings, staging.unread_ratings, staging.tags, staging.users, staging.movies,
         staging.links, staging.rejects,
         staging.imdb_titles, staging.imdb_ratings, staging.imdb_crew, staging.imdb_principals,
         staging.imdb_persons;

-- name: copy_ratings()
COPY staging.ratings (file, line, user_id, movie_id, rating, rated_at) FROM STDIN (FORMAT binary);

-- name: copy_unread_ratings()
COPY staging.unread_ratings (file, line, user_id, movie_id, rating, rated_at)
FROM STDIN (FORMAT csv);

-- name: copy_tags()
COPY staging.tags (file, line, user_id, movie_id, tag, tagged_at) FROM STDIN (FORMAT csv);

-- name: copy_users()
COPY staging.users (file, line, user_id, gender, age, occupation, zip_code) FROM STDIN (FORMAT csv);

-- name: copy_movies()
COPY staging.movies (file, line, movie_id, title, genres) FROM STDIN (FORMAT csv);

-- name: copy_links()
COPY staging.links (file, line, movie_id, imdb_id, tmdb_id) FROM STDIN (FORMAT csv);

-- name: copy_imdb_titles()
COPY staging.imdb_titles (file, line, movie_id, imdb_id, title_type, primary_title, start_year,
                          runtime_minutes, genres)
FROM STDIN (FORMAT csv);

-- name: copy_imdb_ratings()
COPY staging.imdb_ratings (file, line, imdb_id, average_rating, votes) FROM STDIN (FORMAT csv);

-- name: copy_imdb_crew()
COPY staging.imdb_crew (file, line, imdb_id, directors) FROM STDIN (FORMAT csv);

-- name: copy_imdb_principals()
COPY staging.imdb_principals (file, line, imdb_id, ordering, nconst) FROM STDIN (FORMAT csv);

-- name: copy_imdb_persons()
COPY staging.imdb_persons (file, line, nconst, name, birth_year, death_year)
FROM STDIN (FORMAT csv);

-- name: copy_rejects()
COPY staging.rejects (file, line, reason, content, user_text) FROM STDIN (FORMAT csv);

-- name: forget_erased()
-- A drop's rows of users who were erased are left out, and not counted as rejected.
WITH gone_ratings AS (DELETE FROM staging.ratings s
                      USING erased_users e
                      WHERE s.user_id = e.user_id),
     gone_unread AS (DELETE FROM staging.unread_ratings s
                     USING erased_users e
                     WHERE staging.user_of(s.user_id) = e.user_id),
     gone_tags AS (DELETE FROM staging.tags s
                   USING erased_users e
                   WHERE staging.user_of(s.user_id) = e.user_id),
     gone_users AS (DELETE FROM staging.users s
                    USING erased_users e
                    WHERE staging.user_of(s.user_id) = e.user_id)
DELETE FROM staging.rejects s USING erased_users e
WHERE staging.user_of(s.user_text) = e.user_id;

-- ---------------- checks: what is set aside, and why
-- Each row is judged alone first, then among those without a fault: of several rows about one thing
-- the first valid one is kept.

-- name: reject_movies()
-- A movie needs a number and a title, and has one row in a drop.
WITH single AS (
    SELECT file, line, movie_id, concat_ws('|', movie_id, title, genres) AS content,
           CASE WHEN NOT staging.is_number(movie_id, 18)
                    THEN format('movieId %L is not a whole number', left(movie_id, 100))
                WHEN btrim(title) = '' THEN 'the title is empty'
                WHEN concat(title, genres) ~ '[\n\r]'
                    THEN 'a line break in title or genres: is a quote left open?'
           END AS fault
    FROM staging.movies
), judged AS (
    SELECT file, line, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, ltrim(movie_id, '0')
                                        ORDER BY line) > 1
                    THEN format('movieId %s is in an earlier line too', movie_id)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content)
    SELECT file, line, reason, content FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.movies s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_links()
-- Ids are numbers, or empty where the publisher has none.
WITH single AS (
    SELECT file, line, movie_id, concat_ws('|', movie_id, imdb_id, tmdb_id) AS content,
           CASE WHEN NOT staging.is_number(movie_id, 18)
                    THEN format('movieId %L is not a whole number', left(movie_id, 100))
                WHEN imdb_id !~ '^(tt)?[0-9]{0,17}$'
                    THEN format('imdbId %L is not a number', left(imdb_id, 100))
                WHEN tmdb_id <> '' AND NOT staging.is_number(tmdb_id, 18)
                    THEN format('tmdbId %L is not a number', left(tmdb_id, 100))
           END AS fault
    FROM staging.links
), judged AS (
    SELECT file, line, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, ltrim(movie_id, '0')
                                        ORDER BY line) > 1
                    THEN format('movieId %s is in an earlier line too', movie_id)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content)
    SELECT file, line, reason, content FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.links s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_users()
WITH single AS (
    SELECT file, line, user_id,
           concat_ws('|', user_id, gender, age, occupation, zip_code) AS content,
           CASE WHEN NOT staging.is_number(user_id, 18)
                    THEN format('userId %L is not a whole number', left(user_id, 100))
                WHEN staging.is_issued(user_id::bigint) THEN staging.issued_fault(user_id)
                WHEN age <> '' AND NOT staging.is_number(age, 3)
                    THEN format('age %L is not a number of years', left(age, 100))
           END AS fault
    FROM staging.users
), judged AS (
    SELECT file, line, user_id, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, ltrim(user_id, '0')
                                        ORDER BY line) > 1
                    THEN format('userId %s is in an earlier line too', user_id)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content, user_text)
    SELECT file, line, reason, content, user_id
    FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.users s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_ratings_of_issued_users()
-- Of a publisher's drop: numbers that the API issues are of other people.
WITH set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content, user_text)
    SELECT file, line, staging.issued_fault(user_id),
           concat_ws('|', user_id, movie_id, rating, rated_at), user_id
    FROM staging.unread_ratings
    WHERE CASE WHEN staging.is_number(user_id, 18) THEN staging.is_issued(user_id::bigint) END
    RETURNING file, line
)
DELETE FROM staging.unread_ratings s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_unread_ratings()
-- Half stars from 0.5 to 5, at a time in seconds since 1970 that lies between 1990 and 2100. Valid
-- values in unusual notation, as a rating of 4.50, are accepted.
WITH judged AS (
    SELECT file, line, user_id, movie_id, rating, rated_at,
           CASE WHEN NOT staging.is_number(user_id, 18)
                    THEN format('userId %L is not a whole number', left(user_id, 100))
                WHEN NOT staging.is_number(movie_id, 18)
                    THEN format('movieId %L is not a whole number', left(movie_id, 100))
                WHEN rating !~ '^(0?\.50*|[1-4](\.[05]0*)?|5(\.0+)?)$'
                    THEN format('rating %L is not between 0.5 and 5 in half stars',
                                left(rating, 100))
                WHEN NOT staging.is_number(rated_at, 10)
                    THEN format('timestamp %L is not in seconds since 1970', left(rated_at, 100))
                WHEN rated_at::bigint NOT BETWEEN 631152000 AND 4102444799
                    THEN format('timestamp %s is not between 1990 and 2100', rated_at)
           END AS reason
    FROM staging.unread_ratings
), sound AS (
    INSERT INTO staging.ratings (file, line, user_id, movie_id, rating, rated_at)
    SELECT file, line, user_id::bigint, movie_id::bigint, rating::real,
           to_timestamp(rated_at::bigint)
    FROM judged
    WHERE reason IS NULL
)
INSERT INTO staging.rejects (file, line, reason, content, user_text)
SELECT file, line, reason, concat_ws('|', user_id, movie_id, rating, rated_at), user_id
FROM judged
WHERE reason IS NOT NULL;

-- name: reject_repeated_ratings()
-- One rating for a user, movie and second: of several lines the first is kept. The reason names no
-- user: it outlives an erasure.
WITH judged AS (
    SELECT file, line, user_id, movie_id, rating, rated_at,
           lag(line) OVER (PARTITION BY user_id, movie_id, rated_at ORDER BY line) AS earlier
    FROM staging.ratings
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content, user_text)
    SELECT file, line, format('the same user, movie and time are in line %s too', earlier),
           staging.as_published(user_id, movie_id, rating, rated_at), user_id::text
    FROM judged WHERE earlier IS NOT NULL RETURNING file, line
)
DELETE FROM staging.ratings s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_ratings_of_unknown_movies()
-- A rating is of a movie that is in this drop or an earlier one.
WITH catalogue_ids AS MATERIALIZED (
    SELECT movie_id FROM movies UNION SELECT movie_id::bigint FROM staging.movies
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content, user_text)
    SELECT file, line, format('movie %s is in no movies file so far', movie_id),
           staging.as_published(user_id, movie_id, rating, rated_at), user_id::text
    FROM staging.ratings s
    WHERE NOT EXISTS (SELECT FROM catalogue_ids c WHERE c.movie_id = s.movie_id)
    RETURNING file, line
)
DELETE FROM staging.ratings s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_tags()
WITH judged AS (
    SELECT file, line, user_id,
           left(concat_ws('|', user_id, movie_id, tag, tagged_at), 2000) AS content,
           CASE WHEN NOT staging.is_number(user_id, 18)
                    THEN format('userId %L is not a whole number', left(user_id, 100))
                WHEN staging.is_issued(user_id::bigint) THEN staging.issued_fault(user_id)
                WHEN NOT staging.is_number(movie_id, 18)
                    THEN format('movieId %L is not a whole number', left(movie_id, 100))
                WHEN btrim(tag) = '' THEN 'the tag is empty'
                WHEN octet_length(tag) > 2000
                    THEN format('the tag has %s bytes, more than 2,000', octet_length(tag))
                WHEN NOT staging.is_number(tagged_at, 10)
                    THEN format('timestamp %L is not in seconds since 1970', left(tagged_at, 100))
                WHEN tagged_at::bigint NOT BETWEEN 631152000 AND 4102444799
                    THEN format('timestamp %s is not between 1990 and 2100', tagged_at)
           END AS reason
    FROM staging.tags
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content, user_text)
    SELECT file, line, reason, content, user_id
    FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.tags s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_repeated_tags()
-- One tag for a user, movie, text and second: of several lines the first is kept. The reason names
-- no user: it outlives an erasure.
WITH repeated AS (
    SELECT user_id::bigint AS user_id, movie_id::bigint AS movie_id, tag,
           tagged_at::bigint AS tagged_at
    FROM staging.tags
    GROUP BY user_id::bigint, movie_id::bigint, tag, tagged_at::bigint HAVING count(*) > 1
), judged AS (
    SELECT s.file, s.line, s.user_id,
           concat_ws('|', s.user_id, s.movie_id, s.tag, s.tagged_at) AS content,
           lag(s.line) OVER (PARTITION BY r.user_id, r.movie_id, r.tag, r.tagged_at
                             ORDER BY s.line) AS earlier
    FROM staging.tags s
    JOIN repeated r
      ON (r.user_id, r.movie_id, r.tag, r.tagged_at)
       = (s.user_id::bigint, s.movie_id::bigint, s.tag, s.tagged_at::bigint)
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content, user_text)
    SELECT file, line, format('the same user, movie, tag and time are in line %s too', earlier),
           content, user_id
    FROM judged WHERE earlier IS NOT NULL RETURNING file, line
)
DELETE FROM staging.tags s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_imdb_titles()
-- \N is IMDb's value for unknown.
WITH single AS (
    SELECT file, line, movie_id, imdb_id,
           concat_ws('|', imdb_id, title_type, primary_title,
                     start_year, runtime_minutes, genres) AS content,
           CASE WHEN primary_title IN ('', '\N') THEN 'the title is empty'
                WHEN start_year !~ '^([0-9]{4}|\\N)$'
                    THEN format('startYear %L is not a year', left(start_year, 100))
                WHEN runtime_minutes !~ '^([0-9]{1,6}|\\N)$'
                    THEN format('runtimeMinutes %L is not a number of minutes',
                                left(runtime_minutes, 100))
           END AS fault
    FROM staging.imdb_titles
), judged AS (
    SELECT file, line, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, movie_id ORDER BY line) > 1
                    THEN format('tt%s is in an earlier line too', imdb_id)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content)
    SELECT file, line, reason, content FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.imdb_titles s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_imdb_ratings()
WITH single AS (
    SELECT file, line, imdb_id, concat_ws('|', imdb_id, average_rating, votes) AS content,
           CASE WHEN average_rating !~ '^(10(\.0)?|[0-9](\.[0-9])?)$'
                    THEN format('averageRating %L is not between 0 and 10',
                                left(average_rating, 100))
                WHEN NOT staging.is_number(votes, 9)
                    THEN format('numVotes %L is not a number', left(votes, 100))
           END AS fault
    FROM staging.imdb_ratings
), judged AS (
    SELECT file, line, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, imdb_id ORDER BY line) > 1
                    THEN format('tt%s is in an earlier line too', imdb_id)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content)
    SELECT file, line, reason, content FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.imdb_ratings s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_imdb_crew()
WITH single AS (
    SELECT file, line, imdb_id, concat_ws('|', imdb_id, directors) AS content,
           CASE WHEN directors !~ '^(nm[0-9]{1,17}(,nm[0-9]{1,17})*|\\N)$'
                    THEN format('directors %L are not nconst ids', left(directors, 100))
           END AS fault
    FROM staging.imdb_crew
), judged AS (
    SELECT file, line, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, imdb_id ORDER BY line) > 1
                    THEN format('tt%s is in an earlier line too', imdb_id)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content)
    SELECT file, line, reason, content FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.imdb_crew s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_imdb_principals()
WITH single AS (
    SELECT file, line, imdb_id, ordering, concat_ws('|', imdb_id, ordering, nconst) AS content,
           CASE WHEN NOT staging.is_number(ordering, 6)
                    THEN format('ordering %L is not a number', left(ordering, 100))
                WHEN nconst !~ '^nm[0-9]{1,17}$'
                    THEN format('nconst %L is not an id', left(nconst, 100))
           END AS fault
    FROM staging.imdb_principals
), judged AS (
    SELECT file, line, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, imdb_id, ltrim(ordering, '0')
                                        ORDER BY line) > 1
                    THEN format('ordering %s of tt%s is in an earlier line too',
                                ordering, imdb_id)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content)
    SELECT file, line, reason, content FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.imdb_principals s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: reject_imdb_persons()
WITH single AS (
    SELECT file, line, nconst, concat_ws('|', nconst, name, birth_year, death_year) AS content,
           CASE WHEN nconst !~ '^nm[0-9]{1,17}$'
                    THEN format('nconst %L is not an id', left(nconst, 100))
                WHEN name IN ('', '\N') THEN 'the name is empty'
                WHEN birth_year !~ '^([0-9]{1,4}|\\N)$'
                    THEN format('birthYear %L is not a year', left(birth_year, 100))
                WHEN death_year !~ '^([0-9]{1,4}|\\N)$'
                    THEN format('deathYear %L is not a year', left(death_year, 100))
           END AS fault
    FROM staging.imdb_persons
), judged AS (
    SELECT file, line, content,
           CASE WHEN fault IS NOT NULL THEN fault
                WHEN row_number() OVER (PARTITION BY fault IS NULL, ltrim(substr(nconst, 3), '0')
                                        ORDER BY line) > 1
                    THEN format('%s is in an earlier line too', nconst)
           END AS reason
    FROM single
), set_aside AS (
    INSERT INTO staging.rejects (file, line, reason, content)
    SELECT file, line, reason, content FROM judged WHERE reason IS NOT NULL RETURNING file, line
)
DELETE FROM staging.imdb_persons s USING set_aside a WHERE (s.file, s.line) = (a.file, a.line);

-- name: rejected_by_file()
-- How many rows of each file were set aside, and the first of them.
SELECT file, count(DISTINCT line) AS n, (array_agg(line ORDER BY line))[1] AS line,
       (array_agg(reason ORDER BY line))[1] AS reason
FROM staging.rejects GROUP BY file ORDER BY file;

-- name: foreign_users(min_rows)
-- Of a thousand of the drop's users: how many have stored ratings from the time that the drop
-- covers, and how many of these have none of them in the drop. A late week covers a time of which
-- nothing is stored, and a newer release repeats what is stored; only another person does neither.
-- Single late ratings do not widen the time: a twentieth at each end is left out. What they rated
-- through the API no publisher has.
WITH span AS (
    SELECT ends[1] AS since, ends[2] AS until
    FROM (SELECT percentile_disc(ARRAY[0.05, 0.95]) WITHIN GROUP (ORDER BY rated_at) AS ends
          FROM staging.ratings) quantiles
),
sampled AS (
    SELECT user_id FROM staging.ratings GROUP BY user_id HAVING count(*) >= %(min_rows)s
    ORDER BY user_id %% 1009, user_id LIMIT 1000
),
brought AS (
    SELECT user_id, movie_id, rated_at
    FROM staging.ratings WHERE user_id IN (SELECT user_id FROM sampled)
),
compared AS (
    SELECT r.user_id, count(t.user_id) AS n_shared
    FROM sampled
    JOIN ratings r USING (user_id)
    JOIN drops d ON d.drop_id = r.drop_id AND d.source <> 'feedback'
    JOIN span ON r.rated_at BETWEEN span.since AND span.until
    LEFT JOIN brought t ON (t.user_id, t.movie_id, t.rated_at) = (r.user_id, r.movie_id, r.rated_at)
    GROUP BY r.user_id HAVING count(*) >= %(min_rows)s
)
SELECT count(*) FILTER (WHERE n_shared = 0) AS n_foreign, count(*) AS n_users FROM compared;

-- name: movies_to_match()
-- Movies with the keys to match them with IMDb by, of their newest versions.
SELECT m.movie_id, m.title, m.year, l.imdb_id
FROM (SELECT DISTINCT ON (movie_id) movie_id, title, year
      FROM movies JOIN drops USING (drop_id) ORDER BY movie_id, drop_date DESC, revision DESC) m
LEFT JOIN (SELECT DISTINCT ON (movie_id) movie_id, imdb_id
           FROM links
           JOIN drops USING (drop_id)
           ORDER BY movie_id, drop_date DESC, revision DESC) l USING (movie_id)
ORDER BY movie_id;

-- ---------------- merges: what differs from the newest version is appended
-- Newest among the drops that arrived before this one, so that a watermark sees what had arrived by
-- then, in whatever order drops are taken in. What a newer drop only confirmed has no row: a
-- correction that arrives later under an older date wins over it.

-- name: merge_movies(drop_id)
INSERT INTO movies (movie_id, drop_id, title, year, genres)
SELECT s.movie_id, %(drop_id)s, s.title, s.year, s.genres
FROM (
    SELECT movie_id::bigint AS movie_id, btrim(title) AS title, staging.title_year(title) AS year,
           staging.genres(genres, '|') AS genres
    FROM staging.movies
) s
LEFT JOIN (
    SELECT DISTINCT ON (movie_id) movie_id, title, year, genres
    FROM movies
    JOIN drops USING (drop_id)
    WHERE drop_id < %(drop_id)s
    ORDER BY movie_id, drop_date DESC, revision DESC
) newest USING (movie_id)
WHERE (newest.title, newest.year, newest.genres) IS DISTINCT FROM (s.title, s.year, s.genres);

-- name: merge_links(drop_id)
INSERT INTO links (movie_id, drop_id, imdb_id, tmdb_id)
SELECT s.movie_id, %(drop_id)s, s.imdb_id, s.tmdb_id
FROM (
    SELECT movie_id::bigint AS movie_id, nullif(ltrim(imdb_id, 't'), '')::bigint AS imdb_id,
           nullif(tmdb_id, '')::bigint AS tmdb_id
    FROM staging.links
) s
LEFT JOIN (
    SELECT DISTINCT ON (movie_id) movie_id, imdb_id, tmdb_id
    FROM links
    JOIN drops USING (drop_id)
    WHERE drop_id < %(drop_id)s
    ORDER BY movie_id, drop_date DESC, revision DESC
) newest USING (movie_id)
WHERE newest.movie_id IS NULL
   OR (newest.imdb_id, newest.tmdb_id) IS DISTINCT FROM (s.imdb_id, s.tmdb_id);

-- name: merge_users(drop_id)
INSERT INTO users (user_id, drop_id, gender, age, occupation, zip_code)
SELECT s.user_id, %(drop_id)s, s.gender, s.age, s.occupation, s.zip_code
FROM (
    SELECT user_id::bigint AS user_id, nullif(gender, '') AS gender,
           nullif(age, '')::integer AS age,
           nullif(occupation, '') AS occupation, nullif(zip_code, '') AS zip_code
    FROM staging.users
) s
LEFT JOIN (
    SELECT DISTINCT ON (user_id) user_id, gender, age, occupation, zip_code
    FROM users
    JOIN drops USING (drop_id)
    WHERE drop_id < %(drop_id)s
    ORDER BY user_id, drop_date DESC, revision DESC
) newest USING (user_id)
WHERE newest.user_id IS NULL
   OR (newest.gender, newest.age, newest.occupation, newest.zip_code)
      IS DISTINCT FROM
      (s.gender, s.age, s.occupation, s.zip_code);

-- name: merge_ratings(drop_id)
-- A rating at another time is another event; the same event with another value is a correction of
-- it. In the key's order, as it is looked up and as readers take a user at a time; each user and
-- movie is looked up once, for both questions.
WITH brought AS MATERIALIZED (
    SELECT user_id, movie_id, rated_at, rating
    FROM staging.ratings
    ORDER BY user_id, movie_id, rated_at
), new AS MATERIALIZED (
    SELECT t.user_id, t.movie_id, t.rated_at, t.rating, versions.n > 0 AS is_known
    FROM brought t
    CROSS JOIN LATERAL (
        SELECT count(*) AS n,
               (array_agg(r.rating ORDER BY d.drop_date DESC, d.revision DESC)
                FILTER (WHERE r.rated_at = t.rated_at AND r.drop_id < %(drop_id)s))[1] AS newest
        FROM ratings r
        JOIN drops d USING (drop_id)
        WHERE (r.user_id, r.movie_id) = (t.user_id, t.movie_id)
    ) versions
    WHERE versions.newest IS DISTINCT FROM t.rating
), several AS (
    INSERT INTO rerated (user_id, movie_id)
    SELECT user_id, movie_id
    FROM new
    GROUP BY user_id, movie_id
    HAVING count(*) > 1 OR bool_or(is_known)
    ON CONFLICT DO NOTHING
)
INSERT INTO ratings (user_id, movie_id, rated_at, drop_id, rating)
SELECT user_id, movie_id, rated_at, %(drop_id)s, rating FROM new;

-- name: no_ratings_yet()
SELECT NOT EXISTS (SELECT FROM ratings) AS ok;

-- name: begin_ratings()
-- A table that is new in its transaction needs no write-ahead log where the server keeps one for
-- crashes alone (wal_level = minimal). Whoever reads ratings, of which there are none yet, waits
-- until the first have been merged.
TRUNCATE ratings;

-- name: drop_key()
-- Twenty million rows are put in order at once in a third of the time that it takes to find each
-- one's place.
ALTER TABLE ratings DROP CONSTRAINT ratings_pkey;

-- name: first_ratings(drop_id)
-- Where no rating is stored yet, none is looked up.
INSERT INTO ratings (user_id, movie_id, rated_at, drop_id, rating)
SELECT user_id, movie_id, rated_at, %(drop_id)s, rating FROM staging.ratings;

-- name: add_key()
ALTER TABLE ratings ADD CONSTRAINT ratings_pkey PRIMARY KEY (user_id, movie_id, rated_at, drop_id);

-- name: find_rerated()
-- Searches all ratings: for a first load.
INSERT INTO rerated (user_id, movie_id)
SELECT user_id, movie_id FROM ratings GROUP BY user_id, movie_id HAVING count(*) > 1
ON CONFLICT DO NOTHING;

-- name: merge_tags(drop_id)
INSERT INTO tags (user_id, movie_id, tag, tagged_at, drop_id)
SELECT user_id::bigint, movie_id::bigint, tag, to_timestamp(tagged_at::bigint), %(drop_id)s
FROM staging.tags
ON CONFLICT (user_id, movie_id, tag, tagged_at) DO NOTHING;

-- name: merge_imdb_titles(drop_id)
INSERT INTO imdb_titles
    (movie_id, drop_id, imdb_id, title_type, primary_title, start_year, runtime_minutes, genres,
     average_rating, votes)
SELECT s.movie_id, %(drop_id)s, s.imdb_id, s.title_type, s.primary_title, s.start_year,
       s.runtime_minutes, s.genres, s.average_rating, s.votes
FROM (
    SELECT t.movie_id, t.imdb_id, t.title_type, t.primary_title,
           staging.film_year(nullif(t.start_year, '\N')::integer) AS start_year,
           nullif(t.runtime_minutes, '\N')::integer AS runtime_minutes,
           staging.genres(t.genres, ',') AS genres, r.average_rating::real AS average_rating,
           r.votes::integer AS votes
    FROM staging.imdb_titles t LEFT JOIN staging.imdb_ratings r USING (imdb_id)
) s
LEFT JOIN (
    SELECT DISTINCT ON (movie_id) movie_id, imdb_id, title_type, primary_title, start_year,
                    runtime_minutes, genres, average_rating, votes
    FROM imdb_titles
    JOIN drops USING (drop_id)
    WHERE drop_id < %(drop_id)s
    ORDER BY movie_id, drop_date DESC, revision DESC
) newest USING (movie_id)
WHERE newest.movie_id IS NULL
   OR (newest.imdb_id, newest.title_type, newest.primary_title, newest.start_year,
       newest.runtime_minutes, newest.genres, newest.average_rating, newest.votes)
      IS DISTINCT FROM
      (s.imdb_id, s.title_type, s.primary_title, s.start_year, s.runtime_minutes, s.genres,
       s.average_rating, s.votes);

-- name: merge_imdb_persons(drop_id)
INSERT INTO persons (person_id, drop_id, name, birth_year, death_year)
SELECT s.person_id, %(drop_id)s, s.name, s.birth_year, s.death_year
FROM (
    SELECT substr(nconst, 3)::bigint AS person_id, name,
           nullif(birth_year, '\N')::integer AS birth_year,
           nullif(death_year, '\N')::integer AS death_year
    FROM staging.imdb_persons
) s
LEFT JOIN (
    SELECT DISTINCT ON (person_id) person_id, name, birth_year, death_year
    FROM persons
    JOIN drops USING (drop_id)
    WHERE drop_id < %(drop_id)s
    ORDER BY person_id, drop_date DESC, revision DESC
) newest USING (person_id)
WHERE newest.name IS NULL
   OR (newest.name, newest.birth_year, newest.death_year)
      IS DISTINCT FROM
      (s.name, s.birth_year, s.death_year);

-- name: merge_movie_persons(drop_id)
-- A cast is one version: where anything in it differs from the newest, all of it is appended.
WITH brought AS (
    SELECT t.movie_id, 'director' AS role, d.position::integer AS position,
           substr(d.nconst, 3)::bigint AS person_id
    FROM staging.imdb_titles t JOIN staging.imdb_crew c USING (imdb_id)
    CROSS JOIN LATERAL unnest(string_to_array(nullif(c.directors, '\N'), ','))
                       WITH ORDINALITY AS d (nconst, position)
    UNION ALL
    SELECT t.movie_id, 'actor',
           row_number() OVER (PARTITION BY t.movie_id
                              ORDER BY p.ordering::integer, p.line)::integer,
           substr(p.nconst, 3)::bigint
    FROM staging.imdb_titles t JOIN staging.imdb_principals p USING (imdb_id)
),
newest AS (
    SELECT DISTINCT ON (movie_id) movie_id, drop_id
    FROM (SELECT DISTINCT movie_id, drop_id FROM movie_persons
          WHERE movie_id IN (SELECT movie_id FROM brought) AND drop_id < %(drop_id)s) versions
    JOIN drops USING (drop_id) ORDER BY movie_id, drop_date DESC, revision DESC
),
stored AS (SELECT p.movie_id, p.role, p.position, p.person_id
          FROM movie_persons p
          JOIN newest USING (movie_id, drop_id)),
changed AS (
    SELECT movie_id FROM (TABLE brought EXCEPT TABLE stored) added
    UNION
    SELECT movie_id FROM (TABLE stored EXCEPT TABLE brought) gone
)
INSERT INTO movie_persons (movie_id, drop_id, role, position, person_id)
SELECT movie_id, %(drop_id)s, role, position, person_id
FROM brought
WHERE movie_id IN (SELECT movie_id FROM changed);
