-- What a prediction needs of the facts, as the API's role may know them.

-- name: has_rated(user_id)
SELECT EXISTS (SELECT FROM api.history WHERE user_id = %(user_id)s::bigint);

-- name: titles(movie_ids)
SELECT movie_id, title FROM api.movies WHERE movie_id = ANY (%(movie_ids)s::bigint[]);

-- name: people(directors, actors)
-- The numbers of people by their names, in their order; NULL for a name that nobody has.
SELECT ARRAY(SELECT api.person_named(n.name, 'director')
             FROM unnest(%(directors)s::text[]) WITH ORDINALITY AS n (name, place)
             ORDER BY n.place) AS directors,
       ARRAY(SELECT api.person_named(n.name, 'actor')
             FROM unnest(%(actors)s::text[]) WITH ORDINALITY AS n (name, place)
             ORDER BY n.place) AS actors;
