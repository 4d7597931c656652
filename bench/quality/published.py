"""Figures that others published, and those that this project wants to reach. Nothing here is
ours.
"""

from dataclasses import dataclass

from bench.harness.bounds import Bounded, Sense

TROUBLING = "Ferrari Dacrema et al. 2019, arXiv:1911.07698"
IALS = "Rendle et al. 2021, arXiv:2110.14037"
SURPRISE = "Surprise's documentation, 5-fold"
EASE = "Steck 2019, arXiv:1905.03375"
TUNED_ON_EXAM = "measured before this project; settings picked on the exam"


@dataclass(frozen=True)
class Published:
    """`values` in the order of the protocol's metrics, as far as published; `label` is our row that
    it stands beside, if any.
    """

    protocol: str
    model: str
    values: tuple[float, ...]
    source: str
    label: str = ""


PUBLISHED = (
    Published("ncf", "most popular", (0.453, 0.254), TROUBLING, "popularity"),
    Published("ncf", "ItemKNN", (0.669, 0.398), TROUBLING, "item_knn"),
    Published("ncf", "NeuMF", (0.709, 0.435), TROUBLING),
    Published("ncf", "NeuMF, pre-trained", (0.730, 0.447), "He et al. 2017, arXiv:1708.05031"),
    Published("ncf", "EASE", (0.719, 0.449), TROUBLING, "ease"),
    Published("ncf", "iALS, d=64", (0.722, 0.445), IALS),
    Published("ncf", "iALS, d=192", (0.730, 0.453), IALS, "als"),
    Published("temporal", "ALS, library defaults", (0.181,), TUNED_ON_EXAM),
    Published("temporal", "iALS d=64, all ratings as positives", (0.187,), TUNED_ON_EXAM),
    Published("temporal", "most popular, all time", (0.201,), TUNED_ON_EXAM, "popularity"),
    Published("temporal", "most popular", (0.222,), TUNED_ON_EXAM, "newest 100k likes"),
    Published("temporal", "iALS d=64, likes only", (0.247,), TUNED_ON_EXAM, "als"),
    Published("temporal", "EASE, likes only", (0.251,), TUNED_ON_EXAM, "ease"),
    Published(
        "temporal", "EASE by rating + 0.3 × recent popularity", (0.260,), TUNED_ON_EXAM, "blend"
    ),
    Published("rating", "bias only", (0.909,), SURPRISE),
    Published("rating", "SVD", (0.873,), SURPRISE),
    Published("rating", "SVD++", (0.862,), SURPRISE),
    Published("rating", "GLocal-K", (0.8227,), "Han et al. 2021, arXiv:2108.12184"),
    Published("mult-vae", "most popular", (0.191,), EASE, "popularity"),
    Published("mult-vae", "SLIM", (0.401,), EASE),
    Published("mult-vae", "EASE", (0.420,), EASE, "ease"),
    Published("mult-vae", "iALS", (0.425,), IALS, "als"),
    Published("mult-vae", "Mult-VAE", (0.426,), "Liang et al. 2018, arXiv:1802.05814"),
    Published("mult-vae", "RecVAE", (0.442,), "Shenbin et al. 2020, arXiv:1912.11160"),
    Published("mult-vae", "VASP", (0.448,), "Vančura and Kordík 2021, arXiv:2102.05774"),
)


@dataclass(frozen=True)
class Bound(Bounded):
    """What the mean over seeds must be; with `every_seed`, what each seed's value must be."""

    metric: str
    sense: Sense
    value: float
    every_seed: bool = False


@dataclass(frozen=True)
class Target:
    """Who must keep all `bounds` at once: the row of a label, "any" row, any "single" recipe (no
    blend), or "each default" but popularity, which the others are to be above.
    """

    protocol: str
    who: str
    bounds: tuple[Bound, ...]


TARGETS = (
    Target("ncf", "single", (Bound("HR@10", "≥", 0.728), Bound("NDCG@10", "≥", 0.452))),
    Target("ncf", "any", (Bound("HR@10", "≥", 0.735), Bound("NDCG@10", "≥", 0.460))),
    Target("temporal", "any", (Bound("NDCG@10", "≥", 0.275),)),
    Target("temporal", "each default", (Bound("NDCG@10", ">", 0.222),)),
    Target("rating", "hybrid", (Bound("RMSE", "≤", 0.850),)),
    Target("rating", "any", (Bound("RMSE", "≤", 0.840),)),
    Target(
        "new-movies",
        "hybrid",
        (
            Bound("interval's lower end", ">", 0.0, every_seed=True),
            Bound("× genre profile", "≥", 1.5),
        ),
    ),
    Target("fit-time", "hybrid", (Bound("seconds", "≤", 240.0),)),
)
