-- The data as a whole: what came in, who rated, what is popular.

-- name: newest_drop()
-- What figures over all ratings depend on.
SELECT coalesce(max(drop_id), 0) AS drop_id, count(*) AS n_drops FROM api.pages_drops
WHERE state = 'ingested';

-- name: counts()
SELECT (SELECT count(*) FROM api.movies) AS n_movies,
       (SELECT count(*) FROM api.movies WHERE imdb_id IS NOT NULL) AS n_with_imdb,
       (SELECT count(*) FROM api.movies WHERE withdrawn_at IS NOT NULL) AS n_withdrawn;

-- name: ratings()
-- All versions of ratings.
SELECT count(*) AS n_ratings, min(rated_at) AS first_at, max(rated_at) AS last_at,
       avg(rating)::real AS mean
FROM api.pages_rating_versions;

-- name: ratings_by_year()
SELECT extract(year FROM rated_at)::integer AS year, count(*) AS n, avg(rating)::real AS mean
FROM api.pages_rating_versions GROUP BY 1 ORDER BY 1;

-- name: stars()
SELECT rating, count(*) AS n FROM api.pages_rating_versions GROUP BY rating ORDER BY rating;

-- name: genres()
SELECT genre, count(*) AS n FROM api.movies CROSS JOIN LATERAL unnest(genres) AS g (genre)
GROUP BY genre ORDER BY count(*) DESC, genre;

-- name: long_tail()
-- The share of all ratings that the most rated tenths of the movies have, from the first on.
SELECT tenth, sum(n)::real / sum(sum(n)) OVER () AS share, count(*) AS n_movies
FROM (SELECT n, ntile(10) OVER (ORDER BY n DESC, movie_id) AS tenth
      FROM (SELECT movie_id, count(*) AS n FROM api.pages_rating_versions
            GROUP BY movie_id) counted) ranked
GROUP BY tenth ORDER BY tenth;

-- name: users_by_ratings()
-- Users by how many ratings they have.
SELECT CASE WHEN n < 5 THEN 1 WHEN n < 20 THEN 2 WHEN n < 50 THEN 3 WHEN n < 100 THEN 4
            WHEN n < 200 THEN 5 WHEN n < 500 THEN 6 ELSE 7 END AS bin, count(*) AS n
FROM (SELECT user_id, count(*) AS n FROM api.pages_rating_versions GROUP BY user_id) counted
GROUP BY 1 ORDER BY 1;

-- name: drops(n)
SELECT drop_id, source, drop_date, revision, admitted_for, state, counts::text AS counts, reason
FROM api.pages_drops ORDER BY drop_id DESC LIMIT %(n)s;

-- name: rejects()
-- Why rows were set aside.
SELECT source, file, reason, count(*) AS n, max(drop_date) AS last_drop
FROM api.pages_rejected_rows GROUP BY source, file, reason ORDER BY count(*) DESC, source, file
LIMIT 50;

-- name: some_rejects(n)
SELECT source, drop_date, file, line, reason, left(content, 200) AS content
FROM api.pages_rejected_rows ORDER BY drop_id DESC, file, line LIMIT %(n)s;
