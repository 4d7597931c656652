"""Pages for people over what was published: the same beside the API and inside Airflow. They import
nothing of the models.
"""

__all__ = ["access", "alone", "app", "asks", "means", "operator"]
