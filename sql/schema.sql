-- The whole schema at a glance, for people to read: written by `make schema`, never applied. What
-- makes it are the files under sql/schema and sql/views, and there are the reasons too.


CREATE SCHEMA api;

CREATE SCHEMA staging;

CREATE FUNCTION api.admits(genres text[], year integer, some_of text[], none_of text[], year_from integer, year_to integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (((some_of = '{}'::text[]) OR (genres && some_of)) AND (NOT (genres && none_of)) AND ((year_from IS NULL) OR (year >= year_from)) AND ((year_to IS NULL) OR (year <= year_to)));

CREATE FUNCTION api.answer_before(api_key_id text, idempotency_key text, body_sha256 text) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    before record;
BEGIN
    IF idempotency_key IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM pg_advisory_xact_lock(
        hashtextextended(concat_ws(' ', 'idempotency', api_key_id, idempotency_key), 0));
    SELECT r.body_sha256, r.answer INTO before FROM feedback_requests r
    WHERE r.api_key_id = answer_before.api_key_id
      AND r.idempotency_key = answer_before.idempotency_key;
    IF before.body_sha256 <> answer_before.body_sha256 THEN
        RETURN jsonb_build_object(
            'status', 409,
            'detail', 'this Idempotency-Key came with another body before; expected the same '
                      'body, or another key');
    END IF;
    RETURN before.answer;
END;
$$;

CREATE TABLE public.api_keys (
    key_id bigint NOT NULL,
    digest bytea NOT NULL,
    scope text NOT NULL,
    user_id bigint,
    rate integer NOT NULL,
    note text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    created_by text NOT NULL,
    expires_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_keys_digest_check CHECK ((length(digest) = 32)),
    CONSTRAINT api_keys_rate_check CHECK ((rate > 0)),
    CONSTRAINT api_keys_scope_check CHECK ((scope = ANY (ARRAY['read'::text, 'predict'::text, 'write'::text, 'admin'::text])))
);

CREATE FUNCTION api.check_key(key_id bigint, digest bytea) RETURNS TABLE(key_id bigint, scope text, user_id bigint, expires_at timestamp with time zone, rate integer)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    BEGIN ATOMIC
 SELECT k.key_id,
     k.scope,
     k.user_id,
     k.expires_at,
     k.rate
    FROM (public.api_keys k
      CROSS JOIN ( SELECT uuid_send(gen_random_uuid()) AS salt) s)
   WHERE ((k.key_id = check_key.key_id) AND (sha256((s.salt || k.digest)) = sha256((s.salt || check_key.digest))) AND (k.revoked_at IS NULL) AND ((k.expires_at IS NULL) OR (k.expires_at > now())));
END;

CREATE TABLE public.erased_users (
    user_id bigint NOT NULL,
    erased_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE SEQUENCE public.new_user_ids
    START WITH 1099511627776
    INCREMENT BY 1
    MINVALUE 1099511627776
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.ratings (
    user_id bigint NOT NULL,
    movie_id bigint NOT NULL,
    rated_at timestamp with time zone NOT NULL,
    drop_id bigint NOT NULL,
    rating real NOT NULL,
    CONSTRAINT ratings_rating_check CHECK (((rating >= (0.5)::double precision) AND (rating <= (5)::double precision)))
);

CREATE TABLE public.users (
    user_id bigint NOT NULL,
    drop_id bigint NOT NULL,
    gender text,
    age integer,
    occupation text,
    zip_code text
);

CREATE FUNCTION api.fault_of_user(user_id bigint) RETURNS text
    LANGUAGE sql STABLE
    RETURN CASE WHEN (user_id IS NULL) THEN 'a user_id is missing'::text WHEN (EXISTS (SELECT FROM public.erased_users e WHERE (e.user_id = fault_of_user.user_id))) THEN format('user %s was erased'::text, user_id) WHEN ((EXISTS (SELECT FROM public.ratings r WHERE (r.user_id = fault_of_user.user_id))) OR (EXISTS (SELECT FROM public.users u WHERE (u.user_id = fault_of_user.user_id))) OR ((user_id >= '1099511627776'::bigint) AND (user_id <= (SELECT new_user_ids.last_value FROM public.new_user_ids WHERE new_user_ids.is_called)))) THEN NULL::text ELSE format('user %s is not known; expected one who rated, or an id that the API issued'::text, user_id) END;

CREATE TABLE public.published_fallback (
    publication_id bigint NOT NULL,
    place integer NOT NULL,
    movie_id bigint NOT NULL,
    likes real NOT NULL
);

CREATE VIEW api.fallback AS
 SELECT publication_id,
    place,
    movie_id,
    likes
   FROM public.published_fallback;

CREATE TABLE public.drops (
    drop_id bigint NOT NULL,
    source text NOT NULL,
    drop_date date NOT NULL,
    revision integer NOT NULL,
    sha256 text NOT NULL,
    files jsonb NOT NULL,
    admitted_for date NOT NULL,
    state text DEFAULT 'registered'::text NOT NULL,
    population text,
    counts jsonb,
    reason text,
    registered_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT drops_state_check CHECK ((state = ANY (ARRAY['registered'::text, 'ingested'::text, 'refused'::text])))
);

CREATE TABLE public.imdb_titles (
    movie_id bigint NOT NULL,
    drop_id bigint NOT NULL,
    imdb_id bigint NOT NULL,
    title_type text NOT NULL,
    primary_title text NOT NULL,
    start_year integer,
    runtime_minutes integer,
    genres text[] NOT NULL,
    average_rating real,
    votes integer
);

CREATE TABLE public.movie_persons (
    movie_id bigint NOT NULL,
    drop_id bigint NOT NULL,
    role text NOT NULL,
    "position" integer NOT NULL,
    person_id bigint NOT NULL,
    CONSTRAINT movie_persons_role_check CHECK ((role = ANY (ARRAY['director'::text, 'actor'::text])))
);

CREATE TABLE public.movies (
    movie_id bigint NOT NULL,
    drop_id bigint NOT NULL,
    title text NOT NULL,
    year integer,
    genres text[] NOT NULL
);

CREATE TABLE public.persons (
    person_id bigint NOT NULL,
    drop_id bigint NOT NULL,
    name text NOT NULL,
    birth_year integer,
    death_year integer
);

CREATE MATERIALIZED VIEW public.mv_catalogue AS
 WITH movie AS (
         SELECT DISTINCT ON (movies.movie_id) movies.movie_id,
            movies.title,
            movies.year,
            movies.genres
           FROM (public.movies
             JOIN public.drops USING (drop_id))
          ORDER BY movies.movie_id, drops.drop_date DESC, drops.revision DESC
        ), imdb AS (
         SELECT DISTINCT ON (imdb_titles.movie_id) imdb_titles.movie_id,
            imdb_titles.imdb_id,
            imdb_titles.runtime_minutes,
            imdb_titles.average_rating,
            imdb_titles.votes
           FROM (public.imdb_titles
             JOIN public.drops USING (drop_id))
          ORDER BY imdb_titles.movie_id, drops.drop_date DESC, drops.revision DESC
        ), cast_version AS (
         SELECT DISTINCT ON (versions.movie_id) versions.movie_id,
            versions.drop_id
           FROM (( SELECT DISTINCT movie_persons.movie_id,
                    movie_persons.drop_id
                   FROM public.movie_persons) versions
             JOIN public.drops USING (drop_id))
          ORDER BY versions.movie_id, drops.drop_date DESC, drops.revision DESC
        ), person AS (
         SELECT DISTINCT ON (persons.person_id) persons.person_id,
            persons.name
           FROM (public.persons
             JOIN public.drops USING (drop_id))
          ORDER BY persons.person_id, drops.drop_date DESC, drops.revision DESC
        ), credits AS (
         SELECT p.movie_id,
            array_agg(n.name ORDER BY p."position") FILTER (WHERE (p.role = 'director'::text)) AS directors,
            array_agg(n.name ORDER BY p."position") FILTER (WHERE (p.role = 'actor'::text)) AS actors
           FROM ((public.movie_persons p
             JOIN cast_version USING (movie_id, drop_id))
             JOIN person n USING (person_id))
          GROUP BY p.movie_id
        )
 SELECT m.movie_id,
    m.title,
    m.year,
    m.genres,
    i.imdb_id,
    i.runtime_minutes,
    i.average_rating,
    i.votes,
    c.directors,
    c.actors
   FROM ((movie m
     LEFT JOIN imdb i USING (movie_id))
     LEFT JOIN credits c USING (movie_id))
  WITH NO DATA;

CREATE VIEW api.listed_movies AS
 SELECT movie_id,
    title,
    year,
    genres
   FROM public.mv_catalogue;

CREATE VIEW api.rated AS
 SELECT user_id,
    movie_id
   FROM public.ratings;

CREATE FUNCTION api.fill(user_id bigint, publication_id bigint, left_out bigint[], n integer, some_of text[], none_of text[], year_from integer, year_to integer) RETURNS TABLE(movie_id bigint, title text, year integer, genres text[], likes real, rank bigint)
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT f.movie_id,
     c.title,
     c.year,
     c.genres,
     f.likes,
     row_number() OVER (ORDER BY f.place) AS row_number
    FROM (api.fallback f
      CROSS JOIN LATERAL ( SELECT l.title,
             l.year,
             l.genres
            FROM api.listed_movies l
           WHERE (l.movie_id = f.movie_id)
          LIMIT 1) c)
   WHERE ((f.publication_id = fill.publication_id) AND (NOT (EXISTS ( SELECT
            FROM unnest(fill.left_out) o(id)
           WHERE (o.id = f.movie_id)))) AND (NOT (EXISTS ( SELECT
            FROM api.rated r
           WHERE ((r.user_id = fill.user_id) AND (r.movie_id = f.movie_id))))) AND api.admits(c.genres, c.year, fill.some_of, fill.none_of, fill.year_from, fill.year_to))
   ORDER BY f.place
  LIMIT fill.n;
END;

CREATE FUNCTION api.hold_users(user_ids bigint[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    bucket bigint;
BEGIN
    FOR bucket IN SELECT DISTINCT mod(u, 256) FROM unnest(user_ids) u ORDER BY 1 LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended(format('feedback %s', bucket), 0));
    END LOOP;
END;
$$;

CREATE FUNCTION api.keep_answer(api_key_id text, idempotency_key text, body_sha256 text, answer jsonb, user_ids bigint[]) RETURNS jsonb
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF idempotency_key IS NOT NULL THEN
        INSERT INTO feedback_requests (api_key_id, idempotency_key, body_sha256, answer, user_ids)
        VALUES (api_key_id, idempotency_key, body_sha256, answer, user_ids);
    END IF;
    RETURN answer;
END;
$$;

CREATE FUNCTION public.newest_change_of_live() RETURNS bigint
    LANGUAGE sql STABLE
    RETURN (0)::bigint;

COMMENT ON FUNCTION public.newest_change_of_live() IS 'The newest row of live_history, as a plan knows it: replaced with each change.';

CREATE TABLE public.fits (
    fit_key text NOT NULL,
    digest text NOT NULL,
    variant_of text,
    is_accepted boolean DEFAULT true NOT NULL,
    recipe_key text NOT NULL,
    recipe jsonb NOT NULL,
    kind text NOT NULL,
    as_of date NOT NULL,
    cut text NOT NULL,
    seed bigint NOT NULL,
    fingerprint text NOT NULL,
    n_ratings bigint NOT NULL,
    run_id text NOT NULL,
    fitted_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT fits_kind_check CHECK ((kind = ANY (ARRAY['validation'::text, 'exam'::text, 'refit'::text])))
);

CREATE TABLE public.live_history (
    seq bigint NOT NULL,
    publication_id bigint NOT NULL,
    as_of date NOT NULL,
    cause text NOT NULL,
    reason text,
    requested_by text,
    run_id text DEFAULT ''::text NOT NULL,
    went_live_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT live_history_cause_check CHECK ((cause = ANY (ARRAY['published'::text, 'rolled back'::text, 'rolled forward'::text, 'by hand'::text])))
);

CREATE TABLE public.publications (
    publication_id bigint NOT NULL,
    publication_key text NOT NULL,
    as_of date NOT NULL,
    watermark bigint NOT NULL,
    params jsonb NOT NULL,
    recipe_key text NOT NULL,
    model_version text NOT NULL,
    n_users bigint NOT NULL,
    n_rows bigint NOT NULL,
    n_fallback bigint NOT NULL,
    rows_sha256 text NOT NULL,
    published_at timestamp with time zone DEFAULT now() NOT NULL,
    first_live_at timestamp with time zone,
    is_live boolean DEFAULT false NOT NULL,
    dropped_at timestamp with time zone,
    promotion_id bigint,
    experiment text,
    challenger_id bigint,
    is_shadow boolean DEFAULT false NOT NULL,
    fit_key text,
    fingerprint text,
    n_ratings bigint,
    git_sha text,
    run_id text DEFAULT ''::text NOT NULL,
    made_after bigint DEFAULT 0 NOT NULL,
    copy_of bigint,
    left_out bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    CONSTRAINT publications_check CHECK ((NOT (is_shadow AND is_live)))
);

CREATE VIEW api.live AS
 SELECT p.publication_id,
    p.as_of,
    p.recipe_key,
    p.model_version,
    p.experiment,
    f.digest,
    p.watermark,
    c.recipe_key AS challenger_recipe_key,
    c.model_version AS challenger_version,
    cf.digest AS challenger_digest,
    COALESCE(p.copy_of, p.publication_id) AS origin_id,
    (COALESCE((p.params ->> 'depth'::text), (p.params ->> 'top_n'::text)))::integer AS depth,
    ((p.params ->> 'top_n'::text))::integer AS top_n,
    ((p.params ->> 'min_history'::text))::integer AS min_history,
    ((p.params ->> 'like_threshold'::text))::double precision AS like_threshold,
    l.seq,
    l.went_live_at
   FROM ((((public.live_history l
     JOIN public.publications p ON ((p.publication_id = l.publication_id)))
     LEFT JOIN public.fits f ON ((f.fit_key = p.fit_key)))
     LEFT JOIN public.publications c ON ((c.publication_id = p.challenger_id)))
     LEFT JOIN public.fits cf ON ((cf.fit_key = c.fit_key)))
  WHERE (l.seq = ( SELECT max(live_history.seq) AS max
           FROM public.live_history
          WHERE (live_history.seq <= public.newest_change_of_live())));

CREATE TABLE public.rerated (
    user_id bigint NOT NULL,
    movie_id bigint NOT NULL
);

CREATE MATERIALIZED VIEW public.mv_rerated AS
 WITH versions AS MATERIALIZED (
         SELECT r.user_id,
            r.movie_id,
            r.rating,
            r.rated_at,
            r.drop_id,
            d.drop_date,
            d.revision
           FROM ((public.rerated
             JOIN public.ratings r USING (user_id, movie_id))
             JOIN public.drops d USING (drop_id))
        ), newer AS (
         SELECT v.user_id,
            v.movie_id,
            v.rated_at,
            v.drop_id,
            n.rated_at AS newer_at,
            n.drop_id AS newer_drop
           FROM (versions v
             JOIN versions n USING (user_id, movie_id))
          WHERE (ROW(n.rated_at, n.drop_date, n.revision) > ROW(v.rated_at, v.drop_date, v.revision))
        ), steps AS (
         SELECT newer.user_id,
            newer.movie_id,
            newer.rated_at,
            newer.drop_id,
            newer.newer_at,
            min(min(newer.newer_drop)) OVER earlier AS superseded_by,
            lead(newer.newer_at) OVER earlier AS next_at
           FROM newer
          GROUP BY newer.user_id, newer.movie_id, newer.rated_at, newer.drop_id, newer.newer_at
          WINDOW earlier AS (PARTITION BY newer.user_id, newer.movie_id, newer.rated_at, newer.drop_id ORDER BY newer.newer_at)
        ), first_step AS (
         SELECT steps.user_id,
            steps.movie_id,
            steps.rated_at,
            steps.drop_id,
            min(steps.newer_at) AS newer_at
           FROM steps
          GROUP BY steps.user_id, steps.movie_id, steps.rated_at, steps.drop_id
        )
 SELECT v.user_id,
    v.movie_id,
    v.rating,
    v.rated_at,
    v.drop_id,
    v.rated_at AS valid_from,
    COALESCE(f.newer_at, 'infinity'::timestamp with time zone) AS valid_to,
    '9223372036854775807'::bigint AS superseded_by
   FROM (versions v
     LEFT JOIN first_step f USING (user_id, movie_id, rated_at, drop_id))
  WHERE ((f.newer_at IS NULL) OR (f.newer_at > v.rated_at))
UNION ALL
 SELECT v.user_id,
    v.movie_id,
    v.rating,
    v.rated_at,
    v.drop_id,
    s.newer_at AS valid_from,
    COALESCE(s.next_at, 'infinity'::timestamp with time zone) AS valid_to,
    s.superseded_by
   FROM (steps s
     JOIN versions v USING (user_id, movie_id, rated_at, drop_id))
  WHERE (s.superseded_by > s.drop_id)
  WITH NO DATA;

CREATE VIEW api.live_ratings AS
 SELECT r.user_id,
    r.movie_id,
    r.rating,
    r.rated_at
   FROM (api.live l
     JOIN public.ratings r ON (((r.rated_at < l.as_of) AND (r.drop_id <= l.watermark))))
  WHERE (NOT (EXISTS ( SELECT
           FROM public.mv_rerated m
          WHERE ((m.user_id = r.user_id) AND (m.movie_id = r.movie_id)))))
UNION ALL
 SELECT v.user_id,
    v.movie_id,
    v.rating,
    v.rated_at
   FROM (api.live l
     JOIN public.mv_rerated v ON (((v.valid_from < l.as_of) AND (l.as_of <= v.valid_to) AND (v.drop_id <= l.watermark) AND (l.watermark < v.superseded_by))));

CREATE FUNCTION api.liked_genres(user_id bigint, like_threshold double precision) RETURNS text[]
    LANGUAGE sql STABLE
    SET search_path TO 'pg_catalog', 'pg_temp'
    BEGIN ATOMIC
 SELECT array_agg(g.genre ORDER BY g.n DESC, g.genre) AS array_agg
    FROM ( SELECT genre.genre,
             count(*) AS n
            FROM ((api.live_ratings r
              JOIN api.listed_movies c USING (movie_id))
              CROSS JOIN LATERAL unnest(c.genres) genre(genre))
           WHERE ((r.user_id = liked_genres.user_id) AND (r.rating >= liked_genres.like_threshold))
           GROUP BY genre.genre) g;
END;

CREATE MATERIALIZED VIEW public.mv_movie_persons AS
 WITH casts AS (
         SELECT versions.movie_id,
            versions.drop_id,
            COALESCE(min(versions.drop_id) OVER (PARTITION BY versions.movie_id ORDER BY drops.drop_date DESC, drops.revision DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '9223372036854775807'::bigint) AS superseded_by
           FROM (( SELECT DISTINCT movie_persons.movie_id,
                    movie_persons.drop_id
                   FROM public.movie_persons) versions
             JOIN public.drops USING (drop_id))
        )
 SELECT p.movie_id,
    p.drop_id,
    p.role,
    p."position",
    p.person_id,
    c.superseded_by
   FROM (public.movie_persons p
     JOIN casts c USING (movie_id, drop_id))
  WITH NO DATA;

CREATE FUNCTION api.person_named(name text, role text) RETURNS bigint
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    BEGIN ATOMIC
 WITH called AS (
          SELECT DISTINCT ON (persons.person_id) persons.person_id,
             persons.name
            FROM (public.persons
              JOIN public.drops USING (drop_id))
           WHERE (persons.person_id IN ( SELECT persons_1.person_id
                    FROM public.persons persons_1
                   WHERE (lower(persons_1.name) = lower(person_named.name))))
           ORDER BY persons.person_id, drops.drop_date DESC, drops.revision DESC
         )
  SELECT called.person_id
    FROM (called
      LEFT JOIN public.mv_movie_persons credits ON (((credits.person_id = called.person_id) AND (credits.role = person_named.role) AND (credits.superseded_by = '9223372036854775807'::bigint))))
   WHERE (lower(called.name) = lower(person_named.name))
   GROUP BY called.person_id
   ORDER BY (count(credits.movie_id)) DESC, called.person_id
  LIMIT 1;
END;

CREATE FUNCTION public.in_words(names text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (cardinality(names) > 1) THEN ((array_to_string((names)[:(cardinality(names) - 1)], ', '::text) || ' and '::text) || (names)[cardinality(names)]) ELSE (names)[1] END;

CREATE FUNCTION public.because_you_liked(titles text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ('Because you liked '::text || public.in_words(titles));

CREATE FUNCTION public.display_title(title text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN regexp_replace(regexp_replace(title, '^([^(]*), (The|A|An|Le|La|Les|L''|Un|Une|El|Los|Las|Il|Lo|I|Gli|Der|Die|Das|Det|Den|De)( \(.+\))?$'::text, '\2 \1\3'::text), '^L'' '::text, 'L'''::text);

CREATE FUNCTION public.popular_of_late(genres text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN (cardinality(genres) > 0) THEN ('Popular of late in the genres that you like: '::text || array_to_string(genres, ', '::text)) ELSE 'Popular of late'::text END;

CREATE TABLE public.withdrawals (
    movie_id bigint NOT NULL,
    withdrawn_at timestamp with time zone DEFAULT now() NOT NULL,
    reason text NOT NULL,
    withdrawal_id bigint NOT NULL,
    requested_by text,
    undone_at timestamp with time zone,
    undone_by text,
    undone_reason text
);

CREATE VIEW public.withdrawn AS
 SELECT movie_id,
    withdrawn_at,
    reason
   FROM public.withdrawals
  WHERE (undone_at IS NULL);

CREATE VIEW api.movies AS
 SELECT c.movie_id,
    c.title,
    c.year,
    c.genres,
    c.imdb_id,
    c.runtime_minutes,
    c.average_rating,
    c.votes,
    c.directors,
    c.actors,
    w.withdrawn_at
   FROM (public.mv_catalogue c
     LEFT JOIN public.withdrawn w USING (movie_id));

CREATE FUNCTION api.reason_of(movie_id bigint, kind text, cited_ids bigint[], contributions real[], liked_genres text[]) RETURNS json
    LANGUAGE sql STABLE
    BEGIN ATOMIC
 WITH cited AS (
          SELECT r.place,
             r.contribution,
             t.movie_id,
             public.display_title(t.title) AS title,
             t.directors,
             t.actors,
             t.genres
            FROM (UNNEST(reason_of.cited_ids, reason_of.contributions) WITH ORDINALITY r(movie_id, contribution, place)
              JOIN api.movies t ON ((t.movie_id = r.movie_id)))
           WHERE ((reason_of.kind <> 'rule'::text) AND (t.withdrawn_at IS NULL))
         ), shared AS (
          SELECT ARRAY( SELECT d.name
                    FROM unnest(m.directors) WITH ORDINALITY d(name, place)
                   WHERE (d.name IN ( SELECT unnest(cited.directors) AS unnest
                            FROM cited))
                   ORDER BY d.place) AS directors,
             ARRAY( SELECT a.name
                    FROM unnest(m.actors) WITH ORDINALITY a(name, place)
                   WHERE (a.name IN ( SELECT unnest(cited.actors) AS unnest
                            FROM cited))
                   ORDER BY a.place) AS actors,
                 CASE
                     WHEN (reason_of.kind = 'rule'::text) THEN ARRAY( SELECT g.name
                        FROM unnest(reason_of.liked_genres) WITH ORDINALITY g(name, place)
                       WHERE (g.name = ANY (m.genres))
                       ORDER BY g.place
                      LIMIT 3)
                     ELSE ARRAY( SELECT g.name
                        FROM unnest(m.genres) g(name)
                       WHERE (g.name IN ( SELECT unnest(cited.genres) AS unnest
                                FROM cited))
                       ORDER BY g.name)
                 END AS genres
            FROM api.movies m
           WHERE (m.movie_id = reason_of.movie_id)
         )
  SELECT json_build_object('kind', reason_of.kind, 'sentence',
         CASE
             WHEN (reason_of.kind = 'rule'::text) THEN public.popular_of_late(s.genres)
             ELSE public.because_you_liked(ARRAY( SELECT cited.title
                FROM cited
               ORDER BY cited.place))
         END, 'cited', ( SELECT COALESCE(json_agg(json_build_object('movie_id', c.movie_id, 'title', c.title, 'contribution', c.contribution) ORDER BY c.place), '[]'::json) AS "coalesce"
            FROM cited c), 'shared', json_build_object('directors', s.directors, 'actors', s.actors, 'genres', s.genres)) AS json_build_object
    FROM shared s;
END;

CREATE FUNCTION api.record_events(api_key_id text, idempotency_key text, entries jsonb) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    body_sha256 text := encode(
        sha256(convert_to(concat_ws(' ', 'events', entries), 'UTF8')), 'hex');
    answer jsonb := api.answer_before(api_key_id, idempotency_key, body_sha256);
    given_ids bigint[];
    errors jsonb;
    moment timestamptz;
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    given_ids := api.users_of(entries);
    PERFORM api.hold_users(given_ids);
    SELECT jsonb_agg(jsonb_build_object('index', place - 1, 'field', field, 'reason', reason)
                     ORDER BY place, field)
    INTO errors
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, kind text, recommendation_id text))
         WITH ORDINALITY AS g (user_id, movie_id, kind, recommendation_id, place)
    CROSS JOIN LATERAL (VALUES
        ('user_id', api.fault_of_user(g.user_id)),
        ('movie_id', CASE WHEN NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = g.movie_id)
                          THEN format('movie %s is not known', g.movie_id) END),
        ('kind', CASE WHEN coalesce(g.kind NOT IN ('shown', 'opened', 'dismissed'), true)
                      THEN 'kind is not shown, opened or dismissed' END),
        ('recommendation_id', CASE WHEN length(g.recommendation_id) > 200
                                   THEN 'recommendation_id is none that the API gave' END)
    ) AS faults (field, reason)
    WHERE reason IS NOT NULL;
    IF errors IS NOT NULL THEN
        RETURN jsonb_build_object('status', 422, 'errors', errors);
    END IF;
    moment := clock_timestamp();
    INSERT INTO feedback_events (user_id, movie_id, kind, recommendation_id, received_at)
    SELECT g.user_id, g.movie_id, g.kind, g.recommendation_id, moment
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, kind text, recommendation_id text))
         WITH ORDINALITY AS g (user_id, movie_id, kind, recommendation_id, place)
    ORDER BY place;
    answer := jsonb_build_object(
        'status', 201, 'accepted', jsonb_array_length(entries), 'received_at', moment);
    RETURN api.keep_answer(api_key_id, idempotency_key, body_sha256, answer, given_ids);
END;
$$;

CREATE FUNCTION api.record_ratings(api_key_id text, idempotency_key text, entries jsonb, for_new_user boolean) RETURNS jsonb
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
    body_sha256 text := encode(
        sha256(convert_to(concat_ws(' ', 'ratings', for_new_user, entries), 'UTF8')), 'hex');
    answer jsonb := api.answer_before(api_key_id, idempotency_key, body_sha256);
    given_ids bigint[];
    new_id bigint;
    errors jsonb;
    moment timestamptz;
BEGIN
    IF answer IS NOT NULL THEN
        RETURN answer;
    END IF;
    given_ids := api.users_of(entries);
    PERFORM api.hold_users(given_ids);
    SELECT jsonb_agg(jsonb_build_object('index', place - 1, 'field', field, 'reason', reason)
                     ORDER BY place, field)
    INTO errors
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, rating numeric))
         WITH ORDINALITY AS g (user_id, movie_id, rating, place)
    CROSS JOIN LATERAL (VALUES
        ('user_id', CASE WHEN NOT for_new_user THEN api.fault_of_user(g.user_id)
                         WHEN g.user_id IS NOT NULL
                             THEN 'a new user''s rating has no user_id: the answer has it' END),
        ('movie_id', CASE WHEN NOT EXISTS (SELECT FROM movies m WHERE m.movie_id = g.movie_id)
                          THEN format('movie %s is not known', g.movie_id) END),
        ('rating', CASE WHEN coalesce(g.rating NOT BETWEEN 0.5 AND 5
                                      OR g.rating * 2 <> trunc(g.rating * 2), true)
                        THEN format('rating %s is not between 0.5 and 5 in half stars', g.rating)
                   END)
    ) AS faults (field, reason)
    WHERE reason IS NOT NULL;
    IF errors IS NOT NULL THEN
        RETURN jsonb_build_object('status', 422, 'errors', errors);
    END IF;
    IF for_new_user THEN
        new_id := nextval('new_user_ids');
        given_ids := ARRAY[new_id];
    END IF;
    moment := clock_timestamp();
    INSERT INTO feedback_ratings (user_id, movie_id, rating, rated_at, received_at)
    SELECT coalesce(g.user_id, new_id), g.movie_id, g.rating, date_trunc('second', moment), moment
    FROM ROWS FROM (jsonb_to_recordset(entries)
                    AS (user_id bigint, movie_id bigint, rating numeric))
         WITH ORDINALITY AS g (user_id, movie_id, rating, place)
    ORDER BY place;
    answer := jsonb_strip_nulls(jsonb_build_object(
        'status', 201, 'accepted', jsonb_array_length(entries), 'received_at', moment,
        'user_id', new_id));
    RETURN api.keep_answer(api_key_id, idempotency_key, body_sha256, answer, given_ids);
END;
$$;

CREATE FUNCTION api.users_of(entries jsonb) RETURNS bigint[]
    LANGUAGE sql IMMUTABLE
    RETURN ARRAY(SELECT DISTINCT g.user_id FROM jsonb_to_recordset(users_of.entries) g(user_id bigint) WHERE (g.user_id IS NOT NULL));

CREATE FUNCTION public.challenger_has(user_id bigint, experiment text, share double precision) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN COALESCE(((((('x'::text || "left"(md5(((experiment || ' '::text) || user_id)), 8)))::bit(32))::bigint)::double precision < (share * ('4294967296'::bigint)::double precision)), false);

CREATE FUNCTION public.visible_ratings(as_of timestamp with time zone, watermark bigint) RETURNS TABLE(user_id bigint, movie_id bigint, rating real, rated_at timestamp with time zone)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT r.user_id,
     r.movie_id,
     r.rating,
     r.rated_at
    FROM public.ratings r
   WHERE ((r.rated_at < visible_ratings.as_of) AND (r.drop_id <= visible_ratings.watermark) AND (NOT (EXISTS ( SELECT
            FROM ( SELECT m.user_id,
                     m.movie_id
                    FROM public.mv_rerated m
                 UNION ALL
                  VALUES ((- (1)::bigint),(- (1)::bigint))) several(user_id, movie_id)
           WHERE ((several.user_id = r.user_id) AND (several.movie_id = r.movie_id))))))
 UNION ALL
  SELECT v.user_id,
     v.movie_id,
     v.rating,
     v.rated_at
    FROM public.mv_rerated v
   WHERE ((v.valid_from < visible_ratings.as_of) AND (visible_ratings.as_of <= v.valid_to) AND (v.drop_id <= visible_ratings.watermark) AND (visible_ratings.watermark < v.superseded_by));
END;

CREATE FUNCTION public.marked_ratings(as_of timestamp with time zone, watermark bigint, movie_ids bigint[]) RETURNS TABLE(user_id bigint, movie_id bigint, rating real, rated_at timestamp with time zone, is_newest boolean)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT o.user_id,
     o.movie_id,
     o.rating,
     o.rated_at,
     ((o.n >= 5) AND (o.place <= GREATEST((o.n / 10), (1)::bigint)))
    FROM ( SELECT v.user_id,
             v.movie_id,
             v.rating,
             v.rated_at,
             count(*) OVER (PARTITION BY v.user_id) AS n,
             row_number() OVER (PARTITION BY v.user_id ORDER BY (date_trunc('second'::text, v.rated_at)) DESC, v.movie_id DESC) AS place
            FROM public.visible_ratings(marked_ratings.as_of, marked_ratings.watermark) v(user_id, movie_id, rating, rated_at)
           WHERE (v.movie_id = ANY (marked_ratings.movie_ids))) o;
END;

CREATE FUNCTION public.search_keys(word text) RETURNS integer[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN (ARRAY[hashtext(word)] || ARRAY(SELECT hashtext(("left"(search_keys.word, (place.place - 1)) || substr(search_keys.word, (place.place + 1)))) AS hashtext FROM generate_series(1, CASE WHEN (length(search_keys.word) > 3) THEN length(search_keys.word) ELSE 0 END) place(place)));

CREATE FUNCTION public.search_words(phrase text) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN array_remove(regexp_split_to_array(replace(replace(replace(translate(lower(regexp_replace(NORMALIZE(phrase, NFKD), '[\u0300-\u036f''’ʼ`]'::text, ''::text, 'g'::text)), 'øłđðı'::text, 'olddi'::text), 'ß'::text, 'ss'::text), 'æ'::text, 'ae'::text), 'œ'::text, 'oe'::text), '[^[:alnum:]]+'::text), ''::text);

CREATE FUNCTION public.training_ratings(as_of timestamp with time zone, watermark bigint, cut timestamp with time zone, movie_ids bigint[]) RETURNS TABLE(user_id bigint, movie_id bigint, rating real, rated_at timestamp with time zone)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT v.user_id,
     v.movie_id,
     v.rating,
     v.rated_at
    FROM public.visible_ratings(training_ratings.cut, training_ratings.watermark) v(user_id, movie_id, rating, rated_at)
   WHERE (training_ratings.cut IS NOT NULL)
 UNION ALL
  SELECT m.user_id,
     m.movie_id,
     m.rating,
     m.rated_at
    FROM public.marked_ratings(training_ratings.as_of, training_ratings.watermark, training_ratings.movie_ids) m(user_id, movie_id, rating, rated_at, is_newest)
   WHERE ((training_ratings.cut IS NULL) AND (NOT m.is_newest));
END;

CREATE MATERIALIZED VIEW public.mv_movies AS
 SELECT m.movie_id,
    m.drop_id,
    d.drop_date,
    m.title,
    m.year,
    m.genres,
    COALESCE(min(m.drop_id) OVER (PARTITION BY m.movie_id ORDER BY d.drop_date DESC, d.revision DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '9223372036854775807'::bigint) AS superseded_by
   FROM (public.movies m
     JOIN public.drops d USING (drop_id))
  WITH NO DATA;

CREATE TABLE public.tags (
    user_id bigint NOT NULL,
    movie_id bigint NOT NULL,
    tag text NOT NULL,
    tagged_at timestamp with time zone NOT NULL,
    drop_id bigint NOT NULL
);

CREATE FUNCTION public.visible_movies(as_of date, watermark bigint) RETURNS TABLE(movie_id bigint, title text, year integer, genres text[])
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT m.movie_id,
     m.title,
     m.year,
     m.genres
    FROM public.mv_movies m
   WHERE ((m.drop_id <= visible_movies.watermark) AND (visible_movies.watermark < m.superseded_by) AND ((m.movie_id IN ( SELECT f.movie_id
            FROM public.mv_movies f
           WHERE ((f.drop_id <= visible_movies.watermark) AND (f.drop_date <= visible_movies.as_of)))) OR (m.movie_id IN ( SELECT DISTINCT r.movie_id
            FROM public.ratings r
           WHERE ((r.drop_id <= visible_movies.watermark) AND (r.rated_at < (visible_movies.as_of)::timestamp with time zone)))) OR (m.movie_id IN ( SELECT g.movie_id
            FROM public.tags g
           WHERE ((g.drop_id <= visible_movies.watermark) AND (g.tagged_at < (visible_movies.as_of)::timestamp with time zone))))));
END;

CREATE FUNCTION public.visible_versions(as_of timestamp with time zone, watermark bigint) RETURNS TABLE(user_id bigint, movie_id bigint, rated_at timestamp with time zone)
    LANGUAGE sql STABLE PARALLEL SAFE
    BEGIN ATOMIC
 SELECT r.user_id,
     r.movie_id,
     r.rated_at
    FROM public.ratings r
   WHERE ((r.rated_at < visible_versions.as_of) AND (r.drop_id <= visible_versions.watermark));
END;

CREATE FUNCTION staging.as_published(user_id bigint, movie_id bigint, rating real, rated_at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN concat_ws('|'::text, user_id, movie_id, (rating)::numeric(2,1), (EXTRACT(epoch FROM rated_at))::bigint);

CREATE FUNCTION staging.film_year(year integer) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE WHEN ((year >= 1870) AND (year <= 2100)) THEN year ELSE NULL::integer END;

CREATE FUNCTION staging.genres(value text, separator text) RETURNS text[]
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT COALESCE(array_agg(genres.genre ORDER BY genres.place), '{}'::text[]) AS "coalesce" FROM (SELECT btrim(parts.part, ' 	 '::text) AS genre, min(parts.place) AS place FROM string_to_table(genres.value, genres.separator) WITH ORDINALITY parts(part, place) GROUP BY (btrim(parts.part, ' 	 '::text))) genres WHERE (lower(genres.genre) <> ALL (ARRAY[''::text, '(no genres listed)'::text, '\n'::text, 'n/a'::text])));

CREATE FUNCTION staging.is_issued(user_id bigint) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (user_id >= '1099511627776'::bigint);

CREATE FUNCTION staging.is_number(value text, digits integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((value ~ ('^[0-9]+$'::text COLLATE "C")) AND (octet_length(value) <= digits));

CREATE FUNCTION staging.issued_fault(user_id text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN format('userId %s is one that the API issues; expected less than 1099511627776'::text, user_id);

CREATE FUNCTION staging.title_year(title text) RETURNS integer
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN staging.film_year(("substring"(title, '\(([0-9]{4})(?:[^0-9()][^()]*)?\)\s*$'::text))::integer);

CREATE FUNCTION staging.user_of(content text) RETURNS bigint
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT CASE WHEN ((first.number = trunc(first.number)) AND ((first.number >= ('-9223372036854775808'::bigint)::numeric) AND (first.number <= ('9223372036854775807'::bigint)::numeric))) THEN (first.number)::bigint ELSE NULL::bigint END AS "case" FROM (SELECT ("substring"("left"(user_of.content, 1000), '^[[:space:]\u00a0\ufeff"'']*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2}(?![0-9]))?)'::text))::numeric AS number) first);

CREATE TABLE public.retirements (
    retirement_id bigint NOT NULL,
    as_of date NOT NULL,
    reason text NOT NULL,
    requested_by text NOT NULL,
    run_id text DEFAULT ''::text NOT NULL,
    retired_at timestamp with time zone DEFAULT now() NOT NULL,
    publication_id bigint,
    undone_at timestamp with time zone,
    undone_by text,
    undone_reason text
);

CREATE VIEW public.retired_weeks AS
 SELECT as_of
   FROM public.retirements
  WHERE (undone_at IS NULL);

CREATE VIEW public.week_publications AS
 SELECT as_of,
    COALESCE(( SELECT h.publication_id
           FROM public.live_history h
          WHERE (h.as_of = w.as_of)
          ORDER BY h.seq DESC
         LIMIT 1), ( SELECT max(p.publication_id) AS max
           FROM public.publications p
          WHERE ((p.as_of = w.as_of) AND (NOT p.is_shadow)))) AS publication_id
   FROM ( SELECT DISTINCT publications.as_of
           FROM public.publications
          WHERE ((NOT publications.is_shadow) AND (NOT (publications.as_of IN ( SELECT retired_weeks.as_of
                   FROM public.retired_weeks))))) w;

CREATE VIEW api.champions AS
 SELECT p.publication_id,
    p.as_of,
    p.recipe_key,
    p.model_version,
    p.experiment,
    f.digest,
    COALESCE(p.copy_of, p.publication_id) AS origin_id,
    ((p.params ->> 'min_history'::text))::integer AS min_history,
    ((p.params ->> 'like_threshold'::text))::double precision AS like_threshold
   FROM ((public.week_publications w
     JOIN public.publications p USING (publication_id))
     LEFT JOIN public.fits f ON ((f.fit_key = p.fit_key)));

CREATE VIEW api.erased AS
 SELECT user_id
   FROM public.erased_users;

CREATE SEQUENCE public.feedback_ids
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

CREATE TABLE public.feedback_ratings (
    feedback_id bigint DEFAULT nextval('public.feedback_ids'::regclass) NOT NULL,
    user_id bigint NOT NULL,
    movie_id bigint NOT NULL,
    rating real NOT NULL,
    rated_at timestamp with time zone NOT NULL,
    received_at timestamp with time zone NOT NULL,
    batch_id bigint,
    CONSTRAINT feedback_ratings_rating_check CHECK ((((rating >= (0.5)::double precision) AND (rating <= (5)::double precision)) AND ((rating * (2)::double precision) = trunc((rating * (2)::double precision)))))
);

CREATE VIEW api.history AS
 SELECT DISTINCT ON (user_id, movie_id) user_id,
    movie_id,
    rating,
    rated_at,
    source,
    drop_date
   FROM ( SELECT r.user_id,
            r.movie_id,
            r.rating,
            r.rated_at,
            d.source,
            d.drop_date,
            d.revision,
            0 AS feedback_id
           FROM (public.ratings r
             JOIN public.drops d USING (drop_id))
        UNION ALL
         SELECT feedback_ratings.user_id,
            feedback_ratings.movie_id,
            feedback_ratings.rating,
            feedback_ratings.rated_at,
            'feedback'::text,
            NULL::date,
            NULL::integer,
            feedback_ratings.feedback_id
           FROM public.feedback_ratings) versions
  ORDER BY user_id, movie_id, rated_at DESC, drop_date DESC NULLS LAST, revision DESC NULLS LAST, feedback_id DESC;

CREATE TABLE public.feedback_events (
    feedback_id bigint DEFAULT nextval('public.feedback_ids'::regclass) NOT NULL,
    user_id bigint NOT NULL,
    movie_id bigint NOT NULL,
    kind text NOT NULL,
    recommendation_id text,
    received_at timestamp with time zone NOT NULL,
    CONSTRAINT feedback_events_kind_check CHECK ((kind = ANY (ARRAY['shown'::text, 'opened'::text, 'dismissed'::text])))
);

CREATE VIEW api.left_out AS
 SELECT feedback_ratings.user_id,
    feedback_ratings.movie_id
   FROM public.feedback_ratings
UNION ALL
 SELECT feedback_events.user_id,
    feedback_events.movie_id
   FROM public.feedback_events
  WHERE (feedback_events.kind = 'dismissed'::text);

CREATE TABLE public.published_lists (
    publication_id bigint NOT NULL,
    user_id bigint NOT NULL,
    movie_ids bigint[] NOT NULL,
    scores real[] NOT NULL,
    n_model integer NOT NULL,
    arm text,
    reason_kind text,
    cited bigint[],
    contributions real[],
    CONSTRAINT published_lists_reason_kind_check CHECK ((reason_kind = ANY (ARRAY['exact'::text, 'leave_one_out'::text, 'rule'::text])))
)
PARTITION BY LIST (publication_id);

CREATE VIEW public.reasons AS
 SELECT l.publication_id,
    l.user_id,
    (m.rank)::integer AS rank,
    m.movie_id,
    k.kind,
        CASE
            WHEN (k.kind = 'rule'::text) THEN public.popular_of_late(s.genres)
            ELSE public.because_you_liked(s.titles)
        END AS sentence,
    s.cited,
    json_build_object('directors', s.directors, 'actors', s.actors, 'genres', s.genres) AS shared
   FROM (((((public.publications p
     JOIN public.published_lists l USING (publication_id))
     CROSS JOIN LATERAL unnest(l.movie_ids[:((p.params ->> 'top_n'::text))::integer]) WITH ORDINALITY m(movie_id, rank))
     LEFT JOIN public.mv_catalogue c ON ((c.movie_id = m.movie_id)))
     CROSS JOIN LATERAL ( SELECT
                CASE
                    WHEN (m.rank > l.n_model) THEN 'rule'::text
                    ELSE l.reason_kind
                END AS kind) k)
     CROSS JOIN LATERAL ( WITH cited AS (
                 SELECT r.place,
                    r.contribution,
                    t.movie_id,
                    public.display_title(t.title) AS title,
                    t.directors,
                    t.actors,
                    t.genres
                   FROM (UNNEST(l.cited[((3 * m.rank) - 2):(3 * m.rank)], l.contributions[((3 * m.rank) - 2):(3 * m.rank)]) WITH ORDINALITY r(movie_id, contribution, place)
                     JOIN public.mv_catalogue t ON ((t.movie_id = r.movie_id)))
                  WHERE ((k.kind <> 'rule'::text) AND (NOT (EXISTS ( SELECT
                           FROM public.withdrawals w
                          WHERE ((w.movie_id = r.movie_id) AND (w.undone_at IS NULL))))))
                )
         SELECT ( SELECT array_agg(cited.title ORDER BY cited.place) AS array_agg
                   FROM cited) AS titles,
            ( SELECT COALESCE(json_agg(json_build_object('movie_id', cited.movie_id, 'title', cited.title, 'contribution', cited.contribution) ORDER BY cited.place), '[]'::json) AS "coalesce"
                   FROM cited) AS cited,
            ARRAY( SELECT d.name
                   FROM unnest(c.directors) WITH ORDINALITY d(name, place)
                  WHERE (d.name IN ( SELECT unnest(cited.directors) AS unnest
                           FROM cited))
                  ORDER BY d.place) AS directors,
            ARRAY( SELECT a.name
                   FROM unnest(c.actors) WITH ORDINALITY a(name, place)
                  WHERE (a.name IN ( SELECT unnest(cited.actors) AS unnest
                           FROM cited))
                  ORDER BY a.place) AS actors,
                CASE
                    WHEN (k.kind = 'rule'::text) THEN ARRAY( SELECT g.name
                       FROM ((( SELECT DISTINCT ON (r.movie_id) r.movie_id,
                                r.rating
                               FROM (public.ratings r
                                 JOIN public.drops d USING (drop_id))
                              WHERE ((r.user_id = l.user_id) AND (r.rated_at < (p.as_of)::timestamp with time zone) AND (r.drop_id <= p.watermark))
                              ORDER BY r.movie_id, r.rated_at DESC, d.drop_date DESC, d.revision DESC) newest
                         JOIN public.mv_catalogue t USING (movie_id))
                         CROSS JOIN LATERAL unnest(t.genres) g(name))
                      WHERE ((newest.rating >= ((p.params ->> 'like_threshold'::text))::real) AND (g.name = ANY (c.genres)))
                      GROUP BY g.name
                      ORDER BY (count(*)) DESC, g.name
                     LIMIT 3)
                    ELSE ARRAY( SELECT g.name
                       FROM unnest(c.genres) g(name)
                      WHERE (g.name IN ( SELECT unnest(cited.genres) AS unnest
                               FROM cited))
                      ORDER BY g.name)
                END AS genres) s);

COMMENT ON VIEW public.reasons IS 'Why each movie is in a list, of the lists whose rows are kept: a sentence, and what it rests on. Ask for one user, or a few.';

COMMENT ON COLUMN public.reasons.publication_id IS 'The publication whose list it is.';

COMMENT ON COLUMN public.reasons.user_id IS 'Whose list it is.';

COMMENT ON COLUMN public.reasons.rank IS 'The movie''s place in the list, from 1.';

COMMENT ON COLUMN public.reasons.movie_id IS 'The movie that is recommended.';

COMMENT ON COLUMN public.reasons.kind IS 'exact: contributions are terms of the score. leave_one_out: by how much the score falls without the like. rule: recent popularity in the genres that the user likes. NULL: no reasons were made.';

COMMENT ON COLUMN public.reasons.sentence IS 'For people; NULL where nothing is cited.';

COMMENT ON COLUMN public.reasons.cited IS 'The user''s own liked movies that speak most for it, three at most: movie_id, title, contribution in units of the score.';

COMMENT ON COLUMN public.reasons.shared IS 'Directors, actors and genres that the movie has in common with those; of a rule, the genres that the user likes.';

CREATE VIEW api.list_reasons AS
 SELECT publication_id,
    user_id,
    rank,
    movie_id,
    kind,
    sentence,
    cited,
    shared
   FROM public.reasons;

CREATE VIEW api.lists AS
 SELECT publication_id,
    user_id,
    movie_ids,
    scores,
    n_model,
    arm,
    reason_kind,
    cited,
    contributions
   FROM public.published_lists;

CREATE VIEW api.live_changes AS
 SELECT seq,
    publication_id,
    as_of,
    cause,
    went_live_at
   FROM public.live_history;

CREATE TABLE public.published_similar (
    publication_key text NOT NULL,
    movie_id bigint NOT NULL,
    similar_ids bigint[] NOT NULL,
    scores real[] NOT NULL,
    basis text NOT NULL,
    stored_at timestamp with time zone DEFAULT now() NOT NULL,
    n_raters integer[],
    CONSTRAINT published_similar_basis_check CHECK ((basis = ANY (ARRAY['model'::text, 'content'::text])))
);

CREATE VIEW public.similar_movies AS
 SELECT s.movie_id,
    (n.rank)::integer AS rank,
    n.similar_id,
    n.score,
    s.basis,
    n.n_raters
   FROM ((((( SELECT live_history.publication_id
           FROM public.live_history
          WHERE (live_history.seq <= public.newest_change_of_live())
          ORDER BY live_history.seq DESC
         LIMIT 1) live
     JOIN public.publications p ON ((p.publication_id = live.publication_id)))
     JOIN public.publications origin ON ((origin.publication_id = COALESCE(p.copy_of, p.publication_id))))
     JOIN public.published_similar s ON ((s.publication_key = origin.publication_key)))
     CROSS JOIN LATERAL ( SELECT row_number() OVER (ORDER BY near.place) AS rank,
            near.similar_id,
            near.score,
            near.n_raters
           FROM UNNEST(s.similar_ids, s.scores, s.n_raters) WITH ORDINALITY near(similar_id, score, n_raters, place)
          WHERE (NOT (EXISTS ( SELECT
                   FROM public.withdrawals w
                  WHERE ((w.movie_id = near.similar_id) AND (w.undone_at IS NULL)))))) n);

COMMENT ON VIEW public.similar_movies IS 'The movies that are nearest to each movie, up to 50, by the model whose lists are live, or by content for movies of which it has learned nothing.';

COMMENT ON COLUMN public.similar_movies.movie_id IS 'The movie: see catalogue.';

COMMENT ON COLUMN public.similar_movies.rank IS 'From 1, the nearest, without a gap: withdrawn movies are left out.';

COMMENT ON COLUMN public.similar_movies.similar_id IS 'The movie that is near.';

COMMENT ON COLUMN public.similar_movies.score IS 'Higher is nearer: a cosine or a weight of the model, or a share of content in common; comparable for one movie only.';

COMMENT ON COLUMN public.similar_movies.basis IS 'model: who liked the one liked the other. content: words of the title, genres and people.';

COMMENT ON COLUMN public.similar_movies.n_raters IS 'Raters in common: how many users had rated both, as the publication''s week has the ratings. NULL in publications made before these were counted.';

CREATE VIEW api.near_movies AS
 SELECT movie_id,
    rank,
    similar_id,
    score,
    basis,
    n_raters
   FROM public.similar_movies;

CREATE VIEW api.newest_feedback AS
 SELECT user_id,
    max(feedback_id) AS feedback_id
   FROM ( SELECT feedback_ratings.user_id,
            feedback_ratings.feedback_id
           FROM public.feedback_ratings
        UNION ALL
         SELECT feedback_events.user_id,
            feedback_events.feedback_id
           FROM public.feedback_events
          WHERE (feedback_events.kind = 'dismissed'::text)) given
  GROUP BY user_id;

CREATE TABLE public.drift (
    as_of date NOT NULL,
    measure text NOT NULL,
    value double precision,
    low double precision,
    high double precision,
    drifted boolean,
    sentence text NOT NULL
);

CREATE VIEW api.pages_drift AS
 SELECT as_of,
    measure,
    value,
    low,
    high,
    drifted,
    sentence
   FROM public.drift;

CREATE VIEW api.pages_drops AS
 SELECT drop_id,
    source,
    drop_date,
    revision,
    admitted_for,
    state,
    counts,
    reason,
    registered_at,
    settled_at
   FROM public.drops;

CREATE TABLE public.exam_results (
    as_of date NOT NULL,
    recipe_key text NOT NULL,
    slice text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL,
    n integer NOT NULL
);

CREATE VIEW api.pages_exam_results AS
 SELECT as_of,
    recipe_key,
    slice,
    metric,
    value,
    n
   FROM public.exam_results;

CREATE TABLE public.experiments (
    name text NOT NULL,
    recipe_key text NOT NULL,
    recipe jsonb NOT NULL,
    share double precision NOT NULL,
    first_as_of date NOT NULL,
    last_as_of date NOT NULL,
    run_id text DEFAULT ''::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT experiments_check CHECK ((last_as_of >= first_as_of)),
    CONSTRAINT experiments_share_check CHECK (((share >= (0)::double precision) AND (share <= (1)::double precision)))
);

CREATE VIEW api.pages_experiments AS
 SELECT name,
    recipe_key,
    share,
    first_as_of,
    last_as_of,
    created_at
   FROM public.experiments;

CREATE TABLE public.failed_fits (
    as_of date NOT NULL,
    recipe_key text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    run_id text DEFAULT ''::text NOT NULL,
    failed_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT failed_fits_kind_check CHECK ((kind = ANY (ARRAY['exam'::text, 'refit'::text])))
);

CREATE VIEW api.pages_failed_fits AS
 SELECT as_of,
    recipe_key,
    kind,
    reason
   FROM public.failed_fits;

CREATE VIEW api.pages_fits AS
 SELECT fit_key,
    recipe_key,
    recipe,
    kind,
    as_of,
    cut,
    n_ratings,
    run_id,
    fitted_at
   FROM public.fits f;

CREATE TABLE public.gate_verdicts (
    promotion_id bigint NOT NULL,
    recipe_key text NOT NULL,
    gate text NOT NULL,
    passed boolean NOT NULL,
    figure double precision,
    bound double precision,
    sentence text NOT NULL
);

CREATE VIEW api.pages_gate_verdicts AS
 SELECT promotion_id,
    recipe_key,
    gate,
    passed,
    figure,
    bound,
    sentence
   FROM public.gate_verdicts;

CREATE VIEW public.batch_recommendations AS
 SELECT l.publication_id,
    l.user_id,
    (m.rank)::integer AS rank,
    m.movie_id,
    m.score,
        CASE
            WHEN (m.rank <= l.n_model) THEN 'model'::text
            ELSE 'fallback'::text
        END AS source,
    l.arm
   FROM ((public.publications p
     JOIN public.published_lists l USING (publication_id))
     CROSS JOIN LATERAL UNNEST(l.movie_ids[:((p.params ->> 'top_n'::text))::integer], l.scores[:((p.params ->> 'top_n'::text))::integer]) WITH ORDINALITY m(movie_id, score, rank));

COMMENT ON VIEW public.batch_recommendations IS 'The top-N lists of all publications whose rows are kept.';

CREATE VIEW api.pages_lists AS
 SELECT publication_id,
    user_id,
    rank,
    movie_id,
    score,
    source,
    arm
   FROM public.batch_recommendations;

CREATE VIEW api.pages_live_history AS
 SELECT seq,
    publication_id,
    as_of,
    cause,
    reason,
    requested_by,
    went_live_at
   FROM public.live_history;

CREATE TABLE public.observed_hits (
    as_of date NOT NULL,
    publication_id bigint NOT NULL,
    since date NOT NULL,
    arm text NOT NULL,
    source text NOT NULL,
    recipe_key text NOT NULL,
    metric text NOT NULL,
    value double precision NOT NULL,
    low double precision NOT NULL,
    high double precision NOT NULL,
    n integer NOT NULL,
    n_shown integer DEFAULT 0 NOT NULL,
    CONSTRAINT observed_hits_arm_check CHECK ((arm = ANY (ARRAY['all'::text, 'champion'::text, 'challenger'::text, 'challenger - champion'::text]))),
    CONSTRAINT observed_hits_source_check CHECK ((source = ANY (ARRAY['all'::text, 'model'::text, 'fallback'::text])))
);

CREATE VIEW api.pages_observed_hits AS
 SELECT as_of,
    publication_id,
    since,
    arm,
    source,
    recipe_key,
    metric,
    value,
    low,
    high,
    n,
    n_shown
   FROM public.observed_hits;

CREATE TABLE public.promotions (
    as_of date NOT NULL,
    decision text NOT NULL,
    recipe_key text NOT NULL,
    recipe jsonb NOT NULL,
    model_version text NOT NULL,
    fit_key text NOT NULL,
    incumbent text,
    comparisons jsonb NOT NULL,
    reasons text[] NOT NULL,
    decided_at timestamp with time zone DEFAULT now() NOT NULL,
    promotion_id bigint NOT NULL,
    forced boolean DEFAULT false NOT NULL,
    stands boolean DEFAULT true NOT NULL,
    approval text,
    approved_by text,
    proposal_id bigint,
    users_needed bigint,
    fingerprint text,
    n_ratings bigint,
    git_sha text,
    run_id text DEFAULT ''::text NOT NULL,
    CONSTRAINT promotions_approval_check CHECK ((approval = ANY (ARRAY['approved'::text, 'rejected'::text, 'timed out'::text]))),
    CONSTRAINT promotions_decision_check CHECK ((decision = ANY (ARRAY['promoted'::text, 'kept'::text, 'not decided'::text, 'first'::text, 'popularity'::text, 'rolled back'::text, 'rolled forward'::text])))
);

CREATE VIEW api.pages_publications AS
 SELECT p.publication_id,
    p.as_of,
    p.is_live,
    p.recipe_key,
    p.model_version,
    p.fit_key,
    p.watermark,
    p.fingerprint,
    p.n_ratings,
    p.params,
    p.n_users,
    p.n_rows,
    p.n_fallback,
    p.rows_sha256,
    p.git_sha,
    p.run_id,
    p.published_at,
    p.first_live_at,
    p.dropped_at,
    p.experiment,
    p.is_shadow,
    p.challenger_id,
    p.copy_of,
    p.left_out,
    p.promotion_id,
    d.decision,
    d.forced,
    d.approval,
    d.approved_by
   FROM (public.publications p
     LEFT JOIN public.promotions d USING (promotion_id));

CREATE VIEW api.pages_rating_versions AS
 SELECT user_id,
    movie_id,
    rating,
    rated_at
   FROM public.ratings;

CREATE VIEW api.pages_ratings AS
 SELECT r.user_id,
    r.movie_id,
    r.rating,
    r.rated_at,
    r.drop_id,
    d.drop_date,
    d.revision
   FROM (public.ratings r
     JOIN public.drops d USING (drop_id));

CREATE TABLE public.rejected_rows (
    drop_id bigint NOT NULL,
    file text NOT NULL,
    line bigint NOT NULL,
    reason text NOT NULL,
    content text NOT NULL,
    user_id bigint
);

CREATE VIEW api.pages_rejected_rows AS
 SELECT r.drop_id,
    d.source,
    d.drop_date,
    r.file,
    r.line,
    r.reason,
    r.content
   FROM (public.rejected_rows r
     JOIN public.drops d USING (drop_id));

CREATE TABLE public.step_times (
    as_of date NOT NULL,
    run_id text NOT NULL,
    step text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    seconds double precision NOT NULL,
    part text DEFAULT ''::text NOT NULL,
    peak_bytes bigint,
    n_rows bigint
);

CREATE VIEW api.pages_step_times AS
 SELECT as_of,
    run_id,
    step,
    part,
    started_at,
    seconds,
    peak_bytes,
    n_rows
   FROM public.step_times;

CREATE VIEW api.pages_week_publications AS
 SELECT as_of,
    publication_id
   FROM public.week_publications;

CREATE TABLE public.exams (
    as_of date NOT NULL,
    kind text NOT NULL,
    weeks integer,
    cut timestamp with time zone,
    fingerprint text NOT NULL,
    n_users integer NOT NULL,
    n_ratings integer NOT NULL,
    incumbent text,
    incumbent_recipe jsonb,
    sketch bigint[],
    CONSTRAINT exams_kind_check CHECK ((kind = ANY (ARRAY['dated'::text, 'leave-newest-out'::text])))
);

CREATE VIEW public.week_decisions AS
 SELECT DISTINCT ON (as_of) as_of,
    decision,
    recipe_key,
    recipe,
    model_version,
    fit_key,
    incumbent,
    comparisons,
    reasons,
    decided_at,
    promotion_id,
    forced,
    stands,
    approval,
    approved_by,
    users_needed,
    fingerprint,
    n_ratings,
    git_sha,
    run_id,
    proposal_id
   FROM public.promotions
  WHERE (decision <> ALL (ARRAY['rolled back'::text, 'rolled forward'::text]))
  ORDER BY as_of, stands DESC, promotion_id DESC;

CREATE TABLE public.weeks (
    as_of date NOT NULL,
    watermark bigint NOT NULL,
    params jsonb NOT NULL,
    resolved_late boolean NOT NULL,
    resolved_at timestamp with time zone DEFAULT now() NOT NULL,
    ingested_at timestamp with time zone
);

CREATE VIEW api.pages_weeks AS
 SELECT w.as_of,
    w.watermark,
    w.params,
    w.resolved_late,
    w.ingested_at,
    (EXISTS ( SELECT
           FROM public.retired_weeks r
          WHERE (r.as_of = w.as_of))) AS is_retired,
    e.kind AS exam_kind,
    e.weeks AS exam_weeks,
    e.cut,
    e.n_users AS exam_users,
    e.n_ratings AS exam_ratings,
    d.decision,
    d.recipe_key AS decided,
    d.incumbent,
    d.comparisons,
    d.reasons,
    d.decided_at,
    d.promotion_id,
    d.forced,
    d.approval,
    d.approved_by,
    d.users_needed,
    d.run_id,
    p.publication_id,
    p.recipe_key AS champion,
    p.model_version,
    (EXISTS ( SELECT
           FROM public.live_history h
          WHERE (h.as_of = w.as_of))) AS was_live
   FROM ((((public.weeks w
     LEFT JOIN public.exams e USING (as_of))
     LEFT JOIN public.week_decisions d USING (as_of))
     LEFT JOIN public.week_publications v USING (as_of))
     LEFT JOIN public.publications p USING (publication_id));

CREATE TABLE public.publication_erasures (
    erasure_id bigint NOT NULL,
    publication_id bigint NOT NULL,
    n_rows bigint NOT NULL,
    rows_sha256 text NOT NULL,
    erased_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE VIEW public.lineage AS
 WITH flips AS (
         SELECT live_history.seq,
            live_history.publication_id,
            max(live_history.went_live_at) OVER (ORDER BY live_history.seq) AS live_from
           FROM public.live_history
        ), periods AS (
         SELECT flips.publication_id,
            tstzrange(flips.live_from, lead(flips.live_from) OVER (ORDER BY flips.seq)) AS period
           FROM flips
        ), seen AS (
         SELECT periods.publication_id,
            range_agg(periods.period) AS live
           FROM periods
          GROUP BY periods.publication_id
        ), answers AS (
         SELECT gate_verdicts.promotion_id,
            count(*) FILTER (WHERE gate_verdicts.passed) AS gates_passed,
            count(*) FILTER (WHERE (NOT gate_verdicts.passed)) AS gates_refused
           FROM public.gate_verdicts
          GROUP BY gate_verdicts.promotion_id
        )
 SELECT p.publication_id,
    p.as_of,
    p.is_live,
    s.live,
    p.recipe_key,
    p.model_version,
        CASE
            WHEN p.is_shadow THEN e.recipe
            ELSE d.recipe
        END AS recipe,
    p.fit_key,
    p.watermark,
    ( SELECT jsonb_agg(jsonb_build_object('source', t.source, 'drop_date', t.drop_date, 'revision', t.revision, 'sha256', t.sha256, 'rows', ( SELECT COALESCE(sum((f.n)::bigint), (0)::numeric) AS "coalesce"
                   FROM jsonb_each_text((t.counts -> 'read'::text)) f(file, n)), 'new', ( SELECT COALESCE(sum((f.n)::bigint), (0)::numeric) AS "coalesce"
                   FROM jsonb_each_text((t.counts -> 'new'::text)) f(fact, n))) ORDER BY t.drop_id) AS jsonb_agg
           FROM public.drops t
          WHERE ((t.drop_id <= p.watermark) AND (t.state = 'ingested'::text) AND (t.settled_at <= COALESCE(o.published_at, p.published_at)))) AS drops,
    p.fingerprint,
    p.n_ratings,
    p.params,
    p.n_users,
    p.n_rows,
    p.n_fallback,
    p.rows_sha256,
    p.git_sha,
    p.run_id,
    p.published_at,
    p.dropped_at,
    p.promotion_id,
    d.decision,
    d.forced,
    d.reasons,
    a.gates_passed,
    a.gates_refused,
    d.git_sha AS decided_git_sha,
    d.run_id AS decided_run_id,
    d.decided_at,
    d.approval,
    d.approved_by,
    ( SELECT jsonb_agg(jsonb_build_object('at', h.went_live_at, 'cause', h.cause, 'reason', h.reason, 'requested_by', h.requested_by) ORDER BY h.seq) AS jsonb_agg
           FROM public.live_history h
          WHERE ((h.publication_id = p.publication_id) AND (h.cause <> 'published'::text))) AS by_hand,
    p.experiment,
    p.is_shadow,
    p.challenger_id,
    p.copy_of,
    p.left_out,
    r.n_erased,
    r.sha256_left
   FROM ((((((public.publications p
     LEFT JOIN public.publications o ON ((o.publication_id = p.copy_of)))
     LEFT JOIN ( SELECT publication_erasures.publication_id,
            (sum(publication_erasures.n_rows))::bigint AS n_erased,
            (array_agg(publication_erasures.rows_sha256 ORDER BY publication_erasures.erasure_id DESC))[1] AS sha256_left
           FROM public.publication_erasures
          GROUP BY publication_erasures.publication_id) r ON ((r.publication_id = p.publication_id)))
     LEFT JOIN public.promotions d ON ((d.promotion_id = p.promotion_id)))
     LEFT JOIN answers a ON ((a.promotion_id = p.promotion_id)))
     LEFT JOIN seen s ON ((s.publication_id = p.publication_id)))
     LEFT JOIN public.experiments e ON ((e.name = p.experiment)));

COMMENT ON VIEW public.lineage IS 'One row a publication: which model, on which data, with which code, why it was champion, who approved it, when it was live.';

CREATE VIEW api.publication_lineage AS
 SELECT publication_id,
    as_of,
    is_live,
    ( SELECT COALESCE(json_agg(json_build_object('from', lower(p.p), 'until', upper(p.p)) ORDER BY (lower(p.p))), '[]'::json) AS "coalesce"
           FROM unnest(l.live) p(p)) AS live,
    recipe_key,
    model_version,
    recipe,
    fit_key,
    watermark,
    drops,
    fingerprint,
    n_ratings,
    params,
    n_users,
    n_rows,
    n_fallback,
    rows_sha256,
    git_sha,
    published_at,
    dropped_at,
    promotion_id,
    decision,
    forced,
    reasons,
    gates_passed,
    gates_refused,
    decided_at,
    approval,
    experiment,
    is_shadow,
    challenger_id,
    copy_of,
    left_out,
    n_erased,
    sha256_left
   FROM public.lineage l;

CREATE VIEW api.rated_through_api AS
 SELECT DISTINCT ON (user_id, movie_id) user_id,
    movie_id,
    rating,
    rated_at,
    feedback_id
   FROM public.feedback_ratings
  ORDER BY user_id, movie_id, feedback_id DESC;

CREATE MATERIALIZED VIEW public.mv_search_movies AS
 SELECT movie_id,
    cardinality(public.search_words(regexp_replace(title, '\s*\(\d{4}\)\s*$'::text, ''::text))) AS n_words,
    COALESCE(( SELECT string_agg(((' '::text || array_to_string(public.search_words(name.name), ' '::text)) || ' '::text), '|'::text) AS string_agg
           FROM unnest((mv_catalogue.directors || mv_catalogue.actors)) name(name)), ''::text) AS people,
    COALESCE(votes, 0) AS votes
   FROM public.mv_catalogue
  WITH NO DATA;

CREATE VIEW api.search_movies AS
 SELECT movie_id,
    n_words,
    people,
    votes
   FROM public.mv_search_movies;

CREATE MATERIALIZED VIEW public.mv_search_words AS
 WITH people AS (
         SELECT mv_catalogue.movie_id,
            unnest((mv_catalogue.directors || mv_catalogue.actors)) AS name
           FROM public.mv_catalogue
        ), names AS (
         SELECT n.name,
            public.search_words(n.name) AS words
           FROM ( SELECT DISTINCT people.name
                   FROM people) n
        ), spoken AS (
         SELECT mv_catalogue.movie_id,
            unnest(public.search_words(mv_catalogue.title)) AS word,
            true AS in_title
           FROM public.mv_catalogue
        UNION
         SELECT p.movie_id,
            unnest(n.words) AS unnest,
            false
           FROM (people p
             JOIN names n USING (name))
        )
 SELECT (word COLLATE "C") AS word,
    public.search_keys(word) AS keys,
    COALESCE(array_agg(movie_id ORDER BY movie_id) FILTER (WHERE in_title), '{}'::bigint[]) AS titles,
    COALESCE(array_agg(movie_id ORDER BY movie_id) FILTER (WHERE (NOT in_title)), '{}'::bigint[]) AS people
   FROM spoken
  GROUP BY word
  WITH NO DATA;

CREATE VIEW api.search_words AS
 SELECT word,
    keys,
    titles,
    people
   FROM public.mv_search_words;

CREATE TABLE public.catalogue_changes (
    n_drops bigint NOT NULL
);

CREATE VIEW api.versions AS
 SELECT ( SELECT (count(*) + count(withdrawals.undone_at))
           FROM public.withdrawals) AS withdrawals,
    ( SELECT catalogue_changes.n_drops
           FROM public.catalogue_changes) AS catalogue;

CREATE VIEW api.withdrawn_movies AS
 SELECT movie_id
   FROM public.withdrawals
  WHERE (undone_at IS NULL);

ALTER TABLE public.api_keys ALTER COLUMN key_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.api_keys_key_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.applied_objects (
    view_file text NOT NULL,
    place integer NOT NULL,
    kind text NOT NULL,
    identity text NOT NULL,
    grants text[] NOT NULL
);

CREATE TABLE public.applied_views (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE UNLOGGED TABLE public.candidates (
    publication_key text NOT NULL,
    shard integer NOT NULL,
    user_id bigint NOT NULL,
    movie_ids bigint[] NOT NULL,
    scores real[] NOT NULL,
    reason_kind text,
    cited bigint[],
    contributions real[]
);

CREATE VIEW public.catalogue AS
 SELECT c.movie_id,
    c.title,
    c.year,
    c.genres,
    c.imdb_id,
    c.runtime_minutes,
    c.average_rating,
    c.votes,
    c.directors,
    c.actors,
    w.withdrawn_at
   FROM (public.mv_catalogue c
     LEFT JOIN public.withdrawn w USING (movie_id));

COMMENT ON VIEW public.catalogue IS 'Every movie: title, year, genres, IMDb id, runtime, score and votes, directors and actors.';

COMMENT ON COLUMN public.catalogue.movie_id IS 'MovieLens'' number of the movie: what recommendations.movie_id refers to.';

COMMENT ON COLUMN public.catalogue.title IS 'As MovieLens publishes it: the year in brackets, and an article at the end (Sixth Sense, The (1999)).';

COMMENT ON COLUMN public.catalogue.year IS 'The year that the title says; NULL where it says none.';

COMMENT ON COLUMN public.catalogue.genres IS 'MovieLens'' genres, in no order that means anything; empty where none are listed.';

COMMENT ON COLUMN public.catalogue.imdb_id IS 'The number in IMDb''s id: 169547 is tt0169547, seven digits at least. NULL until an IMDb drop has the movie.';

COMMENT ON COLUMN public.catalogue.runtime_minutes IS 'By IMDb; NULL where it is not known.';

COMMENT ON COLUMN public.catalogue.average_rating IS 'The mean of IMDb''s votes, 1 to 10; NULL where there are none.';

COMMENT ON COLUMN public.catalogue.votes IS 'How many votes that mean is of.';

COMMENT ON COLUMN public.catalogue.directors IS 'Names, in IMDb''s order; NULL where none are known.';

COMMENT ON COLUMN public.catalogue.actors IS 'Names in billing order, actresses too; NULL where none are known.';

COMMENT ON COLUMN public.catalogue.withdrawn_at IS 'When the movie was withdrawn from recommendation; NULL: it was not.';

ALTER TABLE public.drops ALTER COLUMN drop_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.drops_drop_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.exam_entries (
    as_of date NOT NULL,
    recipe_key text NOT NULL,
    recipe jsonb NOT NULL,
    run_id text NOT NULL,
    user_ids bigint[] NOT NULL,
    ndcg real[] NOT NULL
);

CREATE TABLE public.exam_overlaps (
    as_of date NOT NULL,
    earlier date NOT NULL,
    share double precision NOT NULL
);

CREATE TABLE public.feedback_batches (
    batch_id bigint NOT NULL,
    as_of date NOT NULL,
    n_ratings bigint NOT NULL,
    closed_at timestamp with time zone DEFAULT now() NOT NULL,
    written_at timestamp with time zone
);

ALTER TABLE public.feedback_batches ALTER COLUMN batch_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.feedback_batches_batch_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.feedback_requests (
    api_key_id text NOT NULL,
    idempotency_key text NOT NULL,
    body_sha256 text NOT NULL,
    answer jsonb NOT NULL,
    user_ids bigint[] NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.links (
    movie_id bigint NOT NULL,
    drop_id bigint NOT NULL,
    imdb_id bigint,
    tmdb_id bigint
);

ALTER TABLE public.live_history ALTER COLUMN seq ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.live_history_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.migrations (
    name text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE MATERIALIZED VIEW public.mv_imdb_titles AS
 SELECT t.movie_id,
    t.drop_id,
    t.imdb_id,
    t.title_type,
    t.primary_title,
    t.start_year,
    t.runtime_minutes,
    t.genres,
    t.average_rating,
    t.votes,
    COALESCE(min(t.drop_id) OVER (PARTITION BY t.movie_id ORDER BY d.drop_date DESC, d.revision DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), '9223372036854775807'::bigint) AS superseded_by
   FROM (public.imdb_titles t
     JOIN public.drops d USING (drop_id))
  WITH NO DATA;

CREATE VIEW public.newest_live AS
 WITH flips AS (
         SELECT h.seq,
            COALESCE(p.copy_of, p.publication_id) AS publication_id,
            h.cause,
            p.as_of
           FROM (public.live_history h
             JOIN public.publications p USING (publication_id))
          WHERE (NOT (p.as_of IN ( SELECT retired_weeks.as_of
                   FROM public.retired_weeks)))
        )
 SELECT max(as_of) AS as_of,
    COALESCE((( SELECT flips_1.publication_id
           FROM flips flips_1
          ORDER BY flips_1.seq DESC
         LIMIT 1) IS DISTINCT FROM ( SELECT flips_1.publication_id
           FROM flips flips_1
          WHERE (flips_1.cause = 'published'::text)
          ORDER BY flips_1.seq DESC
         LIMIT 1)), false) AS is_rolled_back
   FROM flips;

ALTER TABLE public.promotions ALTER COLUMN promotion_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.promotions_promotion_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.proposals (
    proposal_id bigint NOT NULL,
    as_of date NOT NULL,
    run_id text NOT NULL,
    inputs text NOT NULL,
    decision jsonb NOT NULL,
    champion jsonb NOT NULL,
    fallback jsonb NOT NULL,
    incumbent text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE public.proposals ALTER COLUMN proposal_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.proposals_proposal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.publication_erasures ALTER COLUMN erasure_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.publication_erasures_erasure_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

ALTER TABLE public.publications ALTER COLUMN publication_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.publications_publication_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE VIEW public.recommendations AS
 SELECT p.publication_id,
    p.as_of,
    b.user_id,
    b.rank,
    b.movie_id,
    b.score,
    b.source,
        CASE b.arm
            WHEN 'challenger'::text THEN c.recipe_key
            ELSE p.recipe_key
        END AS recipe_key,
        CASE b.arm
            WHEN 'challenger'::text THEN c.model_version
            ELSE p.model_version
        END AS model_version,
    b.arm
   FROM ((public.publications p
     JOIN public.batch_recommendations b ON ((b.publication_id = p.publication_id)))
     LEFT JOIN public.publications c ON ((c.publication_id = p.challenger_id)))
  WHERE (p.publication_id = ( SELECT live_history.publication_id
           FROM public.live_history
          WHERE (live_history.seq <= public.newest_change_of_live())
          ORDER BY live_history.seq DESC
         LIMIT 1));

COMMENT ON VIEW public.recommendations IS 'The live top-N list of every user: rank 1 is best; source says whether the model or the fallback chose it.';

COMMENT ON COLUMN public.recommendations.publication_id IS 'The live publication: the same in every row.';

COMMENT ON COLUMN public.recommendations.as_of IS 'The day, midnight UTC, before which everything that the list goes by had happened.';

COMMENT ON COLUMN public.recommendations.user_id IS 'MovieLens'' number of the user.';

COMMENT ON COLUMN public.recommendations.rank IS 'From 1, the best, without a gap.';

COMMENT ON COLUMN public.recommendations.movie_id IS 'The movie: see catalogue.';

COMMENT ON COLUMN public.recommendations.score IS 'Higher is better, among one user''s rows of one source; each recipe has a scale of its own, and so has the fallback.';

COMMENT ON COLUMN public.recommendations.source IS 'model, or fallback: recent popularity in the genres that the user likes, where the model has nothing to say.';

COMMENT ON COLUMN public.recommendations.recipe_key IS 'The recipe of the model that made the list.';

COMMENT ON COLUMN public.recommendations.model_version IS 'The model''s version in MLflow.';

COMMENT ON COLUMN public.recommendations.arm IS 'champion or challenger while an experiment lasts, else NULL.';

CREATE TABLE public.refit_verdicts (
    as_of date NOT NULL,
    recipe_key text NOT NULL,
    fit_key text NOT NULL,
    gate text NOT NULL,
    passed boolean NOT NULL,
    figure double precision,
    bound double precision,
    sentence text NOT NULL
);

CREATE TABLE public.refits (
    model_version text NOT NULL,
    as_of date NOT NULL,
    recipe_key text NOT NULL,
    recipe jsonb NOT NULL,
    requested_at timestamp with time zone DEFAULT now() NOT NULL,
    refitted_as text,
    refitted_at timestamp with time zone
);

ALTER TABLE public.retirements ALTER COLUMN retirement_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.retirements_retirement_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.runs (
    run_id text NOT NULL,
    kind text NOT NULL,
    started_by text,
    started_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.scored_shards (
    publication_key text NOT NULL,
    shard integer NOT NULL,
    n_shards integer NOT NULL,
    n_rows bigint NOT NULL
);

CREATE TABLE public.tuned_recipes (
    recipe_key text NOT NULL,
    study text NOT NULL,
    name text NOT NULL,
    recipe jsonb NOT NULL,
    tuned_for date NOT NULL,
    validation_ndcg double precision NOT NULL,
    default_ndcg double precision NOT NULL,
    n_trials integer NOT NULL,
    tuned_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.tuning_trials (
    study text NOT NULL,
    number integer NOT NULL,
    recipe jsonb NOT NULL,
    validation_ndcg double precision,
    failure text,
    run_id text NOT NULL,
    CONSTRAINT tuning_trials_check CHECK (((validation_ndcg IS NULL) = (failure IS NOT NULL)))
);

ALTER TABLE public.withdrawals ALTER COLUMN withdrawal_id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.withdrawals_withdrawal_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE UNLOGGED TABLE staging.imdb_crew (
    file text,
    line bigint,
    imdb_id bigint,
    directors text
);

CREATE UNLOGGED TABLE staging.imdb_persons (
    file text,
    line bigint,
    nconst text,
    name text,
    birth_year text,
    death_year text
);

CREATE UNLOGGED TABLE staging.imdb_principals (
    file text,
    line bigint,
    imdb_id bigint,
    ordering text,
    nconst text
);

CREATE UNLOGGED TABLE staging.imdb_ratings (
    file text,
    line bigint,
    imdb_id bigint,
    average_rating text,
    votes text
);

CREATE UNLOGGED TABLE staging.imdb_titles (
    file text,
    line bigint,
    movie_id bigint,
    imdb_id bigint,
    title_type text,
    primary_title text,
    start_year text,
    runtime_minutes text,
    genres text
);

CREATE UNLOGGED TABLE staging.links (
    file text,
    line bigint,
    movie_id text,
    imdb_id text,
    tmdb_id text
);

CREATE UNLOGGED TABLE staging.movies (
    file text,
    line bigint,
    movie_id text,
    title text,
    genres text
);

CREATE UNLOGGED TABLE staging.ratings (
    file text NOT NULL,
    line bigint NOT NULL,
    user_id bigint NOT NULL,
    movie_id bigint NOT NULL,
    rating real NOT NULL,
    rated_at timestamp with time zone NOT NULL
);

CREATE UNLOGGED TABLE staging.rejects (
    file text,
    line bigint,
    reason text,
    content text,
    user_text text
);

CREATE UNLOGGED TABLE staging.tags (
    file text,
    line bigint,
    user_id text,
    movie_id text,
    tag text,
    tagged_at text
);

CREATE UNLOGGED TABLE staging.unread_ratings (
    file text,
    line bigint,
    user_id text,
    movie_id text,
    rating text,
    rated_at text
);

CREATE UNLOGGED TABLE staging.users (
    file text,
    line bigint,
    user_id text,
    gender text,
    age text,
    occupation text,
    zip_code text
);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_digest_key UNIQUE (digest);

ALTER TABLE ONLY public.api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_id);

ALTER TABLE ONLY public.applied_objects
    ADD CONSTRAINT applied_objects_pkey PRIMARY KEY (view_file, place);

ALTER TABLE ONLY public.applied_views
    ADD CONSTRAINT applied_views_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.drift
    ADD CONSTRAINT drift_pkey PRIMARY KEY (as_of, measure);

ALTER TABLE ONLY public.drops
    ADD CONSTRAINT drops_pkey PRIMARY KEY (drop_id);

ALTER TABLE ONLY public.drops
    ADD CONSTRAINT drops_source_drop_date_revision_key UNIQUE (source, drop_date, revision);

ALTER TABLE ONLY public.erased_users
    ADD CONSTRAINT erased_users_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.exam_entries
    ADD CONSTRAINT exam_entries_pkey PRIMARY KEY (as_of, recipe_key);

ALTER TABLE ONLY public.exam_overlaps
    ADD CONSTRAINT exam_overlaps_pkey PRIMARY KEY (as_of, earlier);

ALTER TABLE ONLY public.exam_results
    ADD CONSTRAINT exam_results_pkey PRIMARY KEY (as_of, recipe_key, slice, metric);

ALTER TABLE ONLY public.exams
    ADD CONSTRAINT exams_pkey PRIMARY KEY (as_of);

ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT experiments_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.failed_fits
    ADD CONSTRAINT failed_fits_pkey PRIMARY KEY (as_of, recipe_key, kind);

ALTER TABLE ONLY public.feedback_batches
    ADD CONSTRAINT feedback_batches_as_of_key UNIQUE (as_of);

ALTER TABLE ONLY public.feedback_batches
    ADD CONSTRAINT feedback_batches_pkey PRIMARY KEY (batch_id);

ALTER TABLE ONLY public.feedback_events
    ADD CONSTRAINT feedback_events_pkey PRIMARY KEY (feedback_id);

ALTER TABLE ONLY public.feedback_ratings
    ADD CONSTRAINT feedback_ratings_pkey PRIMARY KEY (feedback_id);

ALTER TABLE ONLY public.feedback_requests
    ADD CONSTRAINT feedback_requests_pkey PRIMARY KEY (api_key_id, idempotency_key);

ALTER TABLE ONLY public.fits
    ADD CONSTRAINT fits_pkey PRIMARY KEY (fit_key);

ALTER TABLE ONLY public.gate_verdicts
    ADD CONSTRAINT gate_verdicts_pkey PRIMARY KEY (promotion_id, recipe_key, gate);

ALTER TABLE ONLY public.imdb_titles
    ADD CONSTRAINT imdb_titles_pkey PRIMARY KEY (movie_id, drop_id);

ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_pkey PRIMARY KEY (movie_id, drop_id);

ALTER TABLE ONLY public.live_history
    ADD CONSTRAINT live_history_pkey PRIMARY KEY (seq);

ALTER TABLE ONLY public.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

ALTER TABLE ONLY public.movie_persons
    ADD CONSTRAINT movie_persons_pkey PRIMARY KEY (movie_id, drop_id, role, "position");

ALTER TABLE ONLY public.movies
    ADD CONSTRAINT movies_pkey PRIMARY KEY (movie_id, drop_id);

ALTER TABLE ONLY public.observed_hits
    ADD CONSTRAINT observed_hits_pkey PRIMARY KEY (as_of, publication_id, arm, source, metric);

ALTER TABLE ONLY public.persons
    ADD CONSTRAINT persons_pkey PRIMARY KEY (person_id, drop_id);

ALTER TABLE ONLY public.promotions
    ADD CONSTRAINT promotions_pkey PRIMARY KEY (promotion_id);

ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_as_of_run_id_inputs_key UNIQUE (as_of, run_id, inputs);

ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_pkey PRIMARY KEY (proposal_id);

ALTER TABLE ONLY public.publication_erasures
    ADD CONSTRAINT publication_erasures_pkey PRIMARY KEY (erasure_id);

ALTER TABLE ONLY public.publications
    ADD CONSTRAINT publications_pkey PRIMARY KEY (publication_id);

ALTER TABLE ONLY public.publications
    ADD CONSTRAINT publications_publication_key_key UNIQUE (publication_key);

ALTER TABLE ONLY public.published_fallback
    ADD CONSTRAINT published_fallback_pkey PRIMARY KEY (publication_id, place);

ALTER TABLE ONLY public.published_lists
    ADD CONSTRAINT published_lists_pkey PRIMARY KEY (publication_id, user_id);

ALTER TABLE ONLY public.published_similar
    ADD CONSTRAINT published_similar_pkey PRIMARY KEY (publication_key, movie_id);

ALTER TABLE ONLY public.ratings
    ADD CONSTRAINT ratings_pkey PRIMARY KEY (user_id, movie_id, rated_at, drop_id);

ALTER TABLE ONLY public.refit_verdicts
    ADD CONSTRAINT refit_verdicts_pkey PRIMARY KEY (as_of, recipe_key, gate);

ALTER TABLE ONLY public.refits
    ADD CONSTRAINT refits_pkey PRIMARY KEY (model_version);

ALTER TABLE ONLY public.rejected_rows
    ADD CONSTRAINT rejected_rows_pkey PRIMARY KEY (drop_id, file, line);

ALTER TABLE ONLY public.rerated
    ADD CONSTRAINT rerated_pkey PRIMARY KEY (user_id, movie_id);

ALTER TABLE ONLY public.retirements
    ADD CONSTRAINT retirements_pkey PRIMARY KEY (retirement_id);

ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (run_id);

ALTER TABLE ONLY public.scored_shards
    ADD CONSTRAINT scored_shards_pkey PRIMARY KEY (publication_key, shard);

ALTER TABLE ONLY public.step_times
    ADD CONSTRAINT step_times_pkey PRIMARY KEY (as_of, run_id, step, part, started_at);

ALTER TABLE ONLY public.tags
    ADD CONSTRAINT tags_pkey PRIMARY KEY (user_id, movie_id, tag, tagged_at);

ALTER TABLE ONLY public.tuned_recipes
    ADD CONSTRAINT tuned_recipes_pkey PRIMARY KEY (study, recipe_key);

ALTER TABLE ONLY public.tuning_trials
    ADD CONSTRAINT tuning_trials_pkey PRIMARY KEY (study, number);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id, drop_id);

ALTER TABLE ONLY public.weeks
    ADD CONSTRAINT weeks_pkey PRIMARY KEY (as_of);

ALTER TABLE ONLY public.withdrawals
    ADD CONSTRAINT withdrawals_pkey PRIMARY KEY (withdrawal_id);

CREATE INDEX feedback_events_user ON public.feedback_events USING btree (user_id, kind, received_at);

CREATE INDEX feedback_ratings_batch ON public.feedback_ratings USING btree (batch_id);

CREATE INDEX feedback_ratings_user ON public.feedback_ratings USING btree (user_id, movie_id, feedback_id);

CREATE INDEX fits_variants ON public.fits USING btree (variant_of) WHERE (variant_of IS NOT NULL);

CREATE UNIQUE INDEX mv_catalogue_key ON public.mv_catalogue USING btree (movie_id);

CREATE UNIQUE INDEX mv_imdb_titles_key ON public.mv_imdb_titles USING btree (movie_id, drop_id);

CREATE UNIQUE INDEX mv_movie_persons_key ON public.mv_movie_persons USING btree (movie_id, drop_id, role, "position");

CREATE UNIQUE INDEX mv_movies_key ON public.mv_movies USING btree (movie_id, drop_id);

CREATE UNIQUE INDEX mv_rerated_key ON public.mv_rerated USING btree (user_id, movie_id, rated_at, drop_id, valid_from);

CREATE UNIQUE INDEX mv_search_movies_key ON public.mv_search_movies USING btree (movie_id);

CREATE UNIQUE INDEX mv_search_words_key ON public.mv_search_words USING btree (word);

CREATE INDEX mv_search_words_keys ON public.mv_search_words USING gin (keys);

CREATE UNIQUE INDEX promotions_run_forced_once ON public.promotions USING btree (as_of, run_id) WHERE forced;

CREATE UNIQUE INDEX promotions_week_decided_once ON public.promotions USING btree (as_of) WHERE ((NOT forced) AND (decision <> ALL (ARRAY['rolled back'::text, 'rolled forward'::text])));

CREATE INDEX publications_copies ON public.publications USING btree (copy_of) WHERE (copy_of IS NOT NULL);

CREATE UNIQUE INDEX publications_one_live ON public.publications USING btree (is_live) WHERE is_live;

CREATE UNIQUE INDEX retirements_one_a_week ON public.retirements USING btree (as_of) WHERE (undone_at IS NULL);

CREATE UNIQUE INDEX withdrawals_one_a_movie ON public.withdrawals USING btree (movie_id) WHERE (undone_at IS NULL);

ALTER TABLE ONLY public.applied_objects
    ADD CONSTRAINT applied_objects_view_file_fkey FOREIGN KEY (view_file) REFERENCES public.applied_views(name) ON DELETE CASCADE;

ALTER TABLE ONLY public.drift
    ADD CONSTRAINT drift_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.exam_entries
    ADD CONSTRAINT exam_entries_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.exams(as_of);

ALTER TABLE ONLY public.exam_overlaps
    ADD CONSTRAINT exam_overlaps_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.exams(as_of);

ALTER TABLE ONLY public.exam_overlaps
    ADD CONSTRAINT exam_overlaps_earlier_fkey FOREIGN KEY (earlier) REFERENCES public.exams(as_of);

ALTER TABLE ONLY public.exam_results
    ADD CONSTRAINT exam_results_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.exams(as_of);

ALTER TABLE ONLY public.exams
    ADD CONSTRAINT exams_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.experiments
    ADD CONSTRAINT experiments_first_as_of_fkey FOREIGN KEY (first_as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.failed_fits
    ADD CONSTRAINT failed_fits_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.feedback_ratings
    ADD CONSTRAINT feedback_ratings_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES public.feedback_batches(batch_id);

ALTER TABLE ONLY public.fits
    ADD CONSTRAINT fits_variant_of_fkey FOREIGN KEY (variant_of) REFERENCES public.fits(fit_key);

ALTER TABLE ONLY public.gate_verdicts
    ADD CONSTRAINT gate_verdicts_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES public.promotions(promotion_id);

ALTER TABLE ONLY public.imdb_titles
    ADD CONSTRAINT imdb_titles_drop_id_fkey FOREIGN KEY (drop_id) REFERENCES public.drops(drop_id);

ALTER TABLE ONLY public.links
    ADD CONSTRAINT links_drop_id_fkey FOREIGN KEY (drop_id) REFERENCES public.drops(drop_id);

ALTER TABLE ONLY public.live_history
    ADD CONSTRAINT live_history_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES public.publications(publication_id);

ALTER TABLE ONLY public.movies
    ADD CONSTRAINT movies_drop_id_fkey FOREIGN KEY (drop_id) REFERENCES public.drops(drop_id);

ALTER TABLE ONLY public.observed_hits
    ADD CONSTRAINT observed_hits_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.observed_hits
    ADD CONSTRAINT observed_hits_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES public.publications(publication_id);

ALTER TABLE ONLY public.observed_hits
    ADD CONSTRAINT observed_hits_since_fkey FOREIGN KEY (since) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.persons
    ADD CONSTRAINT persons_drop_id_fkey FOREIGN KEY (drop_id) REFERENCES public.drops(drop_id);

ALTER TABLE ONLY public.promotions
    ADD CONSTRAINT promotions_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.exams(as_of);

ALTER TABLE ONLY public.promotions
    ADD CONSTRAINT promotions_proposal_id_fkey FOREIGN KEY (proposal_id) REFERENCES public.proposals(proposal_id);

ALTER TABLE ONLY public.proposals
    ADD CONSTRAINT proposals_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.exams(as_of);

ALTER TABLE ONLY public.publication_erasures
    ADD CONSTRAINT publication_erasures_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES public.publications(publication_id);

ALTER TABLE ONLY public.publications
    ADD CONSTRAINT publications_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.publications
    ADD CONSTRAINT publications_challenger_id_fkey FOREIGN KEY (challenger_id) REFERENCES public.publications(publication_id);

ALTER TABLE ONLY public.publications
    ADD CONSTRAINT publications_copy_of_fkey FOREIGN KEY (copy_of) REFERENCES public.publications(publication_id);

ALTER TABLE ONLY public.publications
    ADD CONSTRAINT publications_promotion_id_fkey FOREIGN KEY (promotion_id) REFERENCES public.promotions(promotion_id);

ALTER TABLE ONLY public.refit_verdicts
    ADD CONSTRAINT refit_verdicts_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.exams(as_of);

ALTER TABLE ONLY public.refits
    ADD CONSTRAINT refits_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.rejected_rows
    ADD CONSTRAINT rejected_rows_drop_id_fkey FOREIGN KEY (drop_id) REFERENCES public.drops(drop_id);

ALTER TABLE ONLY public.retirements
    ADD CONSTRAINT retirements_as_of_fkey FOREIGN KEY (as_of) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.retirements
    ADD CONSTRAINT retirements_publication_id_fkey FOREIGN KEY (publication_id) REFERENCES public.publications(publication_id);

ALTER TABLE ONLY public.tuned_recipes
    ADD CONSTRAINT tuned_recipes_tuned_for_fkey FOREIGN KEY (tuned_for) REFERENCES public.weeks(as_of);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_drop_id_fkey FOREIGN KEY (drop_id) REFERENCES public.drops(drop_id);

GRANT USAGE ON SCHEMA api TO recsys_api;

GRANT USAGE ON SCHEMA public TO recsys_reader;

REVOKE ALL ON FUNCTION api.answer_before(api_key_id text, idempotency_key text, body_sha256 text) FROM PUBLIC;

REVOKE ALL ON FUNCTION api.check_key(key_id bigint, digest bytea) FROM PUBLIC;
GRANT ALL ON FUNCTION api.check_key(key_id bigint, digest bytea) TO recsys_api;

REVOKE ALL ON FUNCTION api.fault_of_user(user_id bigint) FROM PUBLIC;

GRANT SELECT ON TABLE api.fallback TO recsys_api;

GRANT SELECT ON TABLE api.listed_movies TO recsys_api;

GRANT SELECT ON TABLE api.rated TO recsys_api;

REVOKE ALL ON FUNCTION api.hold_users(user_ids bigint[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION api.keep_answer(api_key_id text, idempotency_key text, body_sha256 text, answer jsonb, user_ids bigint[]) FROM PUBLIC;

GRANT SELECT ON TABLE api.live TO recsys_api;

GRANT SELECT ON TABLE api.live_ratings TO recsys_api;

REVOKE ALL ON FUNCTION api.person_named(name text, role text) FROM PUBLIC;
GRANT ALL ON FUNCTION api.person_named(name text, role text) TO recsys_api;

GRANT SELECT ON TABLE api.movies TO recsys_api;

REVOKE ALL ON FUNCTION api.record_events(api_key_id text, idempotency_key text, entries jsonb) FROM PUBLIC;
GRANT ALL ON FUNCTION api.record_events(api_key_id text, idempotency_key text, entries jsonb) TO recsys_api;

REVOKE ALL ON FUNCTION api.record_ratings(api_key_id text, idempotency_key text, entries jsonb, for_new_user boolean) FROM PUBLIC;
GRANT ALL ON FUNCTION api.record_ratings(api_key_id text, idempotency_key text, entries jsonb, for_new_user boolean) TO recsys_api;

REVOKE ALL ON FUNCTION api.users_of(entries jsonb) FROM PUBLIC;

GRANT SELECT ON TABLE api.champions TO recsys_api;

GRANT SELECT ON TABLE api.erased TO recsys_api;

GRANT SELECT ON TABLE api.history TO recsys_api;

GRANT SELECT ON TABLE api.left_out TO recsys_api;

GRANT SELECT ON TABLE api.list_reasons TO recsys_api;

GRANT SELECT ON TABLE api.lists TO recsys_api;

GRANT SELECT ON TABLE api.live_changes TO recsys_api;

GRANT SELECT ON TABLE api.near_movies TO recsys_api;

GRANT SELECT ON TABLE api.newest_feedback TO recsys_api;

GRANT SELECT ON TABLE api.pages_drift TO recsys_api;

GRANT SELECT ON TABLE api.pages_drops TO recsys_api;

GRANT SELECT ON TABLE api.pages_exam_results TO recsys_api;

GRANT SELECT ON TABLE api.pages_experiments TO recsys_api;

GRANT SELECT ON TABLE api.pages_failed_fits TO recsys_api;

GRANT SELECT ON TABLE api.pages_fits TO recsys_api;

GRANT SELECT ON TABLE api.pages_gate_verdicts TO recsys_api;

GRANT SELECT ON TABLE api.pages_lists TO recsys_api;

GRANT SELECT ON TABLE api.pages_live_history TO recsys_api;

GRANT SELECT ON TABLE api.pages_observed_hits TO recsys_api;

GRANT SELECT ON TABLE api.pages_publications TO recsys_api;

GRANT SELECT ON TABLE api.pages_rating_versions TO recsys_api;

GRANT SELECT ON TABLE api.pages_ratings TO recsys_api;

GRANT SELECT ON TABLE api.pages_rejected_rows TO recsys_api;

GRANT SELECT ON TABLE api.pages_step_times TO recsys_api;

GRANT SELECT ON TABLE api.pages_week_publications TO recsys_api;

GRANT SELECT ON TABLE api.pages_weeks TO recsys_api;

GRANT SELECT ON TABLE api.publication_lineage TO recsys_api;

GRANT SELECT ON TABLE api.rated_through_api TO recsys_api;

GRANT SELECT ON TABLE api.search_movies TO recsys_api;

GRANT SELECT ON TABLE api.search_words TO recsys_api;

GRANT SELECT ON TABLE api.versions TO recsys_api;

GRANT SELECT ON TABLE api.withdrawn_movies TO recsys_api;

GRANT SELECT ON TABLE public.catalogue TO recsys_reader;

GRANT SELECT ON TABLE public.recommendations TO recsys_reader;
