#!/bin/sh
# Once before Airflow's services: its login, its database, and the project's schema.
set -eu
umask 077
python -c 'import json, os; print(json.dumps({"admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}))' \
    > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
airflow db migrate
python -m recsys migrate
python -m recsys.registry.reader # the login by which the API reads models
# the key that Airflow's pages send to the API
test -s "$RECSYS_API_KEY_FILE" ||
    python -m recsys keys create --scope predict --note "Airflow's pages" > "$RECSYS_API_KEY_FILE"
