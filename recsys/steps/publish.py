"""Publication: candidates for each shard of the users, then every user's list, made live."""

import logging
from collections.abc import Sequence

import numpy as np

from recsys.costs import worked_on
from recsys.errors import NothingToRecommend
from recsys.features.visible import read_users
from recsys.promotion import ledger
from recsys.promotion.ledger import Origin
from recsys.promotion.mirror import mirror_champion, mirror_model
from recsys.promotion.refits import model_to_serve, version_on_record
from recsys.revision import git_sha
from recsys.scoring.candidates import ShardUsers, is_scored, score_shard
from recsys.scoring.outlived import retire_outlived
from recsys.scoring.publish import publish
from recsys.scoring.shards import Shard, shard_count
from recsys.scoring.similar import forget_similar, is_stored, require_similar, store_similar
from recsys.scoring.spec import PublicationSpec
from recsys.scoring.stored import StoredPublication, specs_to_score
from recsys.week import WeekPlan
from recsys.work import Work

__all__ = ["find_similar_movies", "list_shards", "publish_recommendations", "score_users"]

log = logging.getLogger(__name__)


def list_shards(work: Work, week: WeekPlan) -> list[int]:
    """Return the numbers of the shards that share the scoring: those that hold users."""
    n_users = len(read_users(work.conn, week.snapshot))
    return list(range(shard_count(n_users, work.settings.score_shards)))


def score_users(
    work: Work, week: WeekPlan, promotion_id: int, challenger_version: str | None, shard: int
) -> int:
    """Find the champion's best movies, and an experiment's challenger's, for a shard of the users.

    Returns of how many users candidates were added. Raises NothingToRecommend where there is no
    user.
    """
    conn = work.conn
    spec = spec_of(work, week, promotion_id, challenger_version)
    users = users_of(work, week)
    place = Shard(shard, shard_count(len(users), work.settings.score_shards))
    missing = [part for part in specs_to_score(conn, spec) if not is_scored(conn, part, place)]
    if not missing:
        log.info("week %s: shard %s has been scored already", week.as_of, shard)
        return 0
    return score_specs(work, missing, ShardUsers.read(conn, place, users))


def users_of(work: Work, week: WeekPlan) -> np.ndarray:
    """Return the week's users (U,). Raises NothingToRecommend where there is none."""
    users = read_users(work.conn, week.snapshot)
    if not len(users):
        raise NothingToRecommend(f"week {week.as_of}: no user up to drop {week.watermark}")
    return users


def score_specs(work: Work, specs: Sequence[PublicationSpec], users: ShardUsers) -> int:
    """Score a shard for each of these; return of how many users candidates were added."""
    n_rows = 0
    for spec in specs:
        model = model_to_serve(work, spec.week, spec.model)
        n_rows += score_shard(work.conn, spec, model, users)
    worked_on(n_rows)
    place = users.shard
    log.info("shard %s of %s: candidates of %s users", place.shard, place.n_shards, f"{n_rows:,}")
    return n_rows


def find_similar_movies(
    work: Work, week: WeekPlan, promotion_id: int, challenger_version: str | None = None
) -> int:
    """Find the movies that are nearest to each movie, by the champion or by content; return how
    many pairs were added.
    """
    spec = spec_of(work, week, promotion_id, challenger_version)
    if is_stored(work.conn, spec):
        log.info("week %s: the similar movies have been found already", week.as_of)
        return 0
    model = model_to_serve(work, week, spec.model)
    n_pairs = store_similar(work.conn, spec, model)
    worked_on(n_pairs)
    log.info("week %s: %s pairs of similar movies", week.as_of, f"{n_pairs:,}")
    return n_pairs


def publish_recommendations(
    work: Work, week: WeekPlan, promotion_id: int, challenger_version: str | None = None
) -> int:
    """Make the week's publication and, unless a newer week is live, make it live; return its id."""
    conn = work.conn
    spec = spec_of(work, week, promotion_id, challenger_version)
    require_similar(conn, spec)
    publication = publish(conn, spec, Origin(git_sha(work.settings.git_sha), work.run.run_id))
    worked_on(publication.n_rows)
    log_publication(publication)
    mirror_published(work, spec)
    retired = retire_outlived(conn, keep_weeks=work.settings.keep_weeks)
    if retired:
        log.info("publications whose time is over: %s", retired)
    forget_similar(conn)
    return publication.publication_id


def log_publication(publication: StoredPublication) -> None:
    """Log what was published."""
    log.info(
        "publication %s: %s rows for %s users, %s from the fallback%s",
        publication.publication_id,
        f"{publication.n_rows:,}",
        f"{publication.n_users:,}",
        f"{publication.n_fallback:,}",
        ", live" if publication.is_live else "",
    )


def mirror_published(work: Work, spec: PublicationSpec) -> None:
    """Let MLflow follow what is published, and who is champion."""
    for part in filter(None, (spec, spec.challenger)):
        mirror_model(work.conn, work.registry, part.model, spec.week.as_of)
    mirror_champion(work.conn, work.registry)  # its version may have been lost and be another


def spec_of(
    work: Work, week: WeekPlan, promotion_id: int, challenger_version: str | None
) -> PublicationSpec:
    """Return what is published: the champion's lists, and the challenger's to its users."""
    champion = ledger.decision_by_id(work.conn, promotion_id)
    if week.experiment is None or challenger_version is None:
        return PublicationSpec(week, champion.model, promotion_id)
    recipe = week.experiment.recipe
    fit_key = ledger.fit_keys_of_refits(work.conn, week.as_of)[recipe.key]
    model = version_on_record(work, recipe, challenger_version, fit_key)
    challenger = PublicationSpec(week, model, promotion_id=None)
    return PublicationSpec(week, champion.model, promotion_id, challenger)
