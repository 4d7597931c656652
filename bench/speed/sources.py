"""Which source decides a measurement: other code is measured anew."""

#: What decides which data there are.
DATA = ("stack/datasets/*.py", "bench/speed/data.py", "bench/speed/scale.py")
#: What decides which facts a database holds, and how.
FACTS = (*DATA, "recsys/drops/*.py", "recsys/ingest/*.py", "recsys/db/*.py", "sql/**/*.sql")
#: What decides how long a stage takes; how that is shown does not.
ALL = (*DATA, "recsys/**/*.py", "sql/**/*.sql", "bench/speed/ground.py", "bench/speed/stages/*.py")
