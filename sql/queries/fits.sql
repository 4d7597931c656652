-- The ledger of fits: what each came to, whatever becomes of MLflow.

-- name: fit(fit_key)
SELECT fit_key, digest, fingerprint, n_ratings, is_accepted FROM fits WHERE fit_key = %(fit_key)s;

-- name: has_any(recipe_key, cut)
-- Whether there may be a fit of the recipe up to the cut.
SELECT EXISTS (SELECT FROM fits WHERE recipe_key = %(recipe_key)s AND cut = %(cut)s) AS has_any;

-- name: variants(fit_key)
-- What a lost fit came to when it was made again, the newest first.
SELECT fit_key, is_accepted
FROM fits
WHERE variant_of = %(fit_key)s
ORDER BY fitted_at DESC, fit_key;

-- name: record_fit(fit_key, digest, variant_of, is_accepted, recipe_key, recipe, kind, as_of, cut,
--     seed, fingerprint, n_ratings, run_id)
-- What a fit came to. Made again, it says where it is now.
INSERT INTO fits (fit_key, digest, variant_of, is_accepted, recipe_key, recipe, kind, as_of, cut,
                  seed, fingerprint, n_ratings, run_id)
VALUES (%(fit_key)s, %(digest)s, %(variant_of)s, %(is_accepted)s, %(recipe_key)s, %(recipe)s,
        %(kind)s, %(as_of)s, %(cut)s, %(seed)s, %(fingerprint)s, %(n_ratings)s, %(run_id)s)
ON CONFLICT (fit_key) DO UPDATE SET run_id = excluded.run_id;

-- name: accept_fit(fit_key)
-- A person has had a week decided anew with this outcome.
UPDATE fits SET is_accepted = true WHERE fit_key = %(fit_key)s AND NOT is_accepted;
