# `make demo` and `make test` need git, make, python3.11 and a package index; everything else is set up here.
PYTHON := python3.11
BIN := .venv/bin
PYTEST = $(BIN)/python -m pytest -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help venv demo replay status down clean test test-unit test-all wheel tools bench-quality bench-speed bench-fidelity bench-serving mutants equality schema lint format lock env airflow diagram reference docs

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

venv: .venv/.installed ## the virtual environment, from the locked requirements.txt

.venv/.installed: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed and not found. Debian, Ubuntu: apt install $(PYTHON) $(PYTHON)-venv" >&2; exit 1; }
	$(PYTHON) -m stack.install .venv requirements.txt
	@touch $@

demo: venv ## the main job: drops, three weekly runs, recommendations [MOVIELENS=folder, zip or a release's name, as ml-1m] [IMDB=folder]
	$(BIN)/python -m stack demo --movielens "$(MOVIELENS)" --imdb "$(IMDB)"

replay: venv ## weeks of history without the scheduler, and one page on them: make replay FROM=folder-or-zip [WEEKS=26] [IMDB=folder] [RECIPES=als,…]
	$(BIN)/python -m stack replay --from "$(FROM)" --imdb "$(IMDB)" --weeks "$(or $(WEEKS),26)" --recipes "$(RECIPES)"

status: venv ## what runs
	$(BIN)/python -m stack status

airflow: venv ## Airflow's command line for the running stack: make airflow CMD="backfill create …"
	.recsys/airflow $(CMD)

down: venv ## stop everything that `make demo` started
	$(BIN)/python -m stack down

clean: venv ## stop everything and delete its state (.recsys)
	$(BIN)/python -m stack remove

test: venv lint ## lint, types, the direction of imports, and the tests, with one week through a running Airflow: what CI runs
	$(PYTEST)

test-unit: venv ## the tests that take seconds, for every change
	$(PYTEST) tests/unit -m "not slow and not system"

test-all: venv tools lint ## all of that, with every end-to-end test, what drives pgbouncer and Chromium, and 500 damaged drops
	$(PYTEST) -m ""
	$(BIN)/python -m bench.mutants

wheel: venv ## the library alone, to be installed elsewhere: dist/recsys-….whl
	rm -rf build  # or files of an earlier build would be packed too
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .
	@ls dist/recsys-*.whl

tools: ## programs that `make test-all` drives; installs what is missing, on Debian and Ubuntu as root
	@missing=$$(for program in pgbouncer chromium curl; do PATH="$$PATH:/usr/sbin" command -v $$program >/dev/null || echo $$program; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "make test-all needs programs that are not here: apt install" $$missing >&2; exit 1; fi; \
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing

bench-quality: venv ## the recipes beside the published figures: make bench-quality DATA=folder [ONLY=ncf,temporal,…] [RECIPES=als,…]
	@test -n "$(DATA)" || { echo "DATA is needed: a folder with movielens/ml-1m, imdb, benchmarks/ncf-ml-1m, and movielens/ml-20m if at hand" >&2; exit 2; }
	$(BIN)/python -m bench.quality "$(DATA)" --only "$(ONLY)" --recipes "$(RECIPES)"

bench-speed: venv ## each stage beside its reference, and cost against scale: make bench-speed SCALE=1m|5m|20m [ONLY=first-load,delta,…] [REPEATS=5]
	$(BIN)/python -m bench.speed --scale "$(or $(SCALE),1m)" --only "$(ONLY)" --repeats "$(or $(REPEATS),5)"

bench-fidelity: venv ## whether reasons are true, by deleting what they cite and asking again: make bench-fidelity DATA=folder of ml-1m [ONLY=als,…]
	@test -n "$(DATA)" || { echo "DATA is needed: the folder of a MovieLens release, such as ml-1m" >&2; exit 2; }
	$(BIN)/python -m bench.fidelity "$(DATA)" --only "$(ONLY)"

bench-serving: venv ## what readers of the API get, beside a bare loop on the database and a plain handler [SCALE=1m] [SECONDS=15]
	$(BIN)/python -m bench.serving --scale "$(or $(SCALE),1m)" --seconds "$(or $(SECONDS),15)"

mutants: venv ## damaged drops, each taken in for real and held against a parser of their own: make mutants [COUNT=500] [SEED=20261] [ONLY=number] [FROM=folder]
	$(BIN)/python -m bench.mutants --count "$(or $(COUNT),500)" --seed "$(or $(SEED),20261)" $(if $(ONLY),--only "$(ONLY)") $(if $(FROM),--from "$(FROM)")

equality: venv ## whether all that is computed is as it was: three weeks replayed, held against bench/equality.json [RECORD=1]
	$(BIN)/python -m bench.equality $(if $(RECORD),--record)

schema: venv ## write sql/schema.sql, the whole schema at a glance, from what sql/schema and sql/views make
	$(BIN)/python -m stack schema

lint: venv ## lint, format, types, the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/basedpyright
	PYTHONPATH=.:plugins $(BIN)/lint-imports

diagram: venv ## draw docs/architecture.md's diagram anew, from what the code imports
	$(BIN)/python -m stack.diagram

reference: venv ## write docs/reference from the code: settings, commands, Params, metrics, tables, recipes
	PYTHONPATH=.:plugins $(BIN)/python -m stack.reference

docs: venv ## build the pages of docs/ as a site with search, in site/; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

format: venv ## put the source in shape
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

lock: venv ## pin the requirements anew: requirements.txt and, to the same versions, requirements-airflow.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements.txt requirements.in requirements-dev.in
	@# a local wheel's label, as in torch==2.13.0+cpu, is no version that a package index knows
	sed -i -e 's/+cpu$$//' -e '1i # One tested set of pins for `make demo` and `make test`, written by `make lock` from requirements.in and requirements-dev.in.' requirements.txt
	$(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements-airflow.txt requirements-airflow.in

env: venv ## write .env for docker-compose.yaml, with new random passwords
	$(BIN)/python -m stack env
