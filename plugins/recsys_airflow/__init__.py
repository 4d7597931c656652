"""What the DAGs are made of: a hook, a sensor with its trigger, one thin operator a step. The work
is done by recsys.steps.
"""

__all__ = ["RECSYS_DB"]

#: The Airflow connection to the project's database.
RECSYS_DB = "recsys_db"
