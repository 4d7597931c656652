"""IMDb's five files as the independent parser sees them: only rows about our movies, matched by
links' imdbId.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.mutants.independent import (
    MAX_BAD_SHARE,
    Check,
    Facts,
    Values,
    Verdict,
    film_year,
    genres_of,
)
from bench.mutants.independent_archives import Opened, open_stored
from bench.mutants.independent_tables import Ours, Row, Table, read_table

UNKNOWN = r"\N"
BASICS, CREW, PRINCIPALS = "title.basics.tsv", "title.crew.tsv", "title.principals.tsv"
PERSONS, SCORES = "name.basics.tsv", "title.ratings.tsv"
FILES = (BASICS, SCORES, CREW, PRINCIPALS, PERSONS)
TITLE = (
    "tconst",
    "titleType",
    "primaryTitle",
    "originalTitle",
    "startYear",
    "runtimeMinutes",
    "genres",
)
TABLES = {
    BASICS: Table(TITLE, b"\t", header=True),
    SCORES: Table(("tconst", "averageRating", "numVotes"), b"\t", header=True),
    CREW: Table(("tconst", "directors"), b"\t", header=True),
    PRINCIPALS: Table(("tconst", "ordering", "nconst", "category"), b"\t", header=True),
    PERSONS: Table(("nconst", "primaryName", "birthYear", "deathYear"), b"\t", header=True),
}

NCONST = re.compile(r"nm[0-9]{1,17}")
YEAR = re.compile(r"[0-9]{1,4}|\\N")
DIRECTORS = re.compile(r"nm[0-9]{1,17}(,nm[0-9]{1,17})*|\\N")


def judge_imdb(
    stored: Mapping[str, bytes], movies: Mapping[int, int], max_bad_share: float = MAX_BAD_SHARE
) -> Verdict:
    """Return what a drop of these stored files becomes where `movies` are known: movie id → IMDb's
    number, each once.
    """
    opened = open_stored(stored)
    problems = {file: file_problem(opened, file) for file in FILES}
    refused = {file: problem for file, problem in problems.items() if problem}
    verdict = Verdict(refused={**opened.refused, **refused})
    if not verdict.refused:
        by_tconst = {f"tt{number:07d}": movie for movie, number in movies.items()}
        Titles(opened.data, by_tconst, verdict).read()
        verdict.weigh(max_bad_share)
    return verdict


def file_problem(opened: Opened, file: str) -> str:
    """Return why a file cannot be read at all, "" where it can."""
    if file not in opened.stored_as:
        return "is not there"
    if file in opened.unreadable:
        return opened.unreadable[file]
    return read_table(opened.data[file], TABLES[file]).refused


@dataclass(frozen=True)
class Titles:
    """The files' bytes by name, our movies by tconst, and the verdict that their rows become."""

    data: Mapping[str, bytes]
    movies: Mapping[str, int]
    verdict: Verdict

    def read(self) -> None:
        basics = self.rows(BASICS, "tconst", self.movies)
        titles = {tconst_of(row.values) for row in basics}
        scores = self.rows(SCORES, "tconst", titles)
        crew = self.rows(CREW, "tconst", titles)
        actors = list(filter(is_actor, self.rows(PRINCIPALS, "tconst", titles)))
        persons = self.rows(PERSONS, "nconst", named_in(crew, actors))
        self.read_titles(basics, scores)
        self.read_directors(crew)
        self.read_casts(actors)
        PERSON_FACTS.read(PERSONS, persons, self.verdict)

    def rows(self, file: str, column: str, values: Iterable[str]) -> list[Row]:
        """Return a file's rows with one of these values in a column."""
        contents = read_table(self.data[file], TABLES[file], ours=Ours(column, set(values)))
        self.verdict.take(file, contents)
        return contents.rows

    def read_titles(self, basics: list[Row], scores: list[Row]) -> None:
        sound_scores = self.verdict.sound_rows(SCORES, scores, SCORE_CHECK)
        scored = {tconst_of(row.values): row.values for row in sound_scores}
        facts = self.verdict.facts_of("imdb_titles")
        for row in self.verdict.sound_rows(BASICS, basics, TITLE_CHECK):
            tconst = tconst_of(row.values)
            facts[(self.movies[tconst], *title_fact(row.values), *score_of(scored, tconst))] += 1

    def read_directors(self, crew: list[Row]) -> None:
        movies = self.movies_with_title()
        facts = self.verdict.facts_of("movie_persons")
        for row in self.verdict.sound_rows(CREW, crew, CREW_CHECK):
            movie = movies.get(tconst_of(row.values))
            for place, person in enumerate(directors_of(row.values), 1):
                if movie is not None:
                    facts[(movie, "director", place, person)] += 1

    def read_casts(self, actors: list[Row]) -> None:
        """Read each movie's cast, in the order of its billing."""
        facts = self.verdict.facts_of("movie_persons")
        for movie, cast in self.casts(actors).items():
            for place, (_, _, person) in enumerate(sorted(cast), 1):
                facts[(movie, "actor", place, person)] += 1

    def casts(self, actors: list[Row]) -> dict[int, list[tuple[int, int, int]]]:
        """Return each movie's actors as ordering, line and person."""
        movies = self.movies_with_title()
        casts = defaultdict(list)
        for row in self.verdict.sound_rows(PRINCIPALS, actors, PRINCIPAL_CHECK):
            tconst, ordering = billing_of(row.values)
            if tconst in movies:
                casts[movies[tconst]].append((ordering, row.line, person_of(row.values)))
        return casts

    def movies_with_title(self) -> dict[str, int]:
        """Return the movies whose title is a fact."""
        with_title = {fact[0] for fact in self.verdict.facts_of("imdb_titles")}
        return {tconst: movie for tconst, movie in self.movies.items() if movie in with_title}


