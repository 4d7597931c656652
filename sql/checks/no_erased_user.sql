-- Nothing is left of a user who was erased, nor has a run that was under way brought it back.
SELECT NOT EXISTS (SELECT FROM ratings JOIN erased_users USING (user_id))
   AND NOT EXISTS (SELECT FROM rerated JOIN erased_users USING (user_id))
   AND NOT EXISTS (SELECT FROM mv_rerated JOIN erased_users USING (user_id))
   AND NOT EXISTS (SELECT FROM tags JOIN erased_users USING (user_id))
   AND NOT EXISTS (SELECT FROM users JOIN erased_users USING (user_id))
   AND NOT EXISTS (SELECT FROM rejected_rows JOIN erased_users USING (user_id))
   AND NOT EXISTS (SELECT FROM published_lists JOIN erased_users USING (user_id))
   AND NOT EXISTS (SELECT FROM exam_entries JOIN erased_users ON user_id = ANY (user_ids)) AS ok;
