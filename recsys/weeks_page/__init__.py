"""One page on all weeks, read from Postgres: exams and realised hits, decisions, drift, times.
Self-contained HTML.
"""
