"""One page on all weeks, read from Postgres: exams and observed hits, decisions, drift, times.
Self-contained HTML.
"""

__all__ = ["page", "record"]
