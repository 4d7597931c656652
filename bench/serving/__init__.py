"""How fast lists are read: the API beside a bare loop on the same statement and beside a handler as
one would write it, in one run.
"""
