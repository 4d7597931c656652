"""Recipes as people write them: `als[factors=128,regularization=0.02]`, a name with settings that
override the defaults, and `als[factors={64,128}]`, a grid of such recipes.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from recsys.errors import ModelError
from recsys.models import MODELS, model_class
from recsys.models.base import AnyConfig
from recsys.recipe import Recipe

__all__ = [
    "MOST_COMBINATIONS",
    "has_overrides",
    "overridden",
    "parse_grid",
    "parse_recipe",
    "written",
    "written_value",
]

#: Recipes of one grid: more is a search, which `tune` makes with fewer fits.
MOST_COMBINATIONS = 100
#: What a name or a value may not hold.
SIGNS = ",=[]{}"
WORD = re.compile(rf"[^{re.escape(SIGNS)}]+")
NUMBER = re.compile(r"[+-]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None}
#: Types whose values can be written; of others, such as a blend's members, none can.
SCALARS = {int, float, bool, str, NoneType}


def has_overrides(text: str) -> bool:
    """Return whether a recipe is written with settings of its own, and not by name or key alone."""
    return "[" in text


def parse_recipe(text: str) -> Recipe:
    """Return the recipe that is written. Raises ModelError where it is none, or a grid."""
    recipes = parse_grid(text)
    if "{" in text:
        raise ModelError(
            f"{text!r}: position {text.index('{') + 1}: found a grid of values in braces; expected "
            "one value: grids are for `recsys compare`"
        )
    return recipes[0]


def parse_grid(text: str) -> list[Recipe]:
    """Return the recipes that are written, one for each combination of the values in braces, the
    last field's values changing first.

    Raises ModelError for a text that is no recipe, an unknown recipe or setting, a value out of its
    bounds, and more than MOST_COMBINATIONS combinations.
    """
    name, values = _Reader(text).read()
    kind = _config_of(text, name)
    fields = {field: _field(text, name, kind, field) for field in values}
    n_combinations = math.prod(len(choices) for choices in values.values())
    if n_combinations > MOST_COMBINATIONS:
        raise ModelError(
            f"{text!r}: found {n_combinations:,} combinations of values; expected at most "
            f"{MOST_COMBINATIONS}: search with `recsys tune`, or name fewer values"
        )
    typed = [[_value(each, fields[field]) for each in values[field]] for field in values]
    combinations = [dict(zip(values, chosen, strict=True)) for chosen in product(*typed)]
    recipes = [_recipe(text, name, kind, settings) for settings in combinations]
    return list({recipe.key: recipe for recipe in recipes}.values())


def overridden(recipe: Recipe) -> dict[str, Any]:
    """Return the settings of a recipe that are not its defaults."""
    defaults = dict(Recipe.of(recipe.name).settings)
    return {name: value for name, value in recipe.settings if value != defaults.get(name, ...)}


def written(recipe: Recipe) -> str:
    """Return a recipe as it is written: `parse_recipe` reads it, unless a setting that differs from
    its default has parts of its own, as a blend's members do.
    """
    settings = ",".join(
        f"{name}={written_value(value)}" for name, value in overridden(recipe).items()
    )
    return f"{recipe.name}[{settings}]" if settings else recipe.name


def written_value(value: object) -> str:
    """Return a setting's value as it is written."""
    words = {None: "none", True: "true", False: "false"}
    return words[value] if isinstance(value, bool | NoneType) else str(value)


