"""A recipe: an algorithm with all its hyperparameters. It is what competes, and what a champion
is.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from recsys.errors import ModelError

#: What recipes said for themselves, before it came from the week.
LIKE_THRESHOLD = "like_threshold"


@dataclass(frozen=True)
class Recipe:
    """`settings` holds every hyperparameter, defaults included: a champion does not change when a
    default does.
    """

    name: str
    settings: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, name: str, **overrides: Any) -> Self:
        """The recipe of that name with its defaults, overridden and validated. Imports the model's
        module.
        """
        from recsys.models import model_class

        settings = model_class(name).Config(**overrides).model_dump(mode="json")
        return cls(name, tuple(sorted(settings.items())))

    @property
    def key(self) -> str:
        """Short and unique: the name and a digest of the settings, e.g. `als-3f9a2c41`."""
        text = json.dumps(self.settings, sort_keys=True)
        return f"{self.name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "settings": dict(self.settings)}

    def of_week(self, like_threshold: float) -> Self:
        """Return the recipe without the like_threshold that recipes had of their own before the
        week said what a like is. One that is another than the week's stays, and is refused by
        `check_likes`.
        """
        settings = without_equal(dict(self.settings), like_threshold)
        return type(self)(self.name, tuple(sorted(settings.items())))

    def check_likes(self, like_threshold: float) -> None:
        """Raise ModelError where the recipe, or a member, has a like_threshold of its own."""
        if LIKE_THRESHOLD in json.dumps(self.settings):
            raise ModelError(
                f"{self.key} has a {LIKE_THRESHOLD} of its own in its settings, and in the week a "
                f"rating from {like_threshold:g} on is a like: expected the same, or none (likes "
                "come from RECSYS_LIKE_THRESHOLD)"
            )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(value["name"], tuple(sorted(value["settings"].items())))


def without_equal(value: Any, like_threshold: float) -> Any:
    """Return settings, of members too, without each like_threshold that is this one."""
    if isinstance(value, dict):
        kept = {name: part for name, part in value.items() if name != LIKE_THRESHOLD}
        own = value.get(LIKE_THRESHOLD, like_threshold)
        rest = {} if own == like_threshold else {LIKE_THRESHOLD: own}
        return rest | {name: without_equal(part, like_threshold) for name, part in kept.items()}
    if isinstance(value, list | tuple):
        return [without_equal(part, like_threshold) for part in value]
    return value
