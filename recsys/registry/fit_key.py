"""The fit key: equal keys, equal models. What has one already is not fitted again."""

import hashlib
import json
from functools import cache
from pathlib import Path

from recsys.recipe import Recipe

#: Packages whose code decides what a fit learns.
# fits that stop early or weigh members do so by evaluation's splits and metrics
PACKAGES = ("models", "evaluation", "features")


def fit_key(recipe: Recipe, *, cut: str, fingerprint: str, seed: int, encoder: str) -> str:
    """Hex digest of all that a fit depends on: recipe, cut, data, seed, title encoder, and the code
    of PACKAGES.
    """
    parts = {
        "recipe": recipe.to_json(),
        "cut": cut,
        "fingerprint": fingerprint,
        "seed": seed,
        "encoder": encoder,
        "code": code_version(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def code_version() -> str:
    """Hex digest of the source files, so that it holds in an image without git too."""
    return digest_of_sources(Path(__file__).parents[1])


def digest_of_sources(root: Path) -> str:
    """Hex digest of the path and text of every source file in the PACKAGES under `root`."""
    digest = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
