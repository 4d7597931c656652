"""Figures that others published, and those that this project wants to reach. Nothing here is
ours.
"""

from dataclasses import dataclass

from bench.harness.bounds import Bounded, Sense

TROUBLING = "Ferrari Dacrema et al. 2019, arXiv:1911.07698"
IALS = "Rendle et al. 2021, arXiv:2110.14037"
SURPRISE = "Surprise's documentation, 5-fold"
EASE = "Steck 2019, arXiv:1905.03375"
BARS = "BARS leaderboard, Zhu et al. 2022"
BSPM = "Choi et al. 2023, arXiv:2211.09324"
APPROXIMATE = "Mao et al. 2021, arXiv:2110.15114; approximate"
BEFORE = "measured before this project"
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
    Published(
        "ncf", "NeuMF, pre-trained", (0.730, 0.447), "He et al. 2017, arXiv:1708.05031", "ncf"
    ),
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
    Published("gowalla", "NeuMF", (0.1399, 0.1212), BARS),
    Published("gowalla", "NGCF", (0.1570, 0.1327), "Wang et al. 2019, by LightGCN's paper", "ngcf"),
    Published("gowalla", "MF-BPR", (0.1627, 0.1378), BARS),
    Published("gowalla", "SLIM", (0.1699, 0.1382), BARS),
    Published("gowalla", "EASE", (0.1765, 0.1467), BARS, "ease"),
    Published("gowalla", "LightGCN", (0.1830, 0.1554), "He et al. 2020, arXiv:2002.02126"),
    Published("gowalla", "LightGCN, 3 layers", (0.1824, 0.1547), "its PyTorch code", "lightgcn"),
    Published("gowalla", "GF-CF", (0.1849, 0.1518), f"Shen et al. 2021, by {BARS}"),
    Published("gowalla", "UltraGCN", (0.1862, 0.1580), BARS),
    Published("gowalla", "SimpleX", (0.1872, 0.1557), BARS),
    Published("gowalla", "one closed-form line", (0.1862, 0.1563), BEFORE),
    Published("gowalla", "BSPM-LM", (0.1901, 0.1570), BSPM),
    Published("gowalla", "BSPM-EM", (0.1920, 0.1597), BSPM, "graph_filter"),
    Published("ultragcn", "popularity", (0.1161, 0.1176), BEFORE, "popularity"),
    Published("ultragcn", "NGCF", (0.2513, 0.2511), APPROXIMATE, "ngcf"),
    Published("ultragcn", "LightGCN", (0.2576, 0.2427), APPROXIMATE, "lightgcn"),
    Published("ultragcn", "EASE, λ=600", (0.2766, 0.2670), TUNED_ON_EXAM, "ease"),
    Published("ultragcn", "UltraGCN", (0.2787, 0.2642), "Mao et al. 2021, its repository's log"),
    Published("rating", "bias only", (0.909,), SURPRISE),
    Published("rating", "KNNBaseline", (0.895,), SURPRISE, "item_knn"),
    Published("rating", "SVD", (0.873,), SURPRISE, "svd"),
    Published("rating", "SVD++", (0.862,), SURPRISE, "svdpp"),
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
    blend), or "each default": those that compete by default, but popularity, which they are to be
    above.
    """

    protocol: str
    who: str
    bounds: tuple[Bound, ...]


TARGETS = (
    Target("ncf", "single", (Bound("HR@10", "≥", 0.728), Bound("NDCG@10", "≥", 0.452))),
    Target("ncf", "any", (Bound("HR@10", "≥", 0.735), Bound("NDCG@10", "≥", 0.460))),
    # NeuMF with and without pre-training: He et al. 2017 and Ferrari Dacrema et al. 2019
    Target("ncf", "ncf", (Bound("HR@10", "≥", 0.726), Bound("NDCG@10", "≥", 0.445))),
    Target("temporal", "any", (Bound("NDCG@10", "≥", 0.290),)),
    Target("temporal", "each default", (Bound("NDCG@10", ">", 0.222),)),
    Target("gowalla", "graph_filter", (Bound("R@20", "≥", 0.1920), Bound("NDCG@20", "≥", 0.1600))),
    Target("gowalla", "lightgcn", (Bound("R@20", "≥", 0.1815), Bound("NDCG@20", "≥", 0.1540))),
    Target("gowalla", "ngcf", (Bound("R@20", "≥", 0.157), Bound("NDCG@20", "≥", 0.132))),
    Target("ultragcn", "lightgcn", (Bound("R@20", "≥", 0.2576), Bound("NDCG@20", "≥", 0.2427))),
    Target("ultragcn", "ngcf", (Bound("R@20", "≥", 0.2513), Bound("NDCG@20", "≥", 0.2511))),
    Target("ultragcn", "any", (Bound("R@20", "≥", 0.2790), Bound("NDCG@20", "≥", 0.2680))),
    Target("rating", "hybrid", (Bound("RMSE", "≤", 0.850),)),
    Target("rating", "item_knn", (Bound("RMSE", "≤", 0.895),)),
    Target("rating", "svd", (Bound("RMSE", "≤", 0.873),)),
    Target("rating", "svdpp", (Bound("RMSE", "≤", 0.862),)),
    Target("rating", "any", (Bound("RMSE", "≤", 0.830),)),
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
