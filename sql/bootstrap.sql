-- Roles and databases of one server: run by psql as superuser, any number of times, by `make demo`
-- and by docker-compose alike. Passwords come from the environment, so that no command line shows
-- them; the settings below keep them out of the server's log.
\set ON_ERROR_STOP on
\getenv recsys_pipeline_password RECSYS_PIPELINE_PASSWORD
\getenv recsys_reader_password RECSYS_READER_PASSWORD
\getenv recsys_api_password RECSYS_API_DB_PASSWORD
\getenv recsys_operator_password RECSYS_OPERATOR_PASSWORD
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv mlflow_password MLFLOW_DB_PASSWORD

SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;

SELECT format('CREATE ROLE %I', name)
FROM (VALUES
    ('recsys_pipeline'), ('recsys_reader'), ('recsys_api'), ('recsys_operator'), ('airflow'),
    ('mlflow')
) AS roles (name)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE recsys_pipeline LOGIN
NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
PASSWORD :'recsys_pipeline_password';
ALTER ROLE recsys_reader LOGIN
NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
PASSWORD :'recsys_reader_password';
ALTER ROLE recsys_api LOGIN
NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
PASSWORD :'recsys_api_password';
ALTER ROLE recsys_operator LOGIN
NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
PASSWORD :'recsys_operator_password';
ALTER ROLE airflow LOGIN
NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
PASSWORD :'airflow_password';
ALTER ROLE mlflow LOGIN
NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
PASSWORD :'mlflow_password';

SELECT format('ALTER ROLE %I SET timezone TO ''UTC''', name)
FROM (VALUES
    ('recsys_pipeline'), ('recsys_reader'), ('recsys_api'), ('recsys_operator'), ('airflow'),
    ('mlflow')
) AS roles (name)
\gexec

SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
FROM (VALUES
    ('recsys', 'recsys_pipeline'), ('airflow', 'airflow'), ('mlflow', 'mlflow')
) AS databases (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name)
\gexec

REVOKE ALL ON DATABASE recsys, airflow, mlflow, postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE recsys TO recsys_reader, recsys_api, recsys_operator;

-- Whoever operates does what the pipeline does, and what that makes is the pipeline's. The role is
-- one of its own so that it can be taken away, and so that the server's log tells the two apart.
GRANT recsys_pipeline TO recsys_operator;
ALTER ROLE recsys_operator SET role TO 'recsys_pipeline';
