"""IMDb's five files as the independent parser sees them: only rows about our movies, matched by
links' imdbId.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping

from bench.mutants.independent import MAX_BAD_SHARE, Verdict, film_year, genres_of
from bench.mutants.independent_archives import open_stored
from bench.mutants.independent_tables import Contents, Ours, Row, Table, read_table

UNKNOWN = r"\N"
BASICS, CREW, PRINCIPALS = "title.basics.tsv", "title.crew.tsv", "title.principals.tsv"
PERSONS, SCORES = "name.basics.tsv", "title.ratings.tsv"
FILES = (BASICS, SCORES, CREW, PRINCIPALS, PERSONS)
_TITLE = (
    "tconst",
    "titleType",
    "primaryTitle",
    "originalTitle",
    "startYear",
    "runtimeMinutes",
    "genres",
)
TABLES = {
    BASICS: Table(_TITLE, b"\t", header=True),
    SCORES: Table(("tconst", "averageRating", "numVotes"), b"\t", header=True),
    CREW: Table(("tconst", "directors"), b"\t", header=True),
    PRINCIPALS: Table(("tconst", "ordering", "nconst", "category"), b"\t", header=True),
    PERSONS: Table(("nconst", "primaryName", "birthYear", "deathYear"), b"\t", header=True),
}

_NCONST = re.compile(r"nm[0-9]{1,17}")
_DIRECTORS = re.compile(r"nm[0-9]{1,17}(,nm[0-9]{1,17})*|\\N")


def judge_imdb(
    stored: Mapping[str, bytes], movies: Mapping[int, int], max_bad_share: float = MAX_BAD_SHARE
) -> Verdict:
    """What a drop of these stored files becomes where `movies` are known: movie id → IMDb's number,
    each once.
    """
    opened = open_stored(stored)
    verdict = Verdict(refused=dict(opened.refused))
    for file in FILES:
        if file not in opened.stored_as:
            verdict.refused[file] = "is not there"
        elif file in opened.unreadable:
            verdict.refused[file] = opened.unreadable[file]
        elif reason := read_table(opened.data[file], TABLES[file]).refused:
            verdict.refused[file] = reason
    if not verdict.refused:
        read_all(
            opened.data, {f"tt{number:07d}": movie for movie, number in movies.items()}, verdict
        )
        verdict.weigh(max_bad_share)
    return verdict


def read_all(data: Mapping[str, bytes], movies: Mapping[str, int], verdict: Verdict) -> None:
    basics = _read(data, BASICS, "tconst", set(movies), verdict)
    titles = {row.values["tconst"] for row in basics.rows}
    scores = _read(data, SCORES, "tconst", titles, verdict)
    crew = _read(data, CREW, "tconst", titles, verdict)
    principals = _read(data, PRINCIPALS, "tconst", titles, verdict)
    actors = [row for row in principals.rows if row.values["category"] in ("actor", "actress")]
    persons = _read(data, PERSONS, "nconst", named_in(crew.rows, actors), verdict)
    sound_scores = _sound(SCORES, scores.rows, score_problem, _tconst, verdict)
    rated = {row.values["tconst"]: row.values for row in sound_scores}
    sound_titles = _sound(BASICS, basics.rows, title_problem, _tconst, verdict)
    read_titles(sound_titles, rated, movies, verdict)
    directed = _sound(CREW, crew.rows, crew_problem, _tconst, verdict)
    acted = _sound(PRINCIPALS, actors, principal_problem, billing_of, verdict)
    read_casts(directed, acted, with_title(movies, verdict), verdict)
    read_persons(_sound(PERSONS, persons.rows, person_problem, _person, verdict), verdict)


def named_in(crew: list[Row], actors: list[Row]) -> set[str]:
    """The persons that a title's crew or cast names."""
    names = {row.values["nconst"] for row in actors}
    for row in crew:
        names.update(row.values["directors"].split(","))
    return names


def with_title(movies: Mapping[str, int], verdict: Verdict) -> dict[str, int]:
    """The movies whose title is a fact."""
    kept = {fact[0] for fact in verdict.facts["imdb_titles"]}
    return {tconst: movie for tconst, movie in movies.items() if movie in kept}


def _person(values: "Values") -> int:
    return int(values["nconst"][2:])


