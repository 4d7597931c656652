-- How many users had rated both a movie and each of those near it. NULL in publications from before
-- these were counted.
ALTER TABLE published_similar ADD COLUMN n_raters integer[];
