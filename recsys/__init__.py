"""The weekly movie recommender. `recsys.pipeline` is the way in; nothing here imports Airflow."""
