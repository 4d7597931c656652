"""One operator class a step, each only a declaration: what a step does is read in recsys.steps."""

from recsys_airflow.operators.approval import AskApproval
from recsys_airflow.operators.decide import (
    PromoteChampion,
    ProposeChampion,
    RefitChallenger,
    RefitWinner,
)
from recsys_airflow.operators.exam import (
    ExamineModels,
    JudgePublication,
    ListRecipes,
    TrainModel,
    WatchDrift,
)
from recsys_airflow.operators.facts import (
    CheckFacts,
    CollectFeedback,
    IngestDrops,
    RefreshViews,
    ResolveWeek,
)
from recsys_airflow.operators.publish import (
    FindSimilarMovies,
    ListShards,
    PublishRecommendations,
    ReportWeek,
    ScoreUsers,
)
from recsys_airflow.operators.step import StepOperator, WeekOperator
from recsys_airflow.operators.tune import FindWeek, ListTunable, TuneRecipe
from recsys_airflow.operators.undo import RetireWeek, RollbackPublication

__all__ = [
    "AskApproval",
    "CheckFacts",
    "CollectFeedback",
    "ExamineModels",
    "FindSimilarMovies",
    "FindWeek",
    "IngestDrops",
    "JudgePublication",
    "ListRecipes",
    "ListShards",
    "ListTunable",
    "PromoteChampion",
    "ProposeChampion",
    "PublishRecommendations",
    "RefitChallenger",
    "RefitWinner",
    "RefreshViews",
    "ReportWeek",
    "ResolveWeek",
    "RetireWeek",
    "RollbackPublication",
    "ScoreUsers",
    "StepOperator",
    "TrainModel",
    "TuneRecipe",
    "WatchDrift",
    "WeekOperator",
]
