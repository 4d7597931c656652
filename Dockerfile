# One image for MLflow and for Airflow's services: the pinned production requirements, the library, its SQL, DAGs and plugin.
FROM python:3.11.14-slim-bookworm

# implicit's wheel looks for the system's OpenMP runtime and does not bring one
RUN apt-get update && apt-get install --yes --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*

RUN useradd --uid 50000 --create-home recsys \
    && install -d -o recsys -g recsys /var/lib/airflow /var/lib/mlflow /var/lib/recsys /var/lib/recsys/drops /var/lib/recsys/weights /var/lib/recsys/models

WORKDIR /opt/recsys

# requirements.txt also pins what only the demo and the tests need; as a constraint it pins without installing
COPY requirements.in requirements-recsys.in requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.in -c requirements.txt

COPY recsys recsys
COPY sql sql
COPY dags dags
COPY plugins plugins
COPY docker docker

ENV PYTHONPATH=/opt/recsys \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/var/lib/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/recsys/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/recsys/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    HF_HOME=/var/lib/recsys/weights \
    MLFLOW_DISABLE_TELEMETRY=true \
    DO_NOT_TRACK=true \
    HF_HUB_DISABLE_TELEMETRY=1

# last, so that another commit rebuilds nothing before it: docker compose build --build-arg GIT_SHA=$(git rev-parse HEAD)
ARG GIT_SHA=
ENV RECSYS_GIT_SHA=$GIT_SHA

USER recsys
