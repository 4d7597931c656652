-- What people do through the API: ratings and events, as they came. Ratings become a drop of the
-- source `feedback`, and facts as any drop's; here they stay for what lists leave out at once.

-- Users who come through the API. MovieLens' own numbers are far below, and its ingest rejects
-- these.
CREATE SEQUENCE new_user_ids MINVALUE 1099511627776;

-- Of ratings and events alike: of one user they grow in the order in which transactions commit.
CREATE SEQUENCE feedback_ids;

-- Closings, one for each day that one was made for. A closing takes the ratings that its
-- transaction sees, and they keep its batch_id: of the batch, not of a time, the files of the drop
-- are written, so that they are the same bytes each time.
CREATE TABLE feedback_batches (
    batch_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of      date NOT NULL UNIQUE,      -- what was received before this day, UTC
    n_ratings  bigint NOT NULL,           -- as it was closed; none: no drop is made of it
    closed_at  timestamptz NOT NULL DEFAULT now(),
    -- when its files were complete in the landing zone; NULL: they are to be written, again after
    -- an erasure
    written_at timestamptz
);

-- Ratings given through the API.
CREATE TABLE feedback_ratings (
    feedback_id bigint PRIMARY KEY DEFAULT nextval('feedback_ids'),
    user_id     bigint NOT NULL,
    movie_id    bigint NOT NULL,
    rating      real NOT NULL CHECK (rating BETWEEN 0.5 AND 5 AND rating * 2 = trunc(rating * 2)),
    rated_at    timestamptz NOT NULL,     -- whole seconds, as in a drop
    received_at timestamptz NOT NULL,
    batch_id    bigint REFERENCES feedback_batches  -- NULL: no closing has seen it yet
);
CREATE INDEX feedback_ratings_user ON feedback_ratings (user_id, movie_id, feedback_id);
CREATE INDEX feedback_ratings_batch ON feedback_ratings (batch_id);

-- What an app showed of a list, and what its user did with it.
CREATE TABLE feedback_events (
    feedback_id       bigint PRIMARY KEY DEFAULT nextval('feedback_ids'),
    user_id           bigint NOT NULL,
    movie_id          bigint NOT NULL,
    kind              text NOT NULL CHECK (kind IN ('shown', 'opened', 'dismissed')),
    recommendation_id text,               -- of the answer that the movie was in; NULL: of none
    received_at       timestamptz NOT NULL
);
CREATE INDEX feedback_events_user ON feedback_events (user_id, kind, received_at);

-- Requests with an Idempotency-Key: the same again gets the same answer, and writes nothing. A
-- closing removes those older than a week.
CREATE TABLE feedback_requests (
    api_key_id      text NOT NULL,
    idempotency_key text NOT NULL,
    body_sha256     text NOT NULL,
    answer          jsonb NOT NULL,
    user_ids        bigint[] NOT NULL,    -- whom it was about, for an erasure
    received_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (api_key_id, idempotency_key)
);

-- Of the `n` users, those whose app said what it showed: of their lists only that counts.
ALTER TABLE observed_hits ADD COLUMN n_shown integer NOT NULL DEFAULT 0;
