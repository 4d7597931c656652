"""`python -m stack.datasets`: write a small made world, or a whole release of published size."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stack.datasets.full_imdb import FULL_IMDB, generate_full_imdb
from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens
from stack.datasets.release import RELEASES, generate_release

SIZES = {"users": 600, "movies": 3_000, "ratings": 60_000}
OPTIONS = {
    "out": (Path, None, "folder for the files (default: .bench/ and the release's name)"),
    "seed": (int, 1, None),
    "share": (float, 1.0, "with --like: this share of the release's users and rows"),
    "movielens": (
        Path,
        None,
        "with --like imdb: a MovieLens folder whose movies are among the titles",
    ),
}
COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)


def main() -> None:
    """A small world (MovieLens and IMDb files), or with --like one whole release, streamed."""
    chosen = parse_arguments()
    out = chosen.out or Path(".bench") / (chosen.like or "small")
    if chosen.like:
        write_release(out, chosen)
    else:
        write_small_world(out, chosen)
    print(f"written: {out}")


def parse_arguments() -> argparse.Namespace:
    """Return what the command line says. Exits where it says too little."""
    words = parser()
    chosen = words.parse_args()
    if chosen.like == "imdb" and not chosen.movielens:
        words.error(
            "--like imdb needs --movielens: a folder with movies.csv, links.csv and ratings.csv"
        )
    return chosen


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command's words."""
    parser = argparse.ArgumentParser(prog="python -m stack.datasets", description=main.__doc__)
    for name, (kind, default, help_text) in OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, default=default, help=help_text)
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--like", choices=[*RELEASES, "imdb"])
    return parser


def write_small_world(out: Path, chosen: argparse.Namespace) -> None:
    """Write MovieLens files, and IMDb files for their movies."""
    sizes = {name: getattr(chosen, name) for name in SIZES}
    generate_movielens(out / "movielens", **sizes, seed=chosen.seed)
    generate_imdb(out / "imdb", out / "movielens", chosen.seed)


def write_release(out: Path, chosen: argparse.Namespace) -> None:
    """Write a release with a progress bar."""
    with Progress(*COLUMNS) as progress:
        if chosen.like == "imdb":
            sizes = FULL_IMDB.share(chosen.share)
            n_rows = sizes.principals + sizes.persons
            advance = bar(progress, "rows of title.principals and name.basics", n_rows)
            generate_full_imdb(out, sizes, chosen.movielens, chosen.seed, advance)
        else:
            release = RELEASES[chosen.like].share(chosen.share)
            advance = bar(progress, "ratings", release.ratings)
            generate_release(out, release, chosen.seed, advance)


def bar(progress: Progress, description: str, total: int) -> Callable[[int], None]:
    """Show a bar; return what advances it."""
    return partial(progress.advance, progress.add_task(description, total=total))


if __name__ == "__main__":
    main()
