"""What made worlds of all sizes share: movies, and how movies.csv and links.csv write them; counts
that add up.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

#: MovieLens' genres, each with four words that titles of that genre like to use.
GENRES = {
    "Action": "Strike Fury Bullet Target",
    "Adventure": "Voyage Island Quest Horizon",
    "Animation": "Puppet Kingdom Robot Dragon",
    "Children": "Puppy Circus Birthday Treehouse",
    "Comedy": "Wedding Neighbor Vacation Trouble",
    "Crime": "Heist Alibi Boss Witness",
    "Documentary": "Planet Century Portrait Archive",
    "Drama": "Letter Daughter Winter Promise",
    "Fantasy": "Crown Wizard Mirror Spell",
    "Film-Noir": "Alley Shadow Cigarette Rain",
    "Horror": "Cellar Grave Scream Asylum",
    "IMAX": "Ocean Summit Sky Depths",
    "Musical": "Chorus Stage Melody Encore",
    "Mystery": "Secret Cipher Manor Stranger",
    "Romance": "Kiss Summer Heart Waltz",
    "Sci-Fi": "Galaxy Signal Android Orbit",
    "Thriller": "Hostage Deadline Conspiracy Edge",
    "War": "Regiment Trench Bridge Siege",
    "Western": "Saddle Canyon Sheriff Rifle",
}
GENRE_NAMES = tuple(GENRES)
ADJECTIVES = """Silent Crimson Broken Golden Hidden Lonely Burning Frozen Wild Last First Distant
    Electric Velvet Bitter Paper Midnight Hollow Restless Gentle Savage Falling Painted Invisible
    Borrowed Northern Endless Little Grand Crooked"""

YEAR = 31_557_600
CRLF = "\r\n"  # how GroupLens ends its lines


@dataclass(frozen=True)
class Movies:
    """One entry a movie. `main` and `second` are places in GENRE_NAMES, `second` -1 for none;
    `taste` is (movies, FACTORS).
    """

    ids: np.ndarray
    main: np.ndarray
    second: np.ndarray
    taste: np.ndarray
    quality: np.ndarray
    popularity: np.ndarray
    release: np.ndarray  # Unix seconds; most are older than the first rating

    @property
    def years(self) -> np.ndarray:
        return 1970 + (self.release // YEAR).astype(np.int64)


def characters(
    rng: np.random.Generator, count: int, factors: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return main and second genre of movies, where these put them in taste space (count,
    factors), and how good they are.
    """
    centres = rng.normal(size=(len(GENRE_NAMES), factors))
    main, second = draw_genres(rng, count)
    both = 0.7 * centres[main] + 0.5 * centres[second]
    blend = np.where(second[:, None] >= 0, both, centres[main])
    return main, second, blend, rng.normal(0, 0.4, count)


def draw_genres(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    common = rng.dirichlet(np.full(len(GENRE_NAMES), 2.0))
    main = rng.choice(len(GENRE_NAMES), count, p=common)
    second = np.where(rng.random(count) < 0.7, rng.choice(len(GENRE_NAMES), count, p=common), -1)
    second[second == main] = -1
    return main, second


def place_by_taste(rng: np.random.Generator, blend: np.ndarray) -> np.ndarray:
    """Return movies' places in taste space: near those of their genres."""
    return (blend + 0.5 * rng.normal(size=blend.shape)) / np.sqrt(blend.shape[1])


def popularity_ranks(rng: np.random.Generator, quality: np.ndarray) -> np.ndarray:
    """Return each movie's rank, 0 for the most popular: the better, the sooner."""
    return np.argsort(np.argsort(-(quality + rng.normal(size=len(quality)))))


def title_words(genre: int) -> list[str]:
    """Return the four words of a genre, by its place in GENRE_NAMES."""
    return GENRES[GENRE_NAMES[genre]].split()


def titles(rng: np.random.Generator, movies: Movies) -> list[str]:
    """Return "Hidden Galaxy, The (1994)" and the like, each once."""
    adjectives = rng.choice(ADJECTIVES.split(), len(movies.ids))
    words = rng.integers(0, 4, len(movies.ids))
    articles = np.where(rng.random(len(movies.ids)) < 0.25, ", The", "")
    n_seen: Counter[str] = Counter()
    named = []
    columns = adjectives, movies.main, words, articles, movies.years
    for adjective, genre, word, article, year in zip(*columns, strict=True):
        name = f"{adjective} {title_words(genre)[word]}"
        n_seen[name] += 1
        part = f" {n_seen[name]}" if n_seen[name] > 1 else ""
        named.append(f"{name}{part}{article} ({year})")
    return named


def genres(rng: np.random.Generator, movies: Movies) -> list[str]:
    unknown = rng.random(len(movies.ids)) < 0.01
    listed = []
    for is_unknown, *pair in zip(unknown, movies.main, movies.second, strict=True):
        names = sorted({GENRE_NAMES[place] for place in pair if place >= 0})
        listed.append("(no genres listed)" if is_unknown else "|".join(names))
    return listed


def links(rng: np.random.Generator, movies: Movies) -> Iterator[tuple[object, ...]]:
    imdb = np.cumsum(rng.integers(1, 60, len(movies.ids))) + 10_000
    tmdb = rng.permutation(len(movies.ids)) + 1
    missing = rng.random(len(movies.ids)) < 0.005
    for movie, tt, number, is_missing in zip(movies.ids, imdb, tmdb, missing, strict=True):
        yield movie, f"{tt:07d}", "" if is_missing else number


def write_movies(rng: np.random.Generator, out: Path, movies: Movies) -> None:
    """Write movies.csv and links.csv."""
    rows = zip(movies.ids.tolist(), titles(rng, movies), genres(rng, movies), strict=True)
    write_csv(out / "movies.csv", "movieId,title,genres", rows)
    write_csv(out / "links.csv", "movieId,imdbId,tmdbId", links(rng, movies))


def shares(
    weights: np.ndarray, total: int, *, least: int | np.ndarray, most: int | np.ndarray
) -> np.ndarray:
    """Return whole numbers from `least` to `most`, about proportional to `weights`, that add up to
    `total`.

    Raises ValueError where there are none such.
    """
    fewest, largest = (int(np.broadcast_to(bound, weights.shape).sum()) for bound in (least, most))
    if not fewest <= total <= largest:
        raise ValueError(f"{total} shared by {len(weights)}: expected from {fewest} to {largest}")
    counts = np.clip((weights / weights.sum() * total).astype(np.int64), least, most)
    while missing := total - int(counts.sum()):
        step = 1 if missing > 0 else -1
        room = np.flatnonzero(counts < most) if step > 0 else np.flatnonzero(counts > least)
        counts[room[: abs(missing)]] += step
    return counts


def write_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        file.write(header + CRLF)
        csv.writer(file, lineterminator=CRLF).writerows(rows)
