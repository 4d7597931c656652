"""The page of recipes, written from MODELS: what each is, costs, and may be given."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from pydantic.fields import FieldInfo

from recsys.models import COMPETING, MODELS, model_class
from recsys.models.base import PredictsRatings, Recommender, Search
from stack.markdown import page, paragraphs, table

#: What a docstring's paragraph on time and memory begins with.
COST = "Cost"
#: Name of a bound in pydantic's metadata → its sign.
BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
NONE = "–"
REASONS = {"exact": "exact", "leave_one_out": "leave one out", "rule": "by rule"}


def recipes_page() -> str:
    """Return the page of recipes."""
    kinds = [model_class(name) for name in MODELS]
    head = ("recipe", "what it is", "reasons", "predicts stars", "competes by default")
    return page(
        "Recipes",
        "What may be named wherever a recipe is: an algorithm with its hyperparameters. How they "
        "are judged: [the exam](../explanation/exam.md). How good they are, beside published "
        "figures: [quality](../quality.md).",
        table(head, [overview(kind) for kind in kinds]),
        "[Reasons](../explanation/reasons.md): exact ones are parts of the score; by leaving one "
        "out, a reason is what the score loses without the rating; by rule there are none.",
        "## What a fit costs",
        table(("recipe", "time and memory"), [(code(kind), cost(kind)) for kind in kinds]),
        *(part for kind in kinds for part in section(kind)),
    )


def overview(kind: type[Recommender]) -> tuple[str, ...]:
    """Return the recipe's row of the first table."""
    return (
        f"[{code(kind)}](#{kind.name})",
        about(kind),
        reasons(kind),
        "yes" if issubclass(kind, PredictsRatings) else "no",
        "yes" if kind.name in COMPETING else "no",
    )


def about(kind: type[Recommender]) -> str:
    """Return the first paragraph of the recipe's module, of its class where the module has several
    recipes.
    """
    modules = [model_class(name).__module__ for name in MODELS]
    is_alone = modules.count(kind.__module__) == 1
    return paragraphs(import_module(kind.__module__) if is_alone else kind)[0]


def reasons(kind: type[Recommender]) -> str:
    """Return how the recipe's lists are explained."""
    if kind.has_members:
        return "as its members' are"
    return REASONS[kind.explains]


def cost(kind: type[Recommender]) -> str:
    """Return what the docstring says of time and memory, "" where it says nothing."""
    return " ".join(part for part in paragraphs(kind) if part.startswith(COST))


def section(kind: type[Recommender]) -> Iterator[str]:
    """Yield title, docstring and hyperparameters of a recipe."""
    yield f"## {kind.name}"
    yield from (part for part in paragraphs(kind) if not part.startswith(COST))
    fields = kind.Config.model_fields.items()
    rows = [setting(name, field) for name, field in fields]
    yield table(("setting", "default", "bounds", "tuning searches", "meaning"), rows)


def setting(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Return the row of one hyperparameter."""
    return (
        f"`{name}`",
        f"`{default_of(field)}`",
        ", ".join(bounds_of(field)) or NONE,
        ", ".join(searched(part) for part in field.metadata if isinstance(part, Search)) or NONE,
        field.description or "",
    )


def default_of(field: FieldInfo) -> Any:
    """Return a field's default, of nested settings what differs from theirs."""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, tuple | list):
        return [getattr(part, "name", part) for part in value]
    return value


def bounds_of(field: FieldInfo) -> Iterator[str]:
    """Yield a field's bounds, with their signs."""
    for part in field.metadata:
        for name, sign in BOUNDS.items():
            if hasattr(part, name):
                yield f"{sign} {getattr(part, name):g}"


def searched(search: Search) -> str:
    """Return where tuning looks."""
    scale = ", doubled" if search.doubled else ", by powers" if search.log else ""
    return f"{search.low:g} to {search.high:g}{scale}"


def code(kind: type[Recommender]) -> str:
    """Return the recipe's name as code."""
    return f"`{kind.name}`"
