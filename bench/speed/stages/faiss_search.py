"""FAISS beside our exact search: similar movies, and lists of unseen movies from users' vectors.

FAISS knows nothing of who has seen what: it is asked for as many more movies as the users of a
block have seen, and these are dropped.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import faiss
import numpy as np
from scipy import sparse

from bench.speed.stages.base import Stage, Way
from recsys.models.base import BLOCK
from recsys.models.similar import nearest_by_vectors
from recsys.models.top_n import Eligibility, best_products

Kind = Literal["exact", "HNSW"]

OURS = "ours, exact"
FLAT, GRAPH, BUILD = "FAISS IndexFlatIP, exact", "FAISS HNSW, its search", "FAISS HNSW, its build"
N = 10
#: Neighbours of a vector in the graph, and candidates when it is built and searched.
LINKS, BUILT_WITH, SEARCHED_WITH = 32, 80, 128
AT_ONCE = 8 * BLOCK


@dataclass(frozen=True)
class Index:
    """Movies' vectors (m, d) in an index of FAISS, by inner product."""

    kind: Kind
    index: faiss.Index
    threads: int

    @classmethod
    def of(cls, kind: Kind, vectors: np.ndarray, threads: int) -> "Index":
        """Build it of the vectors."""
        faiss.omp_set_num_threads(threads)
        index = empty(kind, vectors.shape[1])
        index.add(np.ascontiguousarray(vectors))  # pyright: ignore[reportCallIssue]
        return cls(kind, index, threads)

    def nearest(self, queries: np.ndarray, n: int) -> np.ndarray:
        """Return (Q, n) positions, best first; −1 where fewer were reached."""
        faiss.omp_set_num_threads(self.threads)
        if self.kind == "HNSW":
            self.index.hnsw.efSearch = max(SEARCHED_WITH, n)  # pyright: ignore[reportAttributeAccessIssue]
        _, positions = self.index.search(np.ascontiguousarray(queries), n)  # pyright: ignore[reportCallIssue]
        return positions

    def similar(self, directions: np.ndarray) -> np.ndarray:
        """Return the N nearest others (m, N) of each of the vectors in the index."""
        positions = self.nearest(directions, N + 1)
        own = positions == np.arange(len(positions))[:, None]
        return first_where(positions, ~own, N)

    def lists(self, users: np.ndarray, seen: sparse.csr_matrix) -> np.ndarray:
        """Return the N best (U, N) of the movies that each user has not seen (U, m)."""
        n_seen = np.diff(seen.indptr)
        lists = np.full((len(users), N), -1, dtype=np.int64)
        order = np.argsort(n_seen, kind="stable")  # users with as many in one block
        for start in range(0, len(order), BLOCK):
            rows = order[start : start + BLOCK]
            n = min(N + int(n_seen[rows].max()), self.index.ntotal)
            positions = self.nearest(users[rows], n)
            is_seen = np.take_along_axis(seen[rows].toarray() > 0, positions, axis=1)
            lists[rows] = first_where(positions, ~is_seen & (positions >= 0), N)
        return lists


def empty(kind: Kind, width: int) -> faiss.Index:
    """Return an index of vectors of that width, without any."""
    if kind == "exact":
        return faiss.IndexFlatIP(width)
    index = faiss.IndexHNSWFlat(width, LINKS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = BUILT_WITH
    return index


def first_where(positions: np.ndarray, mask: np.ndarray, n: int) -> np.ndarray:
    """Return the first n of each row (Q, n) that the mask has; −1 where there are fewer."""
    order = np.argsort(~mask, axis=1, kind="stable")[:, :n]
    taken = np.take_along_axis(np.where(mask, positions, -1), order, axis=1)
    return np.pad(taken, ((0, 0), (0, n - taken.shape[1])), constant_values=-1)


def recall(positions: np.ndarray, exact: np.ndarray) -> float:
    """Return what share of the exact lists (Q, n) is in the others, −1 not counted."""
    pairs = zip(positions, exact, strict=True)
    hits = sum(int(np.isin(best[best >= 0], row).sum()) for row, best in pairs)
    return hits / max(int((exact >= 0).sum()), 1)


class FaissStage(Stage):
    """Ours and both indexes, with the share of our movies that each of these finds."""

    ours = OURS

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        movies, threads = self.movies(), self.ground.model.compute.threads
        flat = Index.of("exact", movies, threads)
        graph = Index.of("HNSW", movies, threads)
        exact = self.by_us()
        self.recalls[FLAT] = recall(self.by_index(flat), exact)
        self.recalls[GRAPH] = recall(self.by_index(graph), exact)
        yield [
            Way(OURS, lambda _: self.by_us()),
            Way(FLAT, lambda _: self.by_index(flat)),
            Way(GRAPH, lambda _: self.by_index(graph)),
            Way(BUILD, lambda _: Index.of("HNSW", movies, threads)),
        ]

    def movies(self) -> np.ndarray:
        """Return what is put into an index: the vectors (m, d) of the movies that have one."""
        return self.ground.model.movie_factors_[self.ground.model.liked_]

    @abstractmethod
    def by_us(self) -> np.ndarray:
        """Return our positions among these movies."""

    @abstractmethod
    def by_index(self, index: Index) -> np.ndarray:
        """Return those that an index finds."""


class SimilarByFaiss(FaissStage):
    name = "similar"
    title = "the 10 movies nearest to each movie, by cosine"

    def movies(self) -> np.ndarray:
        vectors = super().movies()
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths > 0, lengths, 1)

    def by_us(self) -> np.ndarray:
        vectors = super().movies()
        has_vector = np.ones(len(vectors), dtype=bool)
        threads = self.ground.model.compute.threads
        return nearest_by_vectors(vectors, has_vector, N, threads)[0]

    def by_index(self, index: Index) -> np.ndarray:
        return index.similar(self.movies())


class ListsByFaiss(FaissStage):
    name = "lists"
    title = "top-10 for all users whose vectors are at hand, seen left out"

    @cached_property
    def seen(self) -> sparse.csr_matrix:
        """Return (U, m): what each user has rated of the movies that have a vector."""
        rated = self.ground.data.interactions.csr()
        return rated[:, np.flatnonzero(self.ground.model.liked_)].tocsr()

    def by_us(self) -> np.ndarray:
        users, movies = self.ground.user_vectors, self.movies()
        ranked = np.ones(len(movies), dtype=bool)
        threads = self.ground.model.compute.threads
        blocks = [slice(start, start + AT_ONCE) for start in range(0, len(users), AT_ONCE)]
        lists = [
            best_products(users[rows], movies, N, Eligibility(ranked, self.seen[rows]), threads)[0]
            for rows in blocks
        ]
        return np.concatenate(lists)

    def by_index(self, index: Index) -> np.ndarray:
        return index.lists(self.ground.user_vectors, self.seen)
