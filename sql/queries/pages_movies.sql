-- A movie: facts, who gets it, and how it was rated.

-- name: movie(movie_id)
SELECT movie_id, title, year, genres, imdb_id, runtime_minutes, average_rating, votes, directors,
       actors, withdrawn_at
FROM api.movies WHERE movie_id = %(movie_id)s;

-- name: ranks(publication_id, movie_id)
-- In how many lists a movie is, by its rank.
SELECT rank, count(*) AS n FROM api.pages_lists
WHERE publication_id = %(publication_id)s AND movie_id = %(movie_id)s
GROUP BY rank ORDER BY rank;

-- name: ratings_by_year(movie_id)
-- How often a movie was rated, and how, year by year; each user's newest rating.
SELECT extract(year FROM rated_at)::integer AS year, count(*) AS n, avg(rating)::real AS mean
FROM (SELECT DISTINCT ON (user_id) user_id, rating, rated_at
      FROM api.pages_ratings WHERE movie_id = %(movie_id)s
      ORDER BY user_id, rated_at DESC, drop_date DESC, revision DESC) newest
GROUP BY 1 ORDER BY 1;

-- name: stars(movie_id)
-- How many users gave each number of stars.
SELECT rating, count(*) AS n
FROM (SELECT DISTINCT ON (user_id) user_id, rating
      FROM api.pages_ratings WHERE movie_id = %(movie_id)s
      ORDER BY user_id, rated_at DESC, drop_date DESC, revision DESC) newest
GROUP BY rating ORDER BY rating;

-- name: some_readers(publication_id, movie_id, n)
-- A few of the users whose lists have the movie, highest first.
SELECT user_id, rank FROM api.pages_lists
WHERE publication_id = %(publication_id)s AND movie_id = %(movie_id)s
ORDER BY rank, user_id LIMIT %(n)s;

-- name: similar(movie_id, n)
-- The movies that are nearest to it, and what it has in common with each.
SELECT s.rank, s.similar_id AS movie_id, c.title, c.genres, c.directors, c.withdrawn_at, s.basis,
       s.n_raters,
       ARRAY(SELECT unnest(c.directors) INTERSECT SELECT unnest(m.directors) ORDER BY 1)
           AS same_directors,
       ARRAY(SELECT unnest(c.actors) INTERSECT SELECT unnest(m.actors) ORDER BY 1)
           AS same_actors,
       ARRAY(SELECT unnest(c.genres) INTERSECT SELECT unnest(m.genres) ORDER BY 1)
           AS same_genres
FROM api.near_movies s
JOIN api.movies c ON c.movie_id = s.similar_id
JOIN api.movies m ON m.movie_id = s.movie_id
WHERE s.movie_id = %(movie_id)s AND s.rank <= %(n)s
ORDER BY s.rank;

-- name: titles(movie_ids)
-- Movies by their numbers.
SELECT movie_id, title, year, genres, directors, withdrawn_at FROM api.movies
WHERE movie_id = ANY (%(movie_ids)s::bigint[]);
