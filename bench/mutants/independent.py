"""Says what a drop must become, slowly and in plain Python, with no code of recsys: docs/input.md
written a second time.

A drop is refused, or each of its rows is a fact or is set aside. Facts are compared value by value.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bench.mutants.independent_archives import Opened, open_stored
from bench.mutants.independent_tables import Contents, Row, Table, encoding_of, read_table
from bench.mutants.releases import GENRES_100K

MAX_BAD_SHARE = 0.01  # the default of the setting
SINCE, UNTIL = 631_152_000, 4_102_444_799  # 1990 to 2100
LONGEST_TAG = 2_000
FIRST_YEAR, LAST_YEAR = 1870, 2100
NO_GENRE = ("", "(no genres listed)", r"\n", "n/a")

INTEGER = re.compile(r"[0-9]{1,18}")
TIME = re.compile(r"[0-9]{1,10}")
STARS = re.compile(r"0?\.50*|[1-4](\.[05]0*)?|5(\.0+)?")
IMDB_ID = re.compile(r"(tt)?[0-9]{0,17}")
AGE = re.compile(r"[0-9]{1,3}")
YEAR = re.compile(r"\(([0-9]{4})([^0-9()][^()]*)?\)\s*$")
WHOLE_FLOAT = re.compile(r"([0-9]+)\.0+")
WHOLE = ("userId", "movieId", "imdbId", "tmdbId", "age", "timestamp")


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

    def facts_of(self, table: str) -> Counter[tuple]:
        """Return the table's facts, to count more of them."""
        return self.facts.setdefault(table, Counter())

    def sound_rows(self, file: str, rows: Iterable[Row], check: "Check") -> Iterator[Row]:
        """Yield the rows without a problem, of those with one key the first; the others are set
        aside.
        """
        earlier: dict[Hashable, int] = {}
        for row in rows:
            reason = check.problem(row.values) or repetition(row, check, earlier)
            if reason:
                self.set_aside(file, row.line, reason)
            else:
                yield row

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
            n_rows = self.read[file]
            if n_bad / max(n_rows, 1) > max_bad_share:
                line = min(line for name, line in self.rejects if name == file)
                self.refused[file] = f"{n_bad} of {n_rows} rows are bad; the first is line {line}"


Values = dict[str, str]


@dataclass(frozen=True)
class Check:
    """What is wrong with a row's values ("" where nothing is), and what one row alone may have."""

    problem: Callable[[Values], str]
    key: Callable[[Values], Hashable]


@dataclass(frozen=True)
class Facts:
    """The table that rows become facts of, one by one, and how."""

    table: str
    check: Check
    fact: Callable[[Values], tuple]

    def read(self, file: str, rows: Iterable[Row], verdict: Verdict) -> None:
        facts = verdict.facts_of(self.table)
        for row in verdict.sound_rows(file, rows, self.check):
            facts[self.fact(row.values)] += 1