@dataclass
class _Reader:
    """Reads a text from left to right; `at` is the next character's index."""

    text: str
    at: int = 0

    def read(self) -> tuple[str, dict[str, list[str]]]:
        """Return the recipe's name, and each field with the values that are written for it."""
        name = self.word("a recipe's name")
        values: dict[str, list[str]] = {}
        if self.sign() == "[":
            self.expect("[")
            values = dict(self.settings())
            self.expect("]", "',' or ']'")
        if self.at < len(self.text):
            raise self.error("the end of the text" if values else "'[' or the end of the text")
        return name, values

    def settings(self) -> Iterator[tuple[str, list[str]]]:
        """Yield field and values of each setting. Raises ModelError for one that stands twice."""
        seen: set[str] = set()
        while not seen or self.takes(","):
            start = self.at
            field = self.word("a setting's name")
            if field in seen:
                self.at = start
                raise self.error(f"each setting once, and {field} stands there already")
            seen.add(field)
            self.expect("=")
            yield field, self.values()

    def values(self) -> list[str]:
        """Return one value, or those in braces."""
        if not self.takes("{"):
            return [self.word("a value")]
        values = [self.word("a value")]
        while self.takes(","):
            values.append(self.word("a value"))
        self.expect("}", "',' or '}'")
        return values

    def word(self, expected: str) -> str:
        """Return what stands up to the next sign, without the spaces around it."""
        match = WORD.match(self.text, self.at)
        if match is None or not match[0].strip():
            raise self.error(expected)
        self.at = match.end()
        return match[0].strip()

    def takes(self, sign: str) -> bool:
        """Pass over a sign if it is next, and the spaces before it."""
        if self.sign() != sign:
            return False
        self.at = self.text.index(sign, self.at) + 1
        return True

    def expect(self, sign: str, expected: str = "") -> None:
        """Pass over a sign. Raises ModelError where another is next."""
        if not self.takes(sign):
            raise self.error(expected or repr(sign))
        if sign in "]}":  # spaces may follow
            self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip())

    def sign(self) -> str:
        """Return the next character that is no space; "" at the end."""
        return self.text[self.at :].lstrip()[:1]

    def error(self, expected: str) -> ModelError:
        """Return the error that something else was expected at this place."""
        rest = self.text[self.at :].lstrip()
        position = len(self.text) - len(rest) + 1
        return ModelError(
            f"{self.text!r}: position {position}: found "
            f"{repr(rest[:20]) if rest else 'the end'}; expected {expected}"
        )


def _config_of(text: str, name: str) -> AnyConfig:
    """Return the Config of a recipe. Raises ModelError for a name that there is not."""
    if name not in MODELS:
        raise ModelError(
            f"{text!r}: found recipe {name!r}; expected one of {', '.join(MODELS)}, and settings "
            "of it as in als[factors=128]"
        )
    return model_class(name).Config


def _field(text: str, name: str, kind: AnyConfig, field: str) -> FieldInfo:
    """Return the field of a setting. Raises ModelError for one that cannot be written."""
    writable = {each: info for each, info in kind.model_fields.items() if _is_scalar(info)}
    if field not in writable:
        has_parts = field in kind.model_fields
        fact = "has parts of its own, which are not written here" if has_parts else "is no setting"
        raise ModelError(
            f"{text!r}: {field!r} of {name} {fact}; expected some of {', '.join(writable)}"
        )
    return writable[field]


def _is_scalar(field: FieldInfo) -> bool:
    return all(kind in SCALARS or get_origin(kind) is Literal for kind in _kinds(field))


def _kinds(field: FieldInfo) -> Sequence[Any]:
    """Return the types that a field's value may have: several where None is one of them."""
    is_union = get_origin(field.annotation) in (Union, UnionType)
    return get_args(field.annotation) if is_union else (field.annotation,)


def _choices(field: FieldInfo) -> list[Any]:
    """Return the values of a field that has a choice of some."""
    literals = [kind for kind in _kinds(field) if get_origin(kind) is Literal]
    return [choice for literal in literals for choice in get_args(literal)]


def _value(text: str, field: FieldInfo) -> Any:
    """Return a value as its field's type would have it; Config finds out whether it is one."""
    if text in _choices(field):
        return text
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    if NUMBER.fullmatch(text):
        number = float(text)
        is_whole = text.lstrip("+-").isdigit()
        return int(text) if is_whole else number if math.isfinite(number) else text
    return text


def _recipe(text: str, name: str, kind: AnyConfig, settings: Mapping[str, Any]) -> Recipe:
    """Return the recipe with these settings. Raises ModelError where one is not valid."""
    try:
        kind.model_validate(settings, strict=True)  # true is no number, and 1.5 no whole one
    except ValidationError as error:
        raise ModelError(f"{text!r}: {'; '.join(map(_fault, error.errors()))}") from error
    return Recipe.of(name, **settings)


def _fault(fault: Mapping[str, Any]) -> str:
    expected = fault["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    place = ".".join(map(str, fault["loc"]))
    return f"{place} is {fault['input']!r}; expected {expected}" if place else expected
