"""Figures of the API for Prometheus: of all workers of this machine together."""

import os
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

__all__ = ["CONTENT_TYPE_LATEST", "SHARED", "count_request", "exposition"]

#: Names the folder in which workers keep their figures, so that any of them can say the sum. It is
#: read as prometheus_client is imported.
SHARED = "PROMETHEUS_MULTIPROC_DIR"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Counter(
    "recsys_api_requests", "requests answered", ("method", "route", "status"), registry=REGISTRY
)
SECONDS = Histogram(
    "recsys_api_request_seconds",
    "seconds from a request's first byte to its answer's last",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
    registry=REGISTRY,
)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count an answer. `route` is a pattern, of which there are few; clients may invent methods."""
    answers, took = figures_of(method if method in METHODS else "other", route, status)
    answers.inc()
    took.observe(seconds)


@cache
def figures_of(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Return the figures of such answers; to look them up takes longer than to count."""
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(route)


def exposition(publication: int | None, age_seconds: float | None) -> bytes:
    """Return all figures as Prometheus reads them, with those of the live publication."""
    registry = CollectorRegistry()
    for name, text, value in (
        ("recsys_api_live_publication", "the live publication's number", publication),
        ("recsys_api_live_age_seconds", "for how long it has been live", age_seconds),
    ):
        if value is not None:
            Gauge(name, text, registry=registry).set(value)
    live = generate_latest(registry)
    if os.environ.get(SHARED):
        workers = CollectorRegistry()
        MultiProcessCollector(workers)
        return generate_latest(workers) + live
    return generate_latest(REGISTRY) + live
