"""`make reference`: the pages under docs/reference, written from the code that they describe."""

import json
import re
import sys
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from recsys.cli.program import parser
from recsys.db.queries import SQL
from recsys.evaluation.metrics import ERRORS, EXPOSURE, LISTS, RANKING
from recsys.settings import Settings
from stack.home import REPOSITORY
from stack.markdown import page, paragraphs, table
from stack.recipes_page import recipes_page

FOLDER = REPOSITORY / "docs" / "reference"

_COMMENT = re.compile(
    r"^COMMENT ON (?P<kind>VIEW|COLUMN) public\.(?P<name>[\w.]+) IS '(?P<text>(?:[^']|'')*)';$",
    re.MULTILINE,
)
_TABLE = re.compile(
    r"^CREATE TABLE public\.(?P<name>\w+) \(\n(?P<columns>.*?)\n\)", re.MULTILINE | re.DOTALL
)
#: What tables hold whose files have no comment right above them, or one for other readers.
_MEANINGS = {
    "ratings": "A user's rating of a movie, with its time.",
    "tags": "A word that a user gave a movie, with its time.",
    "users": "What a release says of its users.",
    "movies": "Title, year and genres.",
    "links": "A movie's ids at IMDb and TMDB.",
    "persons": "People in casts and crews, by IMDb.",
    "rejected_rows": "Rows that were set aside, each with its reason.",
    "erased_users": "Tombstones: no drop brings these users back.",
    "exam_overlaps": "What share of an exam's ratings an earlier exam has too.",
    "exam_results": "Every figure of an exam, by recipe and slice.",
    "exam_entries": "Who was evaluated in an exam, with the per-user scores.",
    "scored_shards": "Which shards of a publication are scored.",
    "applied_views": "Which text of each file of sql/views is in the database.",
    "applied_objects": "What each file of sql/views made, with grants given by hand.",
    "migrations": "Which files of sql/schema were applied.",
}
#: A comment right above a table, in the files that make them.
_ABOVE = re.compile(r"(?P<text>(?:^-- .*\n)+)^CREATE TABLE (?P<name>\w+)", re.MULTILINE)


def main() -> int:
    """Write all pages anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)
        print(f"written: {FOLDER / name}")
    return 0


def pages() -> dict[str, str]:
    """Return the text of each page by its file name."""
    return {
        "settings.md": settings_page(),
        "commands.md": commands_page(),
        "params.md": params_page(),
        "metrics.md": metrics_page(),
        "recipes.md": recipes_page(),
        "tables.md": tables_page(),
        "openapi.json": openapi_json(),
    }


def settings_page() -> str:
    """Return the page of environment variables."""
    rows = [
        (f"`RECSYS_{name.upper()}`", default_of(field), field.description)
        for name, field in Settings.model_fields.items()
        if name != "statement_timeout"  # an operator sets it, no person
    ]
    return page(
        "Settings",
        "Environment variables, all read in `recsys/settings.py`. A value out of its bounds is "
        "refused with a sentence when a command or a task starts.",
        table(("variable", "default", "meaning"), rows),
        "`RECSYS_HOME` (default `.recsys`) is where `make demo` keeps its state and where "
        "`python -m recsys` finds the running stack. `RECSYS_LOG_LEVEL=DEBUG` logs tracebacks.",
    )


def default_of(field: Any) -> str:
    """Return a field's default as an environment variable has it."""
    if field.is_required():
        return "(required)"
    if field.default in ((), ""):
        return "(empty)"
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def commands_page() -> str:
    """Return the page of commands, and of what make has."""
    commands = [part for command in commands_of(parser()) for part in command_parts(command)]
    return page(
        "Commands",
        "`.venv/bin/python -m recsys COMMAND`, or `recsys COMMAND` where the wheel is installed. "
        "`--help` after any of them prints the same.",
        *commands,
        "## make",
        "In the folder of the checkout; brackets show what may be given.",
        table(("target", "what it does"), target_rows()),
    )


def commands_of(program: ArgumentParser) -> Iterator[ArgumentParser]:
    """Yield the parser of each command that does something, in the order of `--help`."""
    groups = [action for action in program._actions if isinstance(action, _SubParsersAction)]
    if not groups:
        yield program
    for group in groups:
        for command in group.choices.values():
            yield from commands_of(command)


def command_parts(command: ArgumentParser) -> tuple[str, ...]:
    """Return title, sentence, usage and arguments of a command."""
    name = command.prog.removeprefix("python -m recsys ")
    usage = " ".join(command.format_usage().removeprefix("usage: ").split())
    formatter = command._get_formatter()
    rows = [
        (
            f"`{', '.join(action.option_strings) or action.metavar or action.dest}`",
            formatter._expand_help(action) if action.help else "",
        )
        for action in command._actions
        if action.dest != "help"
    ]
    parts = (f"## {name}", sentence(command.description or ""), f"```text\n{usage}\n```")
    return (*parts, table(("argument", "meaning"), rows)) if rows else parts


