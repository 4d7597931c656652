"""Every recipe keeps the contract."""

from tests.contracts.recommender_contract import RecommenderContract


class TestPopularity(RecommenderContract):
    recipe = "popularity"
    personal = False
    serves_strangers = True


class TestALS(RecommenderContract):
    recipe = "als"
    settings = {"factors": 8}  # noqa: RUF012


class TestHybrid(RecommenderContract):
    recipe = "hybrid"
    settings = {"users_a_batch": 8, "max_epochs": 25, "patience": 25}  # noqa: RUF012
    ranks_unrated = True