RATINGS = ("userId", "movieId", "rating", "timestamp")
TAGS = ("userId", "movieId", "tag", "timestamp")
ITEMS = ("movieId", "title", *GENRES_100K)
ITEM_COLUMNS = ("movieId", "title", "released", "video", "url", *GENRES_100K)
USERS = ("userId", "gender", "age", "occupation", "zip")
MOVIES = ("movieId", "title", "genres")
Layout = dict[str, tuple[str, Table]]
#: Ratings file → the layout's files and what they hold. The first whose ratings file is there is
#: the drop's.
LAYOUTS: dict[str, Layout] = {
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
    """Return what a first drop of these stored files becomes in an empty database."""
    opened = open_stored(stored)
    verdict = Verdict(refused=dict(opened.refused))
    ratings_file = next((name for name in LAYOUTS if name in opened.stored_as), "")
    if not ratings_file and not verdict.refused:
        verdict.refused[""] = "no ratings file"
    if not verdict.refused:
        verdict.encoding = encoding_of_drop(ratings_file, opened)
        read_layout(LAYOUTS[ratings_file], opened, verdict)
        verdict.weigh(max_bad_share)
    return verdict


def read_layout(layout: Layout, opened: Opened, verdict: Verdict) -> None:
    rows = {file: read_rows(opened, file, table, verdict) for file, (_, table) in layout.items()}
    for file, (content, _) in layout.items():
        READERS[content](file, rows[file], verdict)


def encoding_of_drop(ratings_file: str, opened: Opened) -> str:
    """Return the encoding of all files of the drop. Ratings are the same in either."""
    if ratings_file == "ratings.csv":
        return "utf-8"
    others = [file for file in LAYOUTS[ratings_file] if file != ratings_file]
    with_text = [opened.data[file] for file in others if file in opened.data]
    return encoding_of(with_text, as_ml_1m=bool({"users.dat", "u.user"} & set(opened.stored_as)))


def read_rows(opened: Opened, file: str, table: Table, verdict: Verdict) -> list[Row]:
    """Return a file's rows: none where the drop lacks it."""
    if file in opened.unreadable:
        verdict.refused[file] = opened.unreadable[file]
    if file not in opened.data:
        return []
    contents = read_table(opened.data[file], table, encoding=verdict.encoding)
    verdict.take(file, contents)
    return [Row(row.line, with_whole_numbers(row.values)) for row in contents.rows]


def with_whole_numbers(values: Values) -> Values:
    return {name: whole(text) if name in WHOLE else text for name, text in values.items()}


def whole(text: str) -> str:
    """Return 862 of 862.0, as some tools write whole numbers."""
    number = WHOLE_FLOAT.fullmatch(text)
    return number[1] if number else text


def repetition(row: Row, check: Check, earlier: dict[Hashable, int]) -> str:
    """Return which earlier line has the row's key, "" where none has; keep the row's."""
    line = earlier.setdefault(check.key(row.values), row.line)
    return f"also in line {line}" if line != row.line else ""


def not_whole(values: Values, *names: str) -> str:
    """Return what is wrong with values that must be whole numbers."""
    for name in names:
        if not INTEGER.fullmatch(values[name]):
            return f"{name} is not a whole number"
    return ""


def number_or_none(text: str) -> int | None:
    return int(text) if text else None


def movie_of(values: Values) -> int:
    return int(values["movieId"])


def movie_problem(values: Values) -> str:
    if not values["title"].strip(" "):
        return "the title is empty"
    if re.search(r"[\r\n]", values["title"] + values["genres"]):
        return "a line break in title or genres"
    return not_whole(values, "movieId")


def movie_fact(values: Values) -> tuple:
    title = values["title"].strip(" ")
    return movie_of(values), title, year_of(title), genres_of(values["genres"].split("|"))


def year_of(title: str) -> int | None:
    """Return the year that ends a title in parentheses."""
    year = YEAR.search(title)
    return film_year(int(year[1])) if year else None


def film_year(year: int | None) -> int | None:
    """Return the year, None where no film can be of it."""
    return year if year is not None and FIRST_YEAR <= year <= LAST_YEAR else None


def genres_of(names: list[str]) -> tuple[str, ...]:
    """Return each once, trimmed; an empty one is none, as is what publishers write for none."""
    trimmed = (name.strip(" \t\u00a0") for name in names)
    return tuple(dict.fromkeys(name for name in trimmed if name.lower() not in NO_GENRE))


def read_items(file: str, rows: list[Row], verdict: Verdict) -> None:
    """Read ml-100k's movies: a genre is a column."""
    movies = [Row(row.line, with_genres(row.values)) for row in rows]
    MOVIE_FACTS.read(file, movies, verdict)


def with_genres(item: Values) -> Values:
    genres = [genre for genre in GENRES_100K[1:] if item[genre] == "1"]
    return item | {"genres": "|".join(genres)}


def link_problem(values: Values) -> str:
    if not IMDB_ID.fullmatch(values["imdbId"]):
        return "imdbId is not a number"
    if values["tmdbId"] and not INTEGER.fullmatch(values["tmdbId"]):
        return "tmdbId is not a number"
    return not_whole(values, "movieId")


def link_fact(values: Values) -> tuple:
    imdb = number_or_none(values["imdbId"].lstrip("t"))
    return movie_of(values), imdb, number_or_none(values["tmdbId"])


def user_of(values: Values) -> int:
    return int(values["userId"])


def user_problem(values: Values) -> str:
    if values["age"] and not AGE.fullmatch(values["age"]):
        return "age is not a number"
    return not_whole(values, "userId")


def user_fact(values: Values) -> tuple:
    age = number_or_none(values["age"])
    gender, occupation, code = (values[name] or None for name in ("gender", "occupation", "zip"))
    return user_of(values), gender, age, occupation, code


def read_ratings(file: str, rows: list[Row], verdict: Verdict) -> None:
    facts = verdict.facts_of("ratings")
    movies = {fact[0] for fact in verdict.facts_of("movies")}
    for row in verdict.sound_rows(file, rows, RATING_CHECK):
        if movie_of(row.values) in movies:
            facts[rating_fact(row.values)] += 1
        else:
            verdict.set_aside(file, row.line, "its movie is in no movies file")


def event_of(values: Values) -> tuple[int, int, int]:
    return user_of(values), movie_of(values), int(values["timestamp"])


def event_problem(values: Values) -> str:
    time = values["timestamp"]
    if not TIME.fullmatch(time) or not SINCE <= int(time) <= UNTIL:
        return "timestamp is not in seconds from 1990 to 2100"
    return not_whole(values, "userId", "movieId")


def rating_problem(values: Values) -> str:
    if not STARS.fullmatch(values["rating"]):
        return "rating is not half stars from 0.5 to 5"
    return event_problem(values)


def rating_fact(values: Values) -> tuple:
    user, movie, time = event_of(values)
    return user, movie, float(values["rating"]), time


def tag_problem(values: Values) -> str:
    if not values["tag"].strip(" "):
        return "the tag is empty"
    if len(values["tag"].encode()) > LONGEST_TAG:
        return "the tag is too long"
    return event_problem(values)


def tag_key(values: Values) -> tuple:
    return *event_of(values), values["tag"]


def tag_fact(values: Values) -> tuple:
    user, movie, time = event_of(values)
    return user, movie, values["tag"], time


MOVIE_FACTS = Facts("movies", Check(movie_problem, movie_of), movie_fact)
RATING_CHECK = Check(rating_problem, event_of)
#: In the order of the layouts' files: movies come before the ratings of them.
READERS: dict[str, Callable[[str, list[Row], Verdict], None]] = {
    "movies": MOVIE_FACTS.read,
    "items": read_items,
    "links": Facts("links", Check(link_problem, movie_of), link_fact).read,
    "users": Facts("users", Check(user_problem, user_of), user_fact).read,
    "ratings": read_ratings,
    "tags": Facts("tags", Check(tag_problem, tag_key), tag_fact).read,
}
