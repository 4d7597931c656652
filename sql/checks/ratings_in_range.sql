-- Every rating lies between half a star and five.
SELECT count(*) = 0 AS ok
FROM ratings
WHERE rating NOT BETWEEN 0.5 AND 5 OR rating * 2 <> round(rating * 2);
