"""`python -m stack.datasets`: write a small made world, or a whole release of published size."""

import argparse
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from stack.datasets.full_imdb import FULL_IMDB, generate_full_imdb
from stack.datasets.imdb import generate_imdb
from stack.datasets.movielens import generate_movielens
from stack.datasets.release import RELEASES, generate_release


def main() -> None:
    """A small world (MovieLens and IMDb files), or with --like one whole release, streamed."""
    parser = argparse.ArgumentParser(prog="python -m stack.datasets", description=main.__doc__)
    parser.add_argument(
        "--out", type=Path, help="folder for the files (default: .bench/ and the release's name)"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--like", choices=[*RELEASES, "imdb"])
    parser.add_argument(
        "--share",
        type=float,
        default=1.0,
        help="with --like: this share of the release's users and rows",
    )
    parser.add_argument(
        "--movielens",
        type=Path,
        help="with --like imdb: a MovieLens folder whose movies are among the titles",
    )
    parser.add_argument("--users", type=int, default=600)
    parser.add_argument("--movies", type=int, default=3_000)
    parser.add_argument("--ratings", type=int, default=60_000)
    chosen = parser.parse_args()
    if chosen.like == "imdb" and not chosen.movielens:
        parser.error(
            "--like imdb needs --movielens: a folder with movies.csv, links.csv and ratings.csv"
        )
    out = chosen.out or Path(".bench") / (chosen.like or "small")
    if chosen.like:
        _write_release(out, chosen)
    else:
        generate_movielens(
            out / "movielens",
            users=chosen.users,
            movies=chosen.movies,
            ratings=chosen.ratings,
            seed=chosen.seed,
        )
        generate_imdb(out / "imdb", out / "movielens", chosen.seed)
    print(f"written: {out}")


def _write_release(out: Path, chosen: argparse.Namespace) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as progress:
        if chosen.like == "imdb":
            sizes = FULL_IMDB.share(chosen.share)
            task = progress.add_task(
                "rows of title.principals and name.basics", total=sizes.principals + sizes.persons
            )
            generate_full_imdb(
                out, sizes, chosen.movielens, chosen.seed, lambda rows: progress.advance(task, rows)
            )
        else:
            release = RELEASES[chosen.like].share(chosen.share)
            task = progress.add_task("ratings", total=release.ratings)
            generate_release(out, release, chosen.seed, lambda rows: progress.advance(task, rows))


if __name__ == "__main__":
    main()
