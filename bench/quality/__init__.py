"""What the recipes are good at, measured on the splits and with the arithmetic of the papers that
they are compared with.

`make bench-quality DATA=folder` measures, prints one table and exits non-zero while a target is
missed.
"""
