"""Postgres: connect, migrate, run named queries, copy in, read out as arrays."""
