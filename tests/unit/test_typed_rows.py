"""Rows leave the database as values with types: `recsys.db.rows` reads them, and nobody else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import recsys

PACKAGE = Path(recsys.__file__).parent
FETCHES = {"fetchone", "fetchall", "fetchmany"}
#: Modules that still read rows themselves. None is to be added.
FETCHING = {
    "weeks_page/record.py",
}
#: Functions that take or return rows of no type. None is to be added.
UNTYPED: set[str] = set()


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield the name and the text of each module, but for those that read rows for all others."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("db/"):
            yield name, ast.parse(path.read_text())


def fetches(module: ast.Module) -> bool:
    """Return whether it calls a cursor's fetch method, or iterates over what `execute` returns."""
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and node.attr in FETCHES:
            return True
        iterated = node.iter if isinstance(node, ast.For | ast.comprehension) else None
        if isinstance(iterated, ast.Call) and ast.unparse(iterated.func).endswith(".execute"):
            return True
    return False


def has_untyped_rows(function: ast.FunctionDef) -> bool:
    """Return whether a parameter that holds rows, or what a function of a connection returns, is
    `Any`.
    """
    parameters = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    annotations = {each.arg: each.annotation for each in parameters if each.annotation}
    rows = [annotation for name, annotation in annotations.items() if name in ("row", "rows")]
    if "conn" in annotations and function.returns:
        rows.append(function.returns)
    return any(_is_any(row) for row in rows)


def _is_any(annotation: ast.expr) -> bool:
    """Return whether it is `Any`, or a list of it and the like; keys of JSON do not count."""
    if isinstance(annotation, ast.BinOp):
        return _is_any(annotation.left) or _is_any(annotation.right)
    if isinstance(annotation, ast.Subscript):
        return _is_any(annotation.slice)
    return isinstance(annotation, ast.Name) and annotation.id == "Any"


def test_rows_are_read_by_the_functions_that_type_them() -> None:
    fetching = {name for name, module in modules() if fetches(module)}
    added = fetching - FETCHING
    assert not added, "fetch_rows and its like, of recsys.db.rows, read rows with their types"


def test_no_function_takes_or_returns_untyped_rows() -> None:
    untyped = {
        f"{name}:{node.name}"
        for name, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and has_untyped_rows(node)
    }
    added = untyped - UNTYPED
    assert not added, "a row is a frozen dataclass with the query's columns: see recsys.db.rows"
