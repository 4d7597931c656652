-- Movies that may not be recommended now.
CREATE VIEW withdrawn AS
SELECT movie_id, withdrawn_at, reason FROM withdrawals WHERE undone_at IS NULL;
