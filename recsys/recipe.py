"""A recipe: an algorithm with all its hyperparameters. It is what competes, and what a champion
is.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self


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

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        return cls(value["name"], tuple(sorted(value["settings"].items())))
