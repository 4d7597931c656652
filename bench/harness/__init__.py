"""What both benches need: a journal of measurements, digests of the code that decides them, bounds,
pictures, and a command's output.
"""
