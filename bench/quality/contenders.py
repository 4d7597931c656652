"""Which recipes each protocol measures. Settings are chosen on data before the exam, never on what
a protocol holds out.
"""

from dataclasses import dataclass
from typing import Any, Literal

from bench.quality.references import REFERENCES, reference
from recsys.models import MODELS
from recsys.recipe import Recipe

SEEDS = (1, 2, 3)

#: Recipes that no seed changes: on a fixed split one fit says it all.
DETERMINISTIC = {"popularity", "ease", "sparse_ease", "graph_filter", "item_knn", *REFERENCES}


#: Recipes of networks whose fits take minutes: one fit, said so beside the figures.
ONE_SEED = {"gmf", "mlp", "ncf", "lightgcn", "ngcf", "graph_attention"}


def member_of(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "settings": settings}


#: Where every rating is a positive.
OF_ALL = {"validation": "leave one out"}
EASE_OF_ALL = {"rating_weight": 0.0, "regularization": 1.25}
EASE_IN_ORDER = EASE_OF_ALL | {"regularization": 3.7, "history_half_life": 4.0}
ALS_OF_ALL = {
    "rating_weight": 0.0,
    "factors": 192,
    "iterations": 12,
    "regularization": 0.007,
}
# chosen on each user's newest training rating, ranked among 99 movies that the user has not rated
FACTORS_OF_ALL = OF_ALL | {
    "size": 256,
    "users_a_batch": 16,
    "learning_rate": 0.001,
    "average": 0.998,
    "max_epochs": 80,
    "patience": 8,
}
NCF_OF_ALL = FACTORS_OF_ALL | {"layer_size": 8, "scored_movies": 4096, "max_epochs": 60}
IN_ORDER = {"history_half_life": 8.0}
STARS_BY_KNN = {"similarity": "adjusted cosine", "neighbours": 100, "shrinkage": 500.0}
EASE_OF_PAIRS = {"regularization": 1.5}
GRAPH_FILTER_OF_PAIRS = {
    "user_exponent": 0.3,
    "popularity_exponent": 0.1,
    "factors": 128,
    "low_pass": 0.1,
    "sharpening": 1.5,
}
GRAPH_FILTER_OF_PLACES = {
    "user_exponent": 0.3,
    "popularity_exponent": 0.2,
    "factors": 448,
    "low_pass": 0.2,
    "sharpening": 0.8,
}
NGCF_OF_PAIRS = {"learning_rate": 0.01, "epochs": 80, "history_dropout": 0.7}
STARS_BY_PEARSON = STARS_BY_KNN | {"similarity": "pearson baseline"}

