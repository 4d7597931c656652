-- Nothing is left of a user who was erased.
SELECT NOT EXISTS (SELECT FROM mv_ratings JOIN erased_users USING (user_id)) AS ok;
