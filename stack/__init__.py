"""Runs the whole product on one machine: PostgreSQL, MLflow and Airflow, without Docker. Not part
of the library.
"""
