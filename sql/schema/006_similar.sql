-- The movies that are nearest to each movie, by the champion of a publication. Under the key of the
-- publication, as they are there before it is: a reader sees them from the moment when it is live.
-- Copies of a publication, which withdrawals make, have its rows.
CREATE TABLE published_similar (
    publication_key text NOT NULL,
    movie_id        bigint NOT NULL,
    similar_ids     bigint[] NOT NULL,    -- nearest first
    scores          real[] NOT NULL,      -- of each of these, in a scale of its basis
    -- by what: the champion's vectors or weights, or titles, genres and people
    basis           text NOT NULL CHECK (basis IN ('model', 'content')),
    stored_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (publication_key, movie_id)
);
