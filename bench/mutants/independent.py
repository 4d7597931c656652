"""Says what a drop must become, slowly and in plain Python, with no code of recsys: docs/input.md
written a second time.

A drop is refused, or each of its rows is a fact or is set aside. Facts are compared value by value.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field

from bench.mutants.independent_archives import Opened, open_stored
from bench.mutants.independent_tables import Contents, Row, Table, encoding_of, read_table
from bench.mutants.releases import GENRES_100K

MAX_BAD_SHARE = 0.01  # the default of the setting
SINCE, UNTIL = 631_152_000, 4_102_444_799  # 1990 to 2100
LONGEST_TAG = 2_000
FIRST_YEAR, LAST_YEAR = 1870, 2100
NO_GENRE = ("", "(no genres listed)", r"\n", "n/a")

_INTEGER = re.compile(r"[0-9]{1,18}")
_TIME = re.compile(r"[0-9]{1,10}")
_STARS = re.compile(r"0?\.50*|[1-4](\.[05]0*)?|5(\.0+)?")
_IMDB_ID = re.compile(r"(tt)?[0-9]{0,17}")
_AGE = re.compile(r"[0-9]{1,3}")
_YEAR = re.compile(r"\(([0-9]{4})([^0-9()][^()]*)?\)\s*$")
_WHOLE_FLOAT = re.compile(r"([0-9]+)\.0+")
_WHOLE = ("userId", "movieId", "imdbId", "tmdbId", "age", "timestamp")


@dataclass
class Verdict:
    """`refused`: file → why; else the facts by table, and (file, line) of each row that is set
    aside with its reason.
    """

    refused: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Counter[tuple]] = field(default_factory=dict)
    rejects: dict[tuple[str, int], str] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    encoding: str = "utf-8"

    def set_aside(self, file: str, line: int, reason: str) -> None:
        self.rejects.setdefault((file, line), reason)

    def take(self, file: str, contents: Contents) -> None:
        """Count a file's rows; keep why it cannot be read, or which of its rows cannot."""
        if contents.refused:
            self.refused[file] = contents.refused
        self.read[file] = contents.n_read
        for line, reason in contents.rejects.items():
            self.set_aside(file, line, reason)

    def weigh(self, max_bad_share: float) -> None:
        """Refuse where a file has more bad rows than its share."""
        bad = Counter(file for file, _ in self.rejects)
        for file, n_bad in bad.items():
            if n_bad / max(self.read[file], 1) > max_bad_share:
                line = min(line for name, line in self.rejects if name == file)
                self.refused[file] = (
                    f"{n_bad} of {self.read[file]} rows are bad; the first is line {line}"
                )


RATINGS = ("userId", "movieId", "rating", "timestamp")
TAGS = ("userId", "movieId", "tag", "timestamp")
ITEMS = ("movieId", "title", *GENRES_100K)
ITEM_COLUMNS = ("movieId", "title", "released", "video", "url", *GENRES_100K)
USERS = ("userId", "gender", "age", "occupation", "zip")
MOVIES = ("movieId", "title", "genres")
#: Ratings file → the layout's files and what they hold. The first whose ratings file is there is
#: the drop's.
LAYOUTS: dict[str, dict[str, tuple[str, Table]]] = {
    "ratings.csv": {
        "movies.csv": ("movies", Table(MOVIES, b",", header=True, quoted=True)),
        "links.csv": (
            "links",
            Table(("movieId", "imdbId", "tmdbId"), b",", header=True, quoted=True),
        ),
        "ratings.csv": ("ratings", Table(RATINGS, b",", header=True, quoted=True)),
        "tags.csv": ("tags", Table(TAGS, b",", header=True, quoted=True)),
    },
    "ratings.dat": {
        "movies.dat": ("movies", Table(MOVIES, b"::", header=False)),
        "users.dat": ("users", Table(USERS, b"::", header=False)),
        "ratings.dat": ("ratings", Table(RATINGS, b"::", header=False)),
        "tags.dat": ("tags", Table(TAGS, b"::", header=False)),
    },
    "u.data": {
        "u.item": ("items", Table(ITEMS, b"|", header=False, layout=ITEM_COLUMNS)),
        "u.user": (
            "users",
            Table(("userId", "age", "gender", "occupation", "zip"), b"|", header=False),
        ),
        "u.data": ("ratings", Table(RATINGS, b"\t", header=False)),
    },
}


