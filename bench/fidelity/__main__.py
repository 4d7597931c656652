"""`python -m bench.fidelity DATA`: delete what is cited, ask again, print the table; exit with 1
while a target is missed.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.fidelity.measuring import Fidelity, measure
from bench.fidelity.table import misses, table_of
from bench.harness.command import HOME, add_only, check_only, console_of
from bench.quality.fits import Fits
from recsys.dataset import read_catalogue, read_ratings
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.models.base import Compute, Recommender
from recsys.recipe import Recipe
from recsys.terminal import show_in_any_encoding

WIDTH = 150  # of the table
RECIPES = ("als", "ease", "item_knn", "hybrid", "blend")
LIKE_THRESHOLD = 4.0
SEED = 1


def main(argv: Sequence[str] | None = None, home: Path = HOME) -> int:
    """Return 0 where every recipe meets its targets, else 1."""
    chosen = parse_arguments(argv)
    console = console_of(WIDTH)
    catalogue = read_catalogue(chosen.data, imdb=None)
    ratings = read_ratings(chosen.data).over(catalogue.movie_ids)
    train = Loaded(ratings, LIKE_THRESHOLD)
    users = some_users(ratings, chosen.users)
    fits = Fits(home / "fits", lambda seed: Compute(seed=seed, device="cpu"))
    measured: dict[str, Fidelity] = {}
    for name in chosen.only:
        model = fits.fitted(Recipe.of(name), train, catalogue, SEED).model
        label = label_of(name, model)
        if model.tags().get("fusion") == "ranks":
            model = fits.fitted(Recipe.of(name, fusion="scores"), train, catalogue, SEED).model
        measured[label] = measure(model, ratings, users, np.random.default_rng(SEED))
        console.print(f"{label}: measured", highlight=False)
    console.print(table_of(measured))
    return print_misses(console, measured)


def label_of(name: str, model: Recommender) -> str:
    """Return the row's name; a blend says what its fusion is."""
    fusion = model.tags().get("fusion")
    if fusion is None:
        return name
    if fusion == "ranks":
        return f"{name}, fusion=scores (by default it chose ranks)"
    return f"{name} (it chose scores)"


def some_users(ratings: Interactions, n: int) -> np.ndarray:
    """Return ids of n users who have at least two likes, drawn by the seed."""
    likes = ratings.likes(LIKE_THRESHOLD)
    users = likes.user_ids[likes.n_rated >= 2]
    drawn = np.random.default_rng(SEED).permutation(len(users))[:n]
    return users[np.sort(drawn)]


def print_misses(console: Console, measured: dict[str, Fidelity]) -> int:
    """Print what is missed; return the exit status."""
    lines = []
    for label, fidelity in measured.items():
        lines += [f"missed by {label}: {miss}" for miss in misses(fidelity)]
    for line in lines:
        console.print(line, highlight=False)
    console.print("exit status 1" if lines else "every target is met")
    return int(bool(lines))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fidelity", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of a MovieLens release, e.g. ml-1m")
    parser.add_argument("--users", type=int, default=1_000, help="users whose lists are explained")
    add_only(parser, RECIPES)
    chosen = parser.parse_args(argv)
    chosen.only = check_only(parser, "recipe", chosen.only, RECIPES)
    if not chosen.data.is_dir():
        parser.error(f"no folder {chosen.data}; expected one of a MovieLens release")
    return chosen


if __name__ == "__main__":
    show_in_any_encoding()
    sys.exit(main())