def sentence(text: str) -> str:
    """Return a text that begins with a capital and ends with a full stop."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def target_rows() -> list[tuple[str, str]]:
    """Return name and description of each target of the Makefile."""
    text = (REPOSITORY / "Makefile").read_text()
    rows = re.findall(r"(?m)^([a-z-]+):.*?## (.*)$", text)
    return [(f"`make {name}`", meaning) for name, meaning in rows]


def params_page() -> str:
    """Return the page of what a run of each DAG may be given."""
    # Airflow is heavy, and needed for this page alone
    from recsys_airflow.params import PARAMS, RETIRE_PARAMS, TUNING_PARAMS, rollback_params

    forms: dict[str, Mapping[str, Any]] = {
        "weekly_recommendations": PARAMS,
        "tune_recipes": TUNING_PARAMS,
        "rollback_publication": rollback_params({}),
        "retire_week": RETIRE_PARAMS,
    }
    parts = [part for dag, form in forms.items() for part in (f"## {dag}", form_table(form))]
    return page(
        "Params",
        "What a run may be given: in the trigger form of Airflow's UI, or as JSON by `--conf`. A "
        "key that is none of these fails the run's first task.",
        *parts,
    )


def form_table(form: Mapping[str, Any]) -> str:
    """Return the table of one DAG's Params."""
    rows = [
        (f"`{name}`", value_of(param), f"{param.schema['title']}. {description_of(param)}")
        for name, param in form.items()
    ]
    return table(("Param", "default", "meaning"), rows)


def value_of(param: Any) -> str:
    """Return a Param's default as JSON would have it."""
    if param.has_value:
        return f"`{json.dumps(param.value)}`"
    return "(empty)" if param.value is None else "(required)"


def description_of(param: Any) -> str:
    """Return a Param's description on one line."""
    return " ".join(param.schema["description_md"].split())


def metrics_page() -> str:
    """Return the page of what an exam measures."""
    kinds: dict[str, Mapping[str, Any]] = {
        "Ranking: which places of a list are hits": RANKING,
        "Lists: what they are made of, hit or not": LISTS,
        "Exposure: which movies reach anyone": EXPOSURE,
        "Errors of predicted stars": ERRORS,
    }
    parts = [
        part
        for title, metrics in kinds.items()
        for part in (f"## {title}", table(("metric", "definition"), metric_rows(metrics)))
    ]
    return page(
        "Metrics",
        "What an exam measures, for each recipe and on the same users. `recsys/evaluation/metrics` "
        "has a module for each, with its source. Of an array of U users, k places in a list, C "
        "candidates or K ratings the brackets show the shape.",
        *parts,
    )


def metric_rows(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return name and definition of each metric of one kind."""
    return [
        (name, paragraphs(function_of(metric))[0].removeprefix("Return "))
        for name, metric in metrics.items()
    ]


def function_of(metric: Any) -> Callable[..., object]:
    """Return the function of a metric, which most kinds have beside their k."""
    return metric[0] if isinstance(metric, tuple) else metric


def tables_page() -> str:
    """Return the page of views for readers, and of all tables, as sql/schema.sql has them."""
    schema = (SQL / "schema.sql").read_text()
    comments = {match["name"]: unquoted(match["text"]) for match in _COMMENT.finditer(schema)}
    views = [name for name in comments if "." not in name and name != "lineage"]
    parts = [part for view in sorted(views) for part in view_parts(view, comments)]
    return page(
        "Tables and views",
        "The role `recsys_reader` may read `recommendations` and `catalogue`, and nothing else.",
        *parts,
        "## lineage",
        comments["lineage"] + " For people who may read the ledger.",
        "## Tables",
        "`sql/schema.sql` has types, keys and checks.",
        table(("table", "what it holds", "columns"), table_rows(schema)),
    )


def openapi_json() -> str:
    """Return the description of the API's routes as OpenAPI."""
    # FastAPI and asyncpg are needed for this file alone
    from recsys.serving.app import create_app
    from recsys.serving.openapi import openapi_of

    url = SecretStr("postgresql://nobody@127.0.0.1/none")
    document = openapi_of(create_app(Settings(database_url=url, api_database_url=url)))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def view_parts(view: str, comments: Mapping[str, str]) -> tuple[str, str, str]:
    """Return title, sentence and columns of a view."""
    columns = [
        (f"`{name.removeprefix(f'{view}.')}`", text)
        for name, text in comments.items()
        if name.startswith(f"{view}.")
    ]
    return f"## {view}", comments[view], table(("column", "meaning"), columns)


def table_rows(schema: str) -> list[tuple[str, str, str]]:
    """Return name, meaning and columns of each table, by name."""
    meanings = table_meanings()
    return sorted(
        (
            f"`{match['name']}`",
            meanings[match["name"]],
            ", ".join(column_names(match["columns"])),
        )
        for match in _TABLE.finditer(schema)
    )


def table_meanings() -> dict[str, str]:
    """Return the comment above each table that has one."""
    files = sorted((SQL / "schema").glob("*.sql"))
    matches = [match for file in files for match in _ABOVE.finditer(file.read_text())]
    comments = {
        match["name"]: " ".join(match["text"].replace("\n-- ", " ").removeprefix("-- ").split())
        for match in matches
    }
    return comments | _MEANINGS


def column_names(definitions: str) -> list[str]:
    """Return the columns that a CREATE TABLE defines, without its constraints."""
    lines = (line.strip() for line in definitions.split("\n"))
    return [line.split()[0].strip('"') for line in lines if not line.startswith("CONSTRAINT")]


def unquoted(literal: str) -> str:
    """Return what the inside of an SQL string literal stands for."""
    return literal.replace("''", "'")


if __name__ == "__main__":
    sys.exit(main())