def judge_movielens(stored: Mapping[str, bytes], max_bad_share: float = MAX_BAD_SHARE) -> Verdict:
    """What a first drop of these stored files becomes in an empty database."""
    opened = open_stored(stored)
    verdict = Verdict(refused=dict(opened.refused))
    ratings_file = next((name for name in LAYOUTS if name in opened.stored_as), None)
    if verdict.refused:
        return verdict
    if ratings_file is None:
        verdict.refused[""] = "no ratings file"
        return verdict
    verdict.encoding = _encoding(ratings_file, opened)
    by_content: dict[str, tuple[str, list[Row]]] = {}
    for file, (content, table) in LAYOUTS[ratings_file].items():
        contents = _read(opened, file, table, verdict)
        by_content[content] = (file, contents.rows)
    for content, (file, rows) in by_content.items():
        _FACTS[content](file, rows, verdict)
    verdict.weigh(max_bad_share)
    return verdict


def _encoding(ratings_file: str, opened: Opened) -> str:
    """Of all files of the drop. Ratings are the same in either."""
    if ratings_file == "ratings.csv":
        return "utf-8"
    with_text = [
        opened.data[file]
        for file in LAYOUTS[ratings_file]
        if file in opened.data and file != ratings_file
    ]
    return encoding_of(with_text, as_ml_1m=bool({"users.dat", "u.user"} & set(opened.stored_as)))


def _read(opened: Opened, file: str, table: Table, verdict: Verdict) -> Contents:
    """A file's contents: none where the drop lacks it."""
    if file in opened.unreadable:
        verdict.refused[file] = opened.unreadable[file]
    if file not in opened.data:
        return Contents()
    contents = read_table(opened.data[file], table, encoding=verdict.encoding)
    verdict.take(file, contents)
    for row in contents.rows:
        row.values.update(
            {name: whole_number(row.values[name]) for name in _WHOLE if name in row.values}
        )
    return contents


def whole_number(value: str) -> str:
    """862 of 862.0, as some tools write whole numbers."""
    whole = _WHOLE_FLOAT.fullmatch(value)
    return whole[1] if whole else value


Values = dict[str, str]


def _sound(
    file: str,
    rows: list[Row],
    verdict: Verdict,
    problem: Callable[[Values], str],
    key: Callable[[Values], Hashable],
) -> Iterator[Row]:
    """The rows without a problem, of those with one key the first; the others are set aside."""
    earlier: dict[Hashable, int] = {}
    for row in rows:
        reason = problem(row.values)
        if reason:
            verdict.set_aside(file, row.line, reason)
            continue
        line = earlier.setdefault(key(row.values), row.line)
        if line != row.line:
            verdict.set_aside(file, row.line, f"also in line {line}")
            continue
        yield row


def _movies(file: str, rows: list[Row], verdict: Verdict) -> None:
    facts = verdict.facts.setdefault("movies", Counter())
    for row in _sound(file, rows, verdict, movie_problem, lambda values: int(values["movieId"])):
        title = row.values["title"].strip(" ")
        facts[
            (
                int(row.values["movieId"]),
                title,
                year_of(title),
                genres_of(row.values["genres"].split("|")),
            )
        ] += 1


def movie_problem(values: Values) -> str:
    if not _INTEGER.fullmatch(values["movieId"]):
        return "movieId is not a whole number"
    if not values["title"].strip(" "):
        return "the title is empty"
    if re.search(r"[\r\n]", values["title"] + values["genres"]):
        return "a line break in title or genres"
    return ""


def year_of(title: str) -> int | None:
    """The year that ends a title in parentheses."""
    year = _YEAR.search(title)
    return film_year(int(year[1])) if year else None


def film_year(year: int | None) -> int | None:
    """None where no film can be of it."""
    return year if year is not None and FIRST_YEAR <= year <= LAST_YEAR else None


