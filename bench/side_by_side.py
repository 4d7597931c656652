"""`python -m bench.side_by_side`: what a fit costs alone, and what it costs beside a second one.

Each fit is a process of its own, on generated ratings: once with the waiting threads asleep, as
`recsys` has it, and once with them spinning, as the OpenMP runtime does by default. Seconds of CPU
that grow with company were spent on waiting. The arrays must be the same four times.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import mean

import numpy as np

from recsys.features.catalogue import Catalogue, Description
from recsys.features.interactions import Interactions
from recsys.features.train import Loaded
from recsys.models import MODELS, model_class
from recsys.models.base import Compute
from recsys.registry.digest import digest_of_directory

USERS = 600
MOVIES = 5_000
RATINGS = 60_000
SEED = 20_261
LIKE_THRESHOLD = 4.0
#: Few epochs: what is shown is the share that waiting takes.
SETTINGS = {"hybrid": {"max_epochs": 2, "rating_epochs": 2}}
#: How threads wait; the second is the default of GNU's OpenMP runtime.
WAITING = {"asleep": {}, "spinning": {"GOMP_SPINCOUNT": "300000"}}


@dataclass(frozen=True)
class Cost:
    """Seconds of one fit, and the digest of its arrays."""

    wall: float
    cpu: float
    digest: str


def main() -> int:
    """Print a line for each way; return 1 where the arrays differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.side_by_side", description=__doc__)
    parser.add_argument("--recipe", choices=list(MODELS), default="hybrid")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        cost = fit(options.recipe)
        print(cost.wall, cost.cpu, cost.digest)
        return 0
    print(f"{options.recipe}: {RATINGS:,} ratings, {os.cpu_count()} cores")
    digests = {cost.digest for cost in fit_in_all_ways(options.recipe)}
    print("arrays: equal" if len(digests) == 1 else "arrays: DIFFERENT")
    return 0 if len(digests) == 1 else 1


def fit_in_all_ways(recipe: str) -> list[Cost]:
    """Fit alone and in company, with threads of either kind; print and return what that costs."""
    costs = []
    for waiting, n_fits in product(WAITING, (1, 2)):
        fits = fit_beside(recipe, n_fits, WAITING[waiting])
        wall = max(cost.wall for cost in fits)
        cpu = mean(cost.cpu for cost in fits)
        print(f"threads {waiting:8} {n_fits} at once: {wall:6.1f} s, CPU {cpu:6.1f} s a fit")
        costs += fits
    return costs


def fit_beside(recipe: str, n_fits: int, variables: dict[str, str]) -> list[Cost]:
    """Fit in as many processes at once, with these variables; return each one's cost."""
    command = [sys.executable, "-m", "bench.side_by_side", "--worker", "--recipe", recipe]
    environment = os.environ | variables
    workers = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(n_fits)
    ]
    outputs = [worker.communicate()[0].split() for worker in workers]
    return [Cost(float(wall), float(cpu), digest) for wall, cpu, digest in outputs]


def fit(recipe: str) -> Cost:
    """Fit once, here."""
    train = generated_ratings()
    catalogue = generated_catalogue(train.movie_ids)
    kind = model_class(recipe)
    model = kind(kind.Config(**SETTINGS.get(recipe, {})), Compute(seed=SEED, device="cpu"))
    wall = time.perf_counter()
    cpu = time.process_time()
    model.fit(Loaded(train, LIKE_THRESHOLD), catalogue)
    cpu = time.process_time() - cpu
    wall = time.perf_counter() - wall
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder))
        return Cost(wall, cpu, digest_of_directory(Path(folder)))


def generated_catalogue(movie_ids: np.ndarray) -> Catalogue:
    movies = [Description(f"Movie {movie} (1999)", ("Drama",)) for movie in range(MOVIES)]
    return replace(Catalogue.of_descriptions(movies), movie_ids=movie_ids)


def generated_ratings() -> Interactions:
    """Return ratings of which a few movies and a few users have most."""
    rng = np.random.default_rng(SEED)
    users = (rng.beta(0.7, 2, RATINGS) * USERS).astype(np.int64)
    movies = (rng.beta(0.6, 2.5, RATINGS) * MOVIES).astype(np.int64)
    stars = rng.integers(1, 6, RATINGS).astype(np.float64)
    rated_at = 1_500_000_000 + rng.integers(0, 100_000_000, RATINGS)
    _, once = np.unique(users * MOVIES + movies, return_index=True)
    columns = (column[once] for column in (users, movies, stars, rated_at))
    return Interactions.of(*columns, movie_ids=np.arange(MOVIES))


if __name__ == "__main__":
    sys.exit(main())
