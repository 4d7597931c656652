"""The bounds of the promotion's gates: settings, each with the reason for its default."""

from pydantic import BaseModel, Field


class Bounds(BaseModel):
    """What a challenger must reach, and what it may cost."""

    minimum_effect: float = Field(
        default=0.005,
        gt=0,
        le=1,
        description="NDCG@10 that a challenger must surely gain: less is not worth changing "
        "everyone's list",
    )
    max_shared_exam: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of its ratings that an exam may have in common "
        "with one that the recipe lost",
    )
    max_coverage_loss: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the champion's catalogue coverage that may "
        "go: half is a visible loss",
    )
    max_popularity_gain: float = Field(
        default=0.5,
        ge=0,
        le=1_000,
        description="by how much popularity lift may rise: half of what users rate themselves "
        "makes lists a chart of hits",
    )
    max_slice_loss: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="NDCG@10 that new movies or cold users may lose: with few users, less is noise",
    )
    max_fallback_gain: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="share of users that may come to be served by the "
        "fallback instead of the model",
    )
    min_list_overlap: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="share of last week's list that must remain: mixed-up ids leave near none",
    )
    max_list_overlap: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of last week's list that may remain: 1 allows a week without news",
    )
    max_movie_share: float = Field(
        default=0.8,
        ge=0,
        le=1,
        description="share of all lists that one movie may be in: "
        "beyond it, lists are not personal",
    )