#: Protocol → label in the table → (recipe, settings that differ from its defaults).
CHOSEN: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "ncf": {  # every rating is a positive
        "popularity": ("popularity", {"half_life_days": None}),
        "item_knn": ("item_knn", {}),
        "ease": ("ease", EASE_OF_ALL),
        # after Rendle et al. 2021's d=192 settings for this split, with equal weights for all
        # ratings
        "als": ("als", ALS_OF_ALL),
        "gmf": ("gmf", FACTORS_OF_ALL),
        "ncf": ("ncf", NCF_OF_ALL),
        "ease in order": ("ease", EASE_IN_ORDER),
        "gmf in order": ("gmf", FACTORS_OF_ALL | IN_ORDER),
        "ncf in order": ("ncf", NCF_OF_ALL | IN_ORDER),
        "blend without order": (
            "blend",
            OF_ALL | {"members": [member_of("ease", EASE_OF_ALL), member_of("als", ALS_OF_ALL)]},
        ),
        "blend": (
            "blend",
            OF_ALL
            | {
                "members": [
                    member_of("ease", EASE_IN_ORDER),
                    member_of("ease", EASE_OF_ALL),
                    member_of("als", ALS_OF_ALL),
                ]
            },
        ),
    },
    # the default blend, its weights learned on the newest weeks of the training ratings: as few as
    # hold 300 users. Its members and this number were chosen by the same protocol inside the
    # training ratings, the newest tenth of them as the exam. With lightgcn, gmf in order, what was
    # popular in the last days, and scores added, it did better there and worse in the exam
    "temporal": {"blend by weeks": ("blend", {"validation_min_users": 300})},
    "gowalla": {  # pairs without stars or times
        "popularity": ("popularity", {"half_life_days": None}),
        "item_knn": ("item_knn", {}),
        "als": ("als", {}),
        "graph_filter": ("graph_filter", GRAPH_FILTER_OF_PLACES),
        "lightgcn": ("lightgcn", {}),
        "ngcf": ("ngcf", {}),
    },
    "ultragcn": {  # pairs without stars or times
        "popularity": ("popularity", {"half_life_days": None}),
        "item_knn": ("item_knn", {"shrinkage": 0.0}),
        "ease": ("ease", EASE_OF_PAIRS),
        # as many weights as fit in 5% of the memory that ease's take
        "sparse_ease": ("sparse_ease", {"neighbours": 74, "regularization": 0.9}),
        "graph_filter": ("graph_filter", GRAPH_FILTER_OF_PAIRS),
        # not searched here: as on NCF's split of the same ratings
        "als": ("als", ALS_OF_ALL),
        "blend": (
            "blend",
            {
                "members": [
                    member_of("ease", EASE_OF_PAIRS),
                    member_of("als", ALS_OF_ALL),
                    member_of("graph_filter", GRAPH_FILTER_OF_PAIRS),
                ],
                "validation": "random",
            },
        ),
        "lightgcn": ("lightgcn", {}),
        "ngcf": ("ngcf", NGCF_OF_PAIRS),
        "graph_attention": ("graph_attention", {}),
        "vae": ("vae", {}),
    },
    "rating": {
        "item_knn": ("item_knn", STARS_BY_KNN),
        "item_knn by Pearson baseline": ("item_knn", STARS_BY_PEARSON),
        "svd": ("svd", {}),
        "svdpp": ("svdpp", {}),
        "hybrid": ("hybrid", {}),
        "blend": (
            "blend",
            {
                "members": [
                    member_of("hybrid", {}),
                    member_of("svdpp", {}),
                    member_of("item_knn", STARS_BY_KNN),
                ],
                "validation": "random",
            },
        ),
    },
    "new-movies": {"hybrid": ("hybrid", {})},
    "fit-time": {"hybrid": ("hybrid", {})},
    "mult-vae": {
        "popularity": ("popularity", {"half_life_days": 1e9}),
        "ease": ("ease", {"rating_weight": 0.0}),
        "als": ("als", {"factors": 192}),
    },
    "weeks": {name: (name, {}) for name in ("popularity", "als", "ease", "item_knn")},
}

#: Protocol → label → reference.
REFERENCE: dict[str, dict[str, str]] = {
    "temporal": {"newest 100k likes": "newest_likes"},
    "new-movies": {"genre profile": "genre_profile"},
}

#: Which protocol measures every recipe that is offered with its default settings, under its name.
ALL_DEFAULTS = "temporal"


@dataclass(frozen=True)
class Contender:
    """A row of the table. `kind` says whether it can reach a target: references cannot."""

    label: str
    recipe: Recipe
    kind: Literal["default", "chosen", "reference"]

    def seeds(self, split_by_seed: bool) -> tuple[int, ...]:
        is_fixed = self.recipe.name in DETERMINISTIC and not split_by_seed
        return SEEDS[:1] if is_fixed or self.recipe.name in ONE_SEED else SEEDS


def contenders(protocol: str) -> list[Contender]:
    """Return everyone who is measured by the protocol, references first."""
    return [*references_of(protocol), *defaults_of(protocol), *chosen_for(protocol)]


def references_of(protocol: str) -> list[Contender]:
    names = REFERENCE.get(protocol, {})
    return [Contender(label, reference(name), "reference") for label, name in names.items()]


def defaults_of(protocol: str) -> list[Contender]:
    names = MODELS if protocol == ALL_DEFAULTS else ()
    return [Contender(name, Recipe.of(name), "default") for name in names]


def chosen_for(protocol: str) -> list[Contender]:
    return [
        Contender(label, Recipe.of(name, **settings), "chosen")
        for label, (name, settings) in CHOSEN[protocol].items()
    ]
