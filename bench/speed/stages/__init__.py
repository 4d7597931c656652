"""The stages, by the name that --only takes. A new one is one module and one line here."""

from importlib import import_module
from typing import TYPE_CHECKING

from recsys.models import MODELS

if TYPE_CHECKING:
    from bench.speed.stages.base import Stage

#: name → where its class stands. In the order of a week; imported once the environment is set, as
#: they import MLflow.
STAGES = {
    "first-load": "bench.speed.stages.first_load:FirstLoad",
    "delta": "bench.speed.stages.delta:Delta",
    "imdb": "bench.speed.stages.imdb:ImdbPrincipals",
    "csr": "bench.speed.stages.csr:Csr",
    "als": "bench.speed.stages.als_fit:AlsFit",
    "top-n": "bench.speed.stages.top_n:AllTopN",
    "similar": "bench.speed.stages.faiss_search:SimilarByFaiss",
    "lists": "bench.speed.stages.faiss_search:ListsByFaiss",
    "exam": "bench.speed.stages.exam:OneExam",
    "publication": "bench.speed.stages.publication:WholePublication",
    "week": "bench.speed.stages.week:WholeWeek",
    "memory": "bench.speed.stages.processes:WeekInProcesses",
    "defaults": "bench.speed.stages.processes:DefaultWeek",
}

#: name → the recipe whose fit it is.
FITS = {f"fit-{recipe}": recipe for recipe in MODELS}


def stage_class(name: str) -> "type[Stage]":
    if name in FITS:
        return import_module("bench.speed.stages.fits").fit_of(FITS[name])
    module, attribute = STAGES[name].split(":")
    return getattr(import_module(module), attribute)
