"""What made worlds of all sizes share: movies, and how movies.csv and links.csv write them; counts
that add up.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
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
GENRE_WORDS = [words.split() for words in GENRES.values()]
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
        """Return the years of release."""
        return 1970 + whole(self.release // YEAR)

    def sorted_by_id(self) -> "Movies":
        """Return the same movies in the order of their ids."""
        order = np.argsort(self.ids)
        return Movies(*(getattr(self, field.name)[order] for field in fields(self)))


@dataclass(frozen=True)
class Characters:
    """What movies are like, one entry each: their genres, where these put them in taste space
    (`blend`), and how good they are.
    """

    main: np.ndarray
    second: np.ndarray
    blend: np.ndarray
    quality: np.ndarray

    @classmethod
    def draw(cls, rng: np.random.Generator, count: int, factors: int) -> "Characters":
        """Draw that many movies in a taste space of that many dimensions."""
        centres = rng.normal(size=(len(GENRE_NAMES), factors))
        main, second = draw_genres(rng, count)
        both = 0.7 * centres[main] + 0.5 * centres[second]
        blend = np.where(second[:, None] >= 0, both, centres[main])
        return cls(main, second, blend, rng.normal(0, 0.4, count))

    def draw_taste(self, rng: np.random.Generator) -> np.ndarray:
        """Return movies' places in taste space: near those of their genres."""
        noise = 0.5 * rng.normal(size=self.blend.shape)
        return (self.blend + noise) / np.sqrt(self.blend.shape[1])

    def draw_ranks(self, rng: np.random.Generator) -> np.ndarray:
        """Return each movie's rank, 0 for the most popular: the better, the sooner."""
        appeal = self.quality + rng.normal(size=len(self.quality))
        return np.argsort(np.argsort(-appeal))


def draw_genres(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return main and second genres, the second of three in ten movies -1."""
    common = rng.dirichlet(np.full(len(GENRE_NAMES), 2.0))
    main = rng.choice(len(GENRE_NAMES), count, p=common)
    has_second = rng.random(count) < 0.7
    second = np.where(has_second, rng.choice(len(GENRE_NAMES), count, p=common), -1)
    second[second == main] = -1
    return main, second


def titles(rng: np.random.Generator, movies: Movies) -> list[str]:
    """Return "Hidden Galaxy, The (1994)" and the like, each once."""
    names = numbered(draw_names(rng, movies.main))
    articles = np.where(rng.random(len(movies.ids)) < 0.25, ", The", "")
    columns = zip(names, articles, movies.years, strict=True)
    return [f"{name}{article} ({year})" for name, article, year in columns]


def draw_names(rng: np.random.Generator, genres: np.ndarray) -> list[str]:
    """Return an adjective and a word of the genre for each."""
    adjectives = rng.choice(ADJECTIVES.split(), len(genres))
    words = rng.integers(0, 4, len(genres))
    columns = zip(adjectives, genres, words, strict=True)
    return [f"{adjective} {GENRE_WORDS[genre][word]}" for adjective, genre, word in columns]


def numbered(names: Iterable[str]) -> Iterator[str]:
    """Yield the names; where one comes again, with a number behind it."""
    n_seen: Counter[str] = Counter()
    for name in names:
        n_seen[name] += 1
        yield f"{name} {n_seen[name]}" if n_seen[name] > 1 else name


def genres(rng: np.random.Generator, movies: Movies) -> list[str]:
    """Return the genres as movies.csv has them; one movie in a hundred has none listed."""
    unlisted = rng.random(len(movies.ids)) < 0.01
    columns = zip(unlisted, movies.main, movies.second, strict=True)
    return ["(no genres listed)" if none else genre_text(*pair) for none, *pair in columns]


def genre_text(*places: int) -> str:
    """Return the names of genres, sorted; -1 is none."""
    return "|".join(sorted({GENRE_NAMES[place] for place in places if place >= 0}))


def links(rng: np.random.Generator, movies: Movies) -> Iterator[tuple[object, ...]]:
    """Yield rows of links.csv; some movies are not in TMDB."""
    n_movies = len(movies.ids)
    imdb = np.cumsum(rng.integers(1, 60, n_movies)) + 10_000
    tmdb = rng.permutation(n_movies) + 1
    missing = rng.random(n_movies) < 0.005
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
    fewest = sum_of(least, weights)
    largest = sum_of(most, weights)
    if not fewest <= total <= largest:
        raise ValueError(f"{total} shared by {len(weights)}: expected from {fewest} to {largest}")
    counts = np.clip(whole(weights / weights.sum() * total), least, most)
    while missing := total - int(counts.sum()):
        has_room = counts < most if missing > 0 else counts > least
        counts[np.flatnonzero(has_room)[: abs(missing)]] += np.sign(missing)
    return counts


def check_share(share: float) -> None:
    """Raise ValueError where this is no part of a whole."""
    if not 0 < share <= 1:
        raise ValueError(f"a share of {share}: expected more than 0, at most 1")


def sum_of(bound: int | np.ndarray, weights: np.ndarray) -> int:
    """Return what a bound of each, or one of all, comes to."""
    return int(np.broadcast_to(bound, weights.shape).sum())


def draw_mixed(
    rng: np.random.Generator, count: int, share: float, scale: float, other_scale: float
) -> np.ndarray:
    """Return waiting times: that share of them by one scale, the others by another."""
    is_first = rng.random(count) < share
    return np.where(is_first, rng.exponential(scale, count), rng.exponential(other_scale, count))


def affinity(taste: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how well two places in taste space agree, row by row."""
    return np.einsum("ij,ij->i", taste, other)


def between(values: np.ndarray, first: int, last: int) -> slice:
    """Return where sorted values are from the first to before the last."""
    return slice(*np.searchsorted(values, (first, last)))


def whole(values: np.ndarray) -> np.ndarray:
    """Return the values without their fractions."""
    return values.astype(np.int64)


def minutes_after(rng: np.random.Generator, when: np.ndarray, end: int) -> np.ndarray:
    """Return moments up to ten minutes later, all before `end`."""
    return np.minimum(when + rng.integers(10, 600, len(when)), end - 1)


def starts_of(counts: np.ndarray) -> np.ndarray:
    """Return the first place of each group, where groups of these sizes follow one another."""
    return np.cumsum(counts) - counts


def places_within(counts: np.ndarray) -> np.ndarray:
    """Return 0, 1, … for the entries of each group, where groups of these sizes follow one
    another.
    """
    return np.arange(int(counts.sum())) - np.repeat(starts_of(counts), counts)


def write_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    """Write a file as GroupLens does."""
    with path.open("w", newline="") as file:
        file.write(header + CRLF)
        csv.writer(file, lineterminator=CRLF).writerows(rows)
