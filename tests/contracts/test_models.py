"""Every recipe keeps the contract."""

from tests.contracts.recommender_contract import RecommenderContract


class TestPopularity(RecommenderContract):
    recipe = "popularity"
    personal = False
    serves_strangers = True
    explains = "rule"
    compares_movies = False


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


class TestSVD(RecommenderContract):
    recipe = "svd"
    settings = {"factors": 4, "ranking_factors": 2, "warm_up": 2, "draws": 3}  # noqa: RUF012


class TestSVDPP(TestSVD):
    recipe = "svdpp"


class TestHybrid(RecommenderContract):
    recipe = "hybrid"
    settings = {"users_a_batch": 8, "max_epochs": 25, "patience": 25}  # noqa: RUF012
    ranks_unrated = True
    explains = "leave_one_out"


class TestVAE(RecommenderContract):
    recipe = "vae"
    settings = {  # noqa: RUF012
        "size": 8,
        "width": 16,
        "layers": 2,
        "users_a_batch": 16,
        "learning_rate": 0.02,
        "max_epochs": 8,
        "patience": 8,
    }
    explains = "leave_one_out"


class TestMultVAE(TestVAE):
    settings = {  # noqa: RUF012
        **TestVAE.settings,
        "layers": 1,
        "decoder_width": 16,
        "prior": "normal",
        "beta_per_like": None,
        "alternating": False,
        "max_epochs": 25,
    }


class TestVAEByDefault(RecommenderContract):
    recipe = "vae"
    settings = {"users_a_batch": 8}  # noqa: RUF012
    explains = "leave_one_out"


class TestGMF(RecommenderContract):
    recipe = "gmf"
    settings = {"size": 16, "users_a_batch": 8, "max_epochs": 10, "patience": 9}  # noqa: RUF012


class TestMLP(RecommenderContract):
    recipe = "mlp"
    settings = {"layer_size": 8, "users_a_batch": 8, "max_epochs": 10, "patience": 9}  # noqa: RUF012
    explains = "leave_one_out"


class TestNCF(TestMLP):
    recipe = "ncf"
    settings = {**TestMLP.settings, "size": 16}  # noqa: RUF012


class TestNCFInOrderOnceEachBranchHasLearned(TestNCF):
    settings = {**TestNCF.settings, "pretraining_epochs": 5, "history_half_life": 4.0}  # noqa: RUF012


class TestLightGCN(RecommenderContract):
    recipe = "lightgcn"
    settings = {"factors": 16, "users_a_batch": 8, "epochs": 20}  # noqa: RUF012


class TestNGCF(RecommenderContract):
    recipe = "ngcf"
    settings = {"factors": 16, "users_a_batch": 8, "epochs": 20}  # noqa: RUF012
    explains = "leave_one_out"


class TestGraphAttention(TestNGCF):
    recipe = "graph_attention"


class TestBlend(RecommenderContract):
    recipe = "blend"
    settings = {  # noqa: RUF012
        "members": [{"name": "als", "settings": {"factors": 8}}, {"name": "popularity"}],
        "fusion": "scores",
    }
    serves_strangers = True


class TestBlendOfRanks(TestBlend):
    settings = {**TestBlend.settings, "fusion": "ranks", "validation": "leave one out"}  # noqa: RUF012
    explains = "rule"


class TestBlendOfAllKinds(TestBlend):
    settings = {  # noqa: RUF012
        "members": [
            {"name": "ease"},
            {"name": "item_knn"},
            {"name": "hybrid", "settings": {"users_a_batch": 8, "max_epochs": 5}},
            {"name": "popularity"},
        ],
        "fusion": "scores",
    }
    explains = "leave_one_out"
    ranks_unrated = True


class TestSparseEASE(RecommenderContract):
    recipe = "sparse_ease"
    settings = {"neighbours": 9}  # noqa: RUF012


class TestGraphFilter(RecommenderContract):
    recipe = "graph_filter"
    settings = {"factors": 4}  # noqa: RUF012


class TestGraphFilterOfFewWeights(RecommenderContract):
    recipe = "graph_filter"
    settings = {  # noqa: RUF012
        "factors": 4,
        "sharpening": 0.3,
        "low_pass_exponent": 0.2,
        "neighbours": 12,
    }
