"""Every recipe keeps the contract."""

from tests.contracts.recommender_contract import RecommenderContract


class TestPopularity(RecommenderContract):
    recipe = "popularity"
    personal = False
    serves_strangers = True
    explains = "rule"


class TestPopularityOfAWindow(TestPopularity):
    settings = {"half_life_days": None, "window_days": 95.0}  # noqa: RUF012


class TestALS(RecommenderContract):
    recipe = "als"
    settings = {"factors": 8}  # noqa: RUF012


class TestALSThatForgets(TestALS):
    settings = {"factors": 8, "recency_half_life_days": 200.0}  # noqa: RUF012


class TestEASE(RecommenderContract):
    recipe = "ease"


class TestEASEOfFewWeights(RecommenderContract):
    recipe = "ease"
    settings = {"neighbours": 9, "history_half_life": 4.0}  # noqa: RUF012


class TestItemKNN(RecommenderContract):
    recipe = "item_knn"


class TestHybrid(RecommenderContract):
    recipe = "hybrid"
    settings = {"users_a_batch": 8, "max_epochs": 25, "patience": 25}  # noqa: RUF012
    ranks_unrated = True
    explains = "rule"


class TestBlend(RecommenderContract):
    recipe = "blend"
    settings = {"members": [{"name": "als", "settings": {"factors": 8}}, {"name": "popularity"}]}  # noqa: RUF012
    serves_strangers = True
    explains = "rule"


class TestBlendOfRanks(TestBlend):
    settings = {**TestBlend.settings, "fusion": "ranks", "validation": "leave one out"}  # noqa: RUF012
