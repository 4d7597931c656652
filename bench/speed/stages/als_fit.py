"""A fit of the ALS recipe, beside `implicit` called directly with what the recipe hands to it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from copy import copy
from unittest.mock import patch

from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from bench.speed.ground import WeekData
from bench.speed.stages.base import Bound, Stage, Way
from recsys.models.als import ALS
from recsys.models.base import Compute
from recsys.registry.compute import compute_of

OURS, IMPLICIT = "the recipe", "implicit"


class AlsFit(Stage):
    name = "als"
    title = "ALS fit through our recipe, its defaults"
    ours = OURS
    bounds = (Bound(OURS, IMPLICIT, "≤", 1.05),)

    @contextmanager
    def ways(self) -> Iterator[Sequence[Way]]:
        data = self.ground.data
        compute = compute_of(self.ground.in_use, seed=data.week.seed)
        solver, matrix = handed_over(data, compute)
        yield [
            Way(OURS, lambda _: ALS(compute=compute).fit(data.train, data.catalogue)),
            Way(IMPLICIT, lambda unfitted: fit_implicit(unfitted, matrix), lambda _: copy(solver)),
        ]


def fit_implicit(solver: AlternatingLeastSquares, matrix: sparse.csr_matrix) -> None:
    """With BLAS on one thread, as the library asks for: it has threads of its own."""
    with threadpool_limits(1, "blas"):
        solver.fit(matrix, show_progress=False)


class _Caught(Exception):
    """The library was called."""


def handed_over(
    data: WeekData, compute: Compute
) -> tuple[AlternatingLeastSquares, sparse.csr_matrix]:
    """What the recipe hands to the library: the solver, not fitted, and the matrix."""
    with (
        patch.object(AlternatingLeastSquares, "fit", autospec=True, side_effect=_Caught) as fit,
        suppress(_Caught),
    ):
        ALS(compute=compute).fit(data.train, data.catalogue)
    solver, matrix = fit.call_args.args
    return solver, matrix
