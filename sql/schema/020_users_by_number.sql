-- Whose row it is, however the id is written: an erasure goes by the number, never by its text.

-- The number that a text begins with: 0, 00, 0007, +7, ' 7', "7", 7.0 and 7e0 are users 0, 0, 7, 7, 7, 7, 7 and 7. NULL where it
-- begins with none, or with one that no id can be.
CREATE FUNCTION staging.user_of(content text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT CASE WHEN number = trunc(number) AND number BETWEEN -9223372036854775808 AND 9223372036854775807 THEN number::bigint END
    FROM (
        SELECT substring(
            left(content, 1000)
            FROM '^[[:space:]\u00a0\ufeff"'']*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2}(?![0-9]))?)'
        )::numeric AS number
    ) first
);

-- The user's field of a row that could not be read, where the publisher's first column is another one; else NULL.
ALTER TABLE staging.rejects ADD COLUMN user_text text;

ALTER TABLE rejected_rows ADD COLUMN user_id bigint;  -- whose row it is; NULL where it is no user's, or does not say whose
UPDATE rejected_rows SET user_id = staging.user_of(content) WHERE staging.begins_with_user(file);

-- What earlier versions let drops bring back of users who had been erased.
DELETE FROM ratings r USING erased_users e WHERE r.user_id = e.user_id;
DELETE FROM rerated r USING erased_users e WHERE r.user_id = e.user_id;
DELETE FROM tags t USING erased_users e WHERE t.user_id = e.user_id;
DELETE FROM users u USING erased_users e WHERE u.user_id = e.user_id;
DELETE FROM rejected_rows r USING erased_users e WHERE r.user_id = e.user_id;
