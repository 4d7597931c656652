"""A model's directory, of whatever recipe."""

import json
from pathlib import Path

from recsys.models import model_class
from recsys.models.base import Compute, Recommender


def load_directory(directory: Path, compute: Compute | None = None) -> Recommender:
    """The model that `Recommender.save` wrote there; its config.json names the recipe."""
    name = json.loads((directory / "config.json").read_text())["name"]
    return model_class(name).load(directory, compute)
