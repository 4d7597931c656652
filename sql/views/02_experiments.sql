-- Whether a user is in a challenger's share: the same answer every week, and a larger share keeps
-- everyone of a smaller one.
CREATE FUNCTION challenger_has(user_id bigint, experiment text, share double precision)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    ('x' || left(md5(experiment || ' ' || user_id), 8))::bit(32)::bigint < share * 4294967296,
    false
);
