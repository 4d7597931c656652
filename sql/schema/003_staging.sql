-- Where a drop's rows stand between COPY and merge: text as published, with the line they came from. One ingest at a time
-- (it holds the advisory lock 'ingest'). Unlogged: after a crash the drop is simply read again.
CREATE SCHEMA staging;

CREATE UNLOGGED TABLE staging.ratings (file text, line bigint, user_id text, movie_id text, rating text, rated_at text);
CREATE UNLOGGED TABLE staging.tags (file text, line bigint, user_id text, movie_id text, tag text, tagged_at text);
CREATE UNLOGGED TABLE staging.users (file text, line bigint, user_id text, gender text, age text, occupation text, zip_code text);
CREATE UNLOGGED TABLE staging.movies (file text, line bigint, movie_id text, title text, genres text);
CREATE UNLOGGED TABLE staging.links (file text, line bigint, movie_id text, imdb_id text, tmdb_id text);
CREATE UNLOGGED TABLE staging.imdb_titles (
    file text, line bigint, movie_id bigint, imdb_id bigint, title_type text, primary_title text, start_year text, runtime_minutes text, genres text
);
CREATE UNLOGGED TABLE staging.imdb_ratings (file text, line bigint, imdb_id bigint, average_rating text, votes text);
CREATE UNLOGGED TABLE staging.imdb_crew (file text, line bigint, imdb_id bigint, directors text);
CREATE UNLOGGED TABLE staging.imdb_principals (file text, line bigint, imdb_id bigint, ordering text, nconst text);
CREATE UNLOGGED TABLE staging.imdb_persons (file text, line bigint, nconst text, name text, birth_year text, death_year text);
CREATE UNLOGGED TABLE staging.rejects (file text, line bigint, reason text, content text);

-- Whether a published value is a whole number of at most so many digits. Bytewise: digits of other scripts are no digits here.
CREATE FUNCTION staging.is_number(value text, digits integer) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN value ~ '^[0-9]+$' COLLATE "C" AND octet_length(value) <= digits;

-- Whether a file's rows are about a user, who stands first in them: so it is in every MovieLens layout.
CREATE FUNCTION staging.begins_with_user(file text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN file IN ('ratings.csv', 'tags.csv', 'ratings.dat', 'tags.dat', 'users.dat', 'u.data', 'u.user');
