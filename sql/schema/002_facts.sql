-- Facts are versions: every row carries the drop that brought it; a merge appends, and nothing is overwritten.
-- What is true for a run is a filter: event time < as_of, drop_id ≤ watermark, newest version first
-- (ratings by event time; the rest, and corrections of one event, by drop date and revision; never by order of arrival).

CREATE TABLE ratings (
    user_id  bigint NOT NULL,
    movie_id bigint NOT NULL,
    rated_at timestamptz NOT NULL,
    drop_id  bigint NOT NULL,             -- of drops; a foreign key would look it up for every row, at thrice the time of the merge
    rating   real NOT NULL CHECK (rating BETWEEN 0.5 AND 5),
    PRIMARY KEY (user_id, movie_id, rated_at, drop_id)
);

CREATE TABLE tags (
    user_id   bigint NOT NULL,
    movie_id  bigint NOT NULL,
    tag       text NOT NULL,
    tagged_at timestamptz NOT NULL,
    drop_id   bigint NOT NULL REFERENCES drops,
    PRIMARY KEY (user_id, movie_id, tag, tagged_at)
);

CREATE TABLE users (
    user_id    bigint NOT NULL,
    drop_id    bigint NOT NULL REFERENCES drops,
    gender     text,
    age        integer,
    occupation text,
    zip_code   text,
    PRIMARY KEY (user_id, drop_id)
);

CREATE TABLE movies (
    movie_id bigint NOT NULL,
    drop_id  bigint NOT NULL REFERENCES drops,
    title    text NOT NULL,
    year     integer,
    genres   text[] NOT NULL,
    PRIMARY KEY (movie_id, drop_id)
);

CREATE TABLE links (
    movie_id bigint NOT NULL,
    drop_id  bigint NOT NULL REFERENCES drops,
    imdb_id  bigint,
    tmdb_id  bigint,
    PRIMARY KEY (movie_id, drop_id)
);

-- IMDb's facts of a movie that we have; imdb_id is the number in tt0111161.
CREATE TABLE imdb_titles (
    movie_id        bigint NOT NULL,
    drop_id         bigint NOT NULL REFERENCES drops,
    imdb_id         bigint NOT NULL,
    title_type      text NOT NULL,
    primary_title   text NOT NULL,
    start_year      integer,
    runtime_minutes integer,
    genres          text[] NOT NULL,
    average_rating  real,
    votes           integer,
    PRIMARY KEY (movie_id, drop_id)
);

CREATE TABLE persons (
    person_id  bigint NOT NULL,           -- the number in nm0000209
    drop_id    bigint NOT NULL REFERENCES drops,
    name       text NOT NULL,
    birth_year integer,
    death_year integer,
    PRIMARY KEY (person_id, drop_id)
);

-- A movie's whole cast and crew as one drop told it is one version.
CREATE TABLE movie_persons (
    movie_id  bigint NOT NULL,
    drop_id   bigint NOT NULL REFERENCES drops,
    role      text NOT NULL CHECK (role IN ('director', 'actor')),
    position  integer NOT NULL,           -- billing order within the role, from 1
    person_id bigint NOT NULL,
    PRIMARY KEY (movie_id, drop_id, role, position)
);

-- The two things that remove. Both are honoured whatever the week.
CREATE TABLE withdrawals (
    movie_id     bigint PRIMARY KEY,
    withdrawn_at timestamptz NOT NULL DEFAULT now(),
    reason       text NOT NULL
);

CREATE TABLE erased_users (
    user_id   bigint PRIMARY KEY,         -- the tombstone that ingest consults
    erased_at timestamptz NOT NULL DEFAULT now()
);
