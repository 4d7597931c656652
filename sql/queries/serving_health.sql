-- What /readyz says.

-- name: live()
SELECT publication_id AS publication, as_of, went_live_at,
       extract(epoch FROM now() - went_live_at)::double precision AS age_seconds
FROM api.live;
