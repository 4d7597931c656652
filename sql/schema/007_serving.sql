-- What lists are filled up from where filters leave too few movies, and what a reader without a
-- list gets: each publication's own recent popularity, every movie that was on offer, the most
-- popular first. A copy reads its origin's.
CREATE TABLE published_fallback (
    publication_id bigint NOT NULL,
    place          integer NOT NULL,
    movie_id       bigint NOT NULL,
    likes          real NOT NULL,         -- each worth half for every half-life of its age
    PRIMARY KEY (publication_id, place)
);

-- One row: how many drops had been taken in when the catalogue was made anew. What was cached by
-- another number is stale.
CREATE TABLE catalogue_changes (
    n_drops bigint NOT NULL
);
INSERT INTO catalogue_changes VALUES (0);
