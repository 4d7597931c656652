"""Postgres: connect, migrate, run named queries, copy in, read out as arrays."""

__all__ = ["arrays", "connect", "migrate", "queries", "ragged", "rows"]