def genres_of(names: list[str]) -> tuple[str, ...]:
    """Each once, trimmed; an empty one is none, as is what publishers write for none."""
    trimmed = (name.strip(" \t\u00a0") for name in names)
    return tuple(dict.fromkeys(name for name in trimmed if name.lower() not in NO_GENRE))


def read_items(file: str, rows: list[Row], verdict: Verdict) -> None:
    """ml-100k's movies: a genre is a column."""
    named = [
        Row(
            row.line,
            row.values
            | {"genres": "|".join(genre for genre in GENRES_100K[1:] if row.values[genre] == "1")},
        )
        for row in rows
    ]
    _movies(file, named, verdict)


def read_links(file: str, rows: list[Row], verdict: Verdict) -> None:
    facts = verdict.facts.setdefault("links", Counter())
    for row in _sound(file, rows, verdict, link_problem, lambda values: int(values["movieId"])):
        imdb = row.values["imdbId"].lstrip("t")
        tmdb = row.values["tmdbId"]
        facts[
            (int(row.values["movieId"]), int(imdb) if imdb else None, int(tmdb) if tmdb else None)
        ] += 1


def link_problem(values: Values) -> str:
    if not _INTEGER.fullmatch(values["movieId"]):
        return "movieId is not a whole number"
    if not _IMDB_ID.fullmatch(values["imdbId"]):
        return "imdbId is not a number"
    if values["tmdbId"] and not _INTEGER.fullmatch(values["tmdbId"]):
        return "tmdbId is not a number"
    return ""


def _users(file: str, rows: list[Row], verdict: Verdict) -> None:
    facts = verdict.facts.setdefault("users", Counter())
    for row in _sound(file, rows, verdict, user_problem, lambda values: int(values["userId"])):
        age = row.values["age"]
        others = [row.values[name] or None for name in ("occupation", "zip")]
        facts[
            (
                int(row.values["userId"]),
                row.values["gender"] or None,
                int(age) if age else None,
                *others,
            )
        ] += 1


def user_problem(values: Values) -> str:
    if not _INTEGER.fullmatch(values["userId"]):
        return "userId is not a whole number"
    if values["age"] and not _AGE.fullmatch(values["age"]):
        return "age is not a number"
    return ""


def read_ratings(file: str, rows: list[Row], verdict: Verdict) -> None:
    facts = verdict.facts.setdefault("ratings", Counter())
    movies = {fact[0] for fact in verdict.facts.get("movies", ())}
    for row in _sound(file, rows, verdict, rating_problem, _event):
        user, movie, time = _event(row.values)
        if movie not in movies:
            verdict.set_aside(file, row.line, "its movie is in no movies file")
            continue
        facts[(user, movie, float(row.values["rating"]), time)] += 1


def _event(values: Values) -> tuple[int, int, int]:
    return int(values["userId"]), int(values["movieId"]), int(values["timestamp"])


def _event_problem(values: Values) -> str:
    for name in ("userId", "movieId"):
        if not _INTEGER.fullmatch(values[name]):
            return f"{name} is not a whole number"
    if not _TIME.fullmatch(values["timestamp"]) or not SINCE <= int(values["timestamp"]) <= UNTIL:
        return "timestamp is not in seconds from 1990 to 2100"
    return ""


def rating_problem(values: Values) -> str:
    if not _STARS.fullmatch(values["rating"]):
        return "rating is not half stars from 0.5 to 5"
    return _event_problem(values)


def read_tags(file: str, rows: list[Row], verdict: Verdict) -> None:
    facts = verdict.facts.setdefault("tags", Counter())
    for row in _sound(
        file, rows, verdict, tag_problem, lambda values: (*_event(values), values["tag"])
    ):
        user, movie, time = _event(row.values)
        facts[(user, movie, row.values["tag"], time)] += 1


def tag_problem(values: Values) -> str:
    if not values["tag"].strip(" "):
        return "the tag is empty"
    if len(values["tag"].encode()) > LONGEST_TAG:
        return "the tag is too long"
    return _event_problem(values)


#: In the order of the layouts' files: movies come before the ratings of them.
_FACTS = {
    "movies": _movies,
    "items": read_items,
    "links": read_links,
    "users": _users,
    "ratings": read_ratings,
    "tags": read_tags,
}
