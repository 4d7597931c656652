"""Damaged drops, taken in for real and held against a parser of its own: `python -m
bench.mutants`.
"""
