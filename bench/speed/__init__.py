"""How fast each stage of a week is, measured beside what a user would pick instead, in the same
run.

`make bench-speed SCALE=1m|5m|20m` measures, prints one table, draws cost against scale, and at 20m
exits non-zero while a target is missed.
"""