def is_actor(row: Row) -> bool:
    return row.values["category"] in ("actor", "actress")


def named_in(crew: list[Row], actors: list[Row]) -> set[str]:
    """Return the persons that a title's crew or cast names."""
    names = {row.values["nconst"] for row in actors}
    for row in crew:
        names.update(row.values["directors"].split(","))
    return names


def tconst_of(values: Values) -> str:
    return values["tconst"]


def person_of(values: Values) -> int:
    return int(values["nconst"][2:])


def billing_of(values: Values) -> tuple[str, int]:
    return values["tconst"], int(values["ordering"])


def directors_of(values: Values) -> list[int]:
    listed = values["directors"]
    return [] if listed == UNKNOWN else [int(name[2:]) for name in listed.split(",")]


def score_problem(values: Values) -> str:
    if not re.fullmatch(r"10(\.0)?|[0-9](\.[0-9])?", values["averageRating"]):
        return "averageRating"
    return "" if re.fullmatch(r"[0-9]{1,9}", values["numVotes"]) else "numVotes"


def score_of(scored: Mapping[str, Values], tconst: str) -> tuple[float | None, int | None]:
    score = scored.get(tconst)
    return (float(score["averageRating"]), int(score["numVotes"])) if score else (None, None)


def title_problem(values: Values) -> str:
    if values["primaryTitle"] in ("", UNKNOWN):
        return "the title is empty"
    if not re.fullmatch(r"[0-9]{4}|\\N", values["startYear"]):
        return "startYear"
    return "" if re.fullmatch(r"[0-9]{1,6}|\\N", values["runtimeMinutes"]) else "runtimeMinutes"


def title_fact(values: Values) -> tuple:
    return (
        int(values["tconst"][2:]),
        values["titleType"],
        values["primaryTitle"],
        film_year(number_of(values["startYear"])),
        number_of(values["runtimeMinutes"]),
        genres_of(values["genres"].split(",")),
    )


def crew_problem(values: Values) -> str:
    return "" if DIRECTORS.fullmatch(values["directors"]) else "directors"


def principal_problem(values: Values) -> str:
    if not re.fullmatch(r"[0-9]{1,6}", values["ordering"]):
        return "ordering"
    return "" if NCONST.fullmatch(values["nconst"]) else "nconst"


def person_problem(values: Values) -> str:
    if not NCONST.fullmatch(values["nconst"]):
        return "nconst"
    if values["primaryName"] in ("", UNKNOWN):
        return "the name is empty"
    are_years = (YEAR.fullmatch(values[name]) for name in ("birthYear", "deathYear"))
    return "" if all(are_years) else "birthYear or deathYear"


def person_fact(values: Values) -> tuple:
    born, died = (number_of(values[name]) for name in ("birthYear", "deathYear"))
    return person_of(values), values["primaryName"], born, died


def number_of(text: str) -> int | None:
    return None if text == UNKNOWN else int(text)


SCORE_CHECK = Check(score_problem, tconst_of)
TITLE_CHECK = Check(title_problem, tconst_of)
CREW_CHECK = Check(crew_problem, tconst_of)
PRINCIPAL_CHECK = Check(principal_problem, billing_of)
PERSON_FACTS = Facts("persons", Check(person_problem, person_of), person_fact)