def _read(
    data: Mapping[str, bytes], file: str, column: str, values: set[str], verdict: Verdict
) -> Contents:
    contents = read_table(data[file], TABLES[file], ours=Ours(column, values))
    verdict.take(file, contents)
    return contents


Values = dict[str, str]


def _sound(
    file: str,
    rows: list[Row],
    problem: Callable[[Values], str],
    key: Callable[[Values], Hashable],
    verdict: Verdict,
) -> list[Row]:
    """Those without a problem, of several with one key the first; the others are set aside."""
    sound: list[Row] = []
    earlier: set[Hashable] = set()
    for row in rows:
        reason = problem(row.values)
        if not reason and key(row.values) in earlier:
            reason = "in an earlier line too"
        if reason:
            verdict.set_aside(file, row.line, reason)
            continue
        earlier.add(key(row.values))
        sound.append(row)
    return sound


def _tconst(values: Values) -> str:
    return values["tconst"]


def billing_of(values: Values) -> tuple[str, int]:
    return values["tconst"], int(values["ordering"])


def score_problem(values: Values) -> str:
    if not re.fullmatch(r"10(\.0)?|[0-9](\.[0-9])?", values["averageRating"]):
        return "averageRating"
    return "" if re.fullmatch(r"[0-9]{1,9}", values["numVotes"]) else "numVotes"


def title_problem(values: Values) -> str:
    if values["primaryTitle"] in ("", UNKNOWN):
        return "the title is empty"
    if not re.fullmatch(r"[0-9]{4}|\\N", values["startYear"]):
        return "startYear"
    return "" if re.fullmatch(r"[0-9]{1,6}|\\N", values["runtimeMinutes"]) else "runtimeMinutes"


def crew_problem(values: Values) -> str:
    return "" if _DIRECTORS.fullmatch(values["directors"]) else "directors"


def principal_problem(values: Values) -> str:
    if not re.fullmatch(r"[0-9]{1,6}", values["ordering"]):
        return "ordering"
    return "" if _NCONST.fullmatch(values["nconst"]) else "nconst"


def person_problem(values: Values) -> str:
    if not _NCONST.fullmatch(values["nconst"]):
        return "nconst"
    if values["primaryName"] in ("", UNKNOWN):
        return "the name is empty"
    years = (values["birthYear"], values["deathYear"])
    return (
        ""
        if all(re.fullmatch(r"[0-9]{1,4}|\\N", year) for year in years)
        else ("birthYear or deathYear")
    )


def _number(text: str) -> int | None:
    return None if text == UNKNOWN else int(text)


def read_titles(
    rows: list[Row], rated: Mapping[str, Values], movies: Mapping[str, int], verdict: Verdict
) -> None:
    facts = verdict.facts.setdefault("imdb_titles", Counter())
    for row in rows:
        values = row.values
        score = rated.get(values["tconst"])
        genres = genres_of(values["genres"].split(","))
        fact = (
            movies[values["tconst"]],
            int(values["tconst"][2:]),
            values["titleType"],
            values["primaryTitle"],
            film_year(_number(values["startYear"])),
            _number(values["runtimeMinutes"]),
            genres,
            float(score["averageRating"]) if score else None,
            int(score["numVotes"]) if score else None,
        )
        facts[fact] += 1


def read_casts(
    directed: list[Row], acted: list[Row], movies: Mapping[str, int], verdict: Verdict
) -> None:
    facts = verdict.facts.setdefault("movie_persons", Counter())
    for row in directed:
        movie = movies.get(row.values["tconst"])
        listed = row.values["directors"]
        names = [] if movie is None or listed == UNKNOWN else listed.split(",")
        for place, name in enumerate(names, 1):
            facts[(movie, "director", place, int(name[2:]))] += 1
    billed: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for row in acted:
        movie = movies.get(row.values["tconst"])
        if movie is not None:
            billed[movie].append((int(row.values["ordering"]), row.line, _person(row.values)))
    for movie, cast in billed.items():
        for place, (_, _, person) in enumerate(sorted(cast), 1):
            facts[(movie, "actor", place, person)] += 1


def read_persons(rows: list[Row], verdict: Verdict) -> None:
    facts = verdict.facts.setdefault("persons", Counter())
    for row in rows:
        values = row.values
        facts[
            (
                int(values["nconst"][2:]),
                values["primaryName"],
                _number(values["birthYear"]),
                _number(values["deathYear"]),
            )
        ] += 1
