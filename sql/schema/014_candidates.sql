-- Candidates come by the million, are read whole and go again: an index takes twice the time of the rows themselves.
DROP INDEX candidates_of_publication;
