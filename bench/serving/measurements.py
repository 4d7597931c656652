"""The measurements of the bench, each a few figures."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import httpx
import numpy as np

from bench.serving.changes import faults_of, make_changes
from bench.serving.figures import Figure, Target, ratio
from bench.serving.load import Load, Measured, Request
from bench.serving.processes import generate, loop
from bench.serving.world import SEED, World

RATE = 200.0
FILTERS = "&exclude_genre=Horror&year_from=1950&exclude=1&exclude=2&exclude=3"


@dataclass(frozen=True)
class Bench:
    """A world that is served at `url`, with a key of a scope that may do all that is asked."""

    world: World
    url: str
    key: str
    seconds: float

    def requests(self, query: str = "n=10") -> list[Request]:
        """Return a request for each user's list."""
        return [
            Request(f"/v1/users/{user_id}/recommendations?{query}", user_id, headers=self.headers)
            for user_id in self.world.user_ids
        ]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    @cached_property
    def plain(self) -> Load:
        """Return lists of ten, one after another."""
        return Load(self.requests(), self.seconds)

    def paced(self, load: Load, rate: float = RATE) -> Load:
        """Return the load at a rate."""
        return replace(load, rate=rate)

    # the list of a user

    def latency(self) -> list[Figure]:
        """Return latencies at 200 requests a second beside the bare loop's."""
        generate(self.url, replace(self.plain, seconds=2.0))  # its connections are open then
        ours = generate(self.url, self.paced(self.plain))
        bare = loop(self.world.environment, self.paced(self.plain))
        return [
            ratio(
                "p50 of a list at 200/s, over the loop's",
                *at(ours, bare, 50),
                Target("≤", 2),
                " ms",
            ),
            ratio("p99, over the loop's", *at(ours, bare, 99), Target("≤", 4), " ms"),
            Figure("p99", f"{ours.percentile(99):.2f} ms", ours.percentile(99), Target("≤", 10)),
            errors("errors", ours),
            Figure("the generator's own CPU", f"{share(ours):.0%} of its core"),
        ]

    def throughput(self, handler_url: str) -> list[Figure]:
        """Return how many lists a second one worker gives, beside the loop and the handler."""
        ours = generate(self.url, self.plain)
        bare = loop(self.world.environment, self.plain)
        handler = generate(handler_url, self.plain)
        return [
            ratio("lists/s of one worker, over the loop's", *rates(ours, bare), Target("≥", 0.2)),
            ratio("over the FastAPI + SQLAlchemy handler's", *rates(ours, handler), Target("≥", 3)),
            errors("errors", ours),
            errors("errors of the handler", handler),
        ]

    def not_modified(self) -> list[Figure]:
        """Return how much cheaper a 304 is than the list."""
        tagged = [self.tagged(request) for request in self.requests()[:200]]
        plain = replace(self.plain, requests=self.requests()[:200])
        cached = generate(self.url, replace(plain, requests=tagged))
        whole = generate(self.url, plain)
        unlike = sum(n for status, n in cached.statuses.items() if status != "304")
        return [
            ratio("304/s, over 200/s", *rates(cached, whole), Target("≥", 2)),
            Figure("answers that were no 304", str(unlike), unlike, Target("≤", 0)),
        ]

    def tagged(self, request: Request) -> Request:
        """Return the request with the tag of its present answer."""
        answer = httpx.get(self.url + request.path, headers=request.headers, trust_env=False)
        return replace(request, headers=request.headers | {"If-None-Match": answer.headers["etag"]})

    def filtered(self) -> list[Figure]:
        """Return what filters cost."""
        plain = generate(self.url, self.paced(self.plain))
        filtered = Load(self.requests("n=10" + FILTERS), self.seconds, RATE)
        ours = generate(self.url, filtered)
        return [
            ratio("p50 with filters, over without", *at(ours, plain, 50), Target("≤", 2), " ms"),
            errors("errors", ours),
        ]

    # what the model is asked

    def for_ratings(self) -> list[Figure]:
        """Return what lists for twenty ratings that nobody has given take."""
        draw = np.random.default_rng(SEED)
        requests = [self.request_for(draw) for _ in range(200)]
        ours = generate(self.url, Load(requests, self.seconds, rate=5))
        return [
            Figure("p50 of for-ratings, 20 ratings", f"{ours.percentile(50):.1f} ms"),
            Figure("p99", f"{ours.percentile(99):.1f} ms", ours.percentile(99), Target("≤", 50)),
            errors("errors", ours),
        ]

    def request_for(self, draw: np.random.Generator) -> Request:
        """Return twenty ratings of movies drawn at random."""
        movies = draw.choice(self.world.movie_ids[:2_000], 20, replace=False).tolist()
        stars = draw.integers(6, 11, 20) / 2
        ratings = [
            {"movie_id": movie, "rating": float(rating)}
            for movie, rating in zip(movies, stars, strict=True)
        ]
        body = {"ratings": ratings}
        path = "/v1/recommendations:for-ratings"
        return Request(path, method="POST", headers=self.headers, body=body)

    # while what is live changes

    def through_changes(self) -> list[Figure]:
        """Return what was wrong with answers while publications came and went."""
        with ThreadPoolExecutor(1) as others:
            changing = others.submit(make_changes, self.world)
            rounds = [self.kept_answers()]
            while not changing.done():
                rounds.append(self.kept_answers())
            changes = changing.result()
        answers = [answer for measured in rounds for answer in measured.answers]
        faults = faults_of(self.world, answers, changes, n=10)
        n_errors = sum(measured.n_errors for measured in rounds)
        return [
            Figure(
                "lists read through ten changes",
                f"{len(answers):,}, while: {', '.join(changes.names)}",
            ),
            Figure("errors", str(n_errors), n_errors, Target("≤", 0)),
            Figure("torn lists", str(faults.torn), faults.torn, Target("≤", 0)),
            *(Figure("torn", example) for example in faults.examples[:3]),
            Figure(
                "answers with a withdrawn movie",
                str(faults.withdrawn),
                faults.withdrawn,
                Target("≤", 0),
            ),
        ]

    def kept_answers(self) -> Measured:
        """Return two seconds of lists, kept whole."""
        load = replace(self.plain, seconds=2.0, rate=100.0, keeps_answers=True)
        return generate(self.url, load)


def at(ours: Measured, other: Measured, q: float) -> tuple[float, float]:
    """Return both latencies at a percentile."""
    return ours.percentile(q), other.percentile(q)


def rates(ours: Measured, other: Measured) -> tuple[float, float]:
    """Return both throughputs."""
    return ours.throughput, other.throughput


def errors(name: str, measured: Measured) -> Figure:
    """Return how many answers were errors, of none allowed."""
    n = len(measured.latencies)
    return Figure(name, f"{measured.n_errors} of {n:,}", measured.n_errors, Target("≤", 0))


def share(measured: Measured) -> float:
    """Return how busy the generator was."""
    return measured.cpu_seconds / measured.seconds
