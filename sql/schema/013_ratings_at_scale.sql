-- Twenty million ratings, of which a week brings a hundred thousand: what a merge and a refresh cost follows the week's.

-- Pairs of which more than one version is known: re-rated, corrected, or told late. A merge adds those that it makes; all other
-- ratings are true as they stand, from their time on and for whoever sees their drop.
CREATE TABLE rerated (
    user_id  bigint NOT NULL,
    movie_id bigint NOT NULL,
    PRIMARY KEY (user_id, movie_id)
);
INSERT INTO rerated (user_id, movie_id)
SELECT user_id, movie_id FROM ratings GROUP BY user_id, movie_id HAVING count(*) > 1;

-- Ratings that read as what they are meant to be stand as numbers; only the others stay text, for a check to judge them.
ALTER TABLE staging.ratings RENAME TO unread_ratings;
CREATE UNLOGGED TABLE staging.ratings (
    file     text NOT NULL,
    line     bigint NOT NULL,
    user_id  bigint NOT NULL,
    movie_id bigint NOT NULL,
    rating   real NOT NULL,
    rated_at timestamptz NOT NULL
);

-- A staged rating as GroupLens writes one, but for the delimiter.
CREATE FUNCTION staging.as_published(user_id bigint, movie_id bigint, rating real, rated_at timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN concat_ws('|', user_id, movie_id, rating::numeric(2, 1), extract(epoch FROM rated_at)::bigint);

-- As with ratings: every row would be looked up, and a drop is in the ledger before its rows are.
ALTER TABLE tags DROP CONSTRAINT tags_drop_id_fkey;
ALTER TABLE movie_persons DROP CONSTRAINT movie_persons_drop_id_fkey;
