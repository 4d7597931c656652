"""One function a step: the only door that operators use. Read it to know the whole system.

Every function can be run again, any number of times, and adds nothing: what it finds done it
leaves, what it finds half done it finishes. Steps pass each other nothing but Postgres, the model
registry, and small values.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from getpass import getuser
from typing import Any, TypeVar

from recsys import realised, report
from recsys.costs import keep_cost, measured, worked_on
from recsys.db.connect import Connection, advisory_lock, connect, one_row
from recsys.db.migrate import check_schema
from recsys.db.queries import checks, queries, sql_file
from recsys.drift.watch import watch
from recsys.drops.zone import LandingZone
from recsys.errors import (
    DriftError,
    LedgerError,
    ModelError,
    ModelLost,
    NothingToRecommend,
    RecsysError,
)
from recsys.evaluation.split import Exam, split_exam
from recsys.exam import examine
from recsys.experiment import Experiment, begin_experiment, experiment_of
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.features.visible import (
    read_catalogue,
    read_interactions,
    read_rerated,
    read_users,
    read_withdrawn,
)
from recsys.ingest import ledger as drops_ledger
from recsys.ingest.load import ingest
from recsys.limits import check_limits
from recsys.models import MODELS
from recsys.models.base import Recommender
from recsys.promotion import exams, ledger, live, retire
from recsys.promotion.approval import UNASKED, Approval, Proposal
from recsys.promotion.contest import Contest
from recsys.promotion.decision import Decision, decide, settle
from recsys.promotion.failed_fits import attempt, failed_fits
from recsys.promotion.ledger import Champion, ModelVersion, Origin
from recsys.promotion.mirror import (
    mirror_champion,
    mirror_exam,
    mirror_model,
    mirror_week,
    version_tags,
)
from recsys.promotion.retire import refuse_retired
from recsys.promotion.sanity import check_refit
from recsys.recipe import Recipe
from recsys.registry import fit_ledger
from recsys.registry.fitting import Fit, fit_once, fitted_model, lost_model_fitted_again
from recsys.registry.store import LOCK, Registry
from recsys.revision import git_sha
from recsys.scoring.candidates import Edition, is_scored, read_histories, score_shard, shard_of
from recsys.scoring.publish import publish, retire_outlived, to_make
from recsys.settings import Settings
from recsys.tuning import ledger as tuning_ledger
from recsys.tuning.search import tunable
from recsys.tuning.study import Study, Told, run_study
from recsys.week import Week, close_ingest, open_week, undecided_before, week_taken_in
from recsys.weeks_page.page import page as weeks_page
from recsys.weeks_page.record import read_record

log = logging.getLogger(__name__)

Result = TypeVar("Result")
#: Asked for a person's say.
Approve = Callable[[Proposal], Approval]
#: Hears of a step as it begins.
Begun = Callable[[str], None]


def timed_out(_proposal: Proposal) -> Approval:
    """Nobody is there to ask."""
    return Approval("timed out")


def untold(_step: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Asked:
    """What a run asks besides its week. None, or nothing, asks for what is usual.

    A recipe is asked for by its name, or by a tuned one's key. `challenger` starts an experiment:
    for `challenger_weeks` weeks that recipe has `challenger_share` of the users, or stands in the
    shadow with a share of 0. `force` decides the week anew. `run_kind` and `started_by` say what
    the run is, for the ledger to keep; a run without a kind is named whole by its id.
    """

    recipes: Sequence[str] | None = None
    top_n: int | None = None
    challenger: str | None = None
    challenger_share: float = 0.0
    challenger_weeks: int = 4
    force: bool = False
    require_approval: bool | None = None
    run_id: str = ""
    run_kind: str = ""
    started_by: str | None = None

    @property
    def numbers(self) -> dict[str, Any]:
        """Return what must be within limits."""
        names = ("top_n", "challenger_share", "challenger_weeks")
        return {name: getattr(self, name) for name in names}


def resolve_week(
    settings: Settings, *, as_of: date | None, today: date | None = None, **asked: Any
) -> Week:
    """The week that a run is about, as the ledger has it from now on; enters the drops that have
    arrived for it.

    Without as_of, the newest complete MovieLens drop says. What is not `asked` for (see `Asked`) is
    as in the week's first run, else as in the settings, with the tuned recipes of those names found
    so far. The incumbent's recipe, popularity and an experiment's challenger sit every exam. Raises
    DropError where a new drop's checksums do not agree, and RequestError for a number out of its
    limits, a week that is retired, or an as_of more than 7 days after `today` (by default by the
    clock, UTC): nothing is stored then.
    """
    zone = LandingZone(settings.drops)
    asks = Asked(**asked)
    check_limits(asks.numbers)
    today = today or datetime.now(UTC).date()  # the one look at a clock
    when = as_of or _newest_drop(settings, zone, today)
    zone.refuse_ahead(when, today, allow_future=settings.allow_future)
    with connect(settings) as conn, advisory_lock(conn, "drops"):
        check_schema(conn)
        refuse_retired(conn, when)
        drops_ledger.register_drops(conn, zone, when)
        incumbent = ledger.incumbent_of(conn, when)
        experiment = _experiment_asked(conn, when, asks) or experiment_of(conn, when)
        named = _recipes(conn, when, asks.recipes, incumbent, experiment) if asks.recipes else None
        wanted = {"recipes": named, "top_n": asks.top_n, "experiment": experiment}
        first = _first_week(settings, conn, when, incumbent, experiment).asked(**wanted)
        check_limits(first.numbers)
        with conn.transaction():
            if asks.run_kind:
                run = {"run_id": asks.run_id, "kind": asks.run_kind, "started_by": asks.started_by}
                conn.execute(queries("ledger")["record_run"], run)
            week = open_week(conn, first)
            if experiment and asks.challenger:
                begin_experiment(conn, when, experiment, asks.run_id)
        mirror_champion(conn, Registry(settings))
        undecided = undecided_before(conn, when)
    if undecided:
        log.warning(
            "week %s begins before %s are decided: their champions will not defend here",
            when,
            ", ".join(map(str, undecided)),
        )
    if week.resolved_late:
        log.warning(
            "week %s runs for the first time after later ones: it takes today's watermark, drop %s",
            when,
            week.watermark,
        )
    approval = settings.require_approval if asks.require_approval is None else asks.require_approval
    return _with_challenger(
        week.asked(**wanted, force=asks.force, require_approval=approval, run_id=asks.run_id)
    )


def ingest_drops(settings: Settings, week: Week) -> list[str]:
    """Take in what the week may know and the facts lack, oldest first. Returns a line a drop.
    Raises DropError at a bad one.
    """
    zone = LandingZone(settings.drops)
    lines, n_read = [], 0
    with connect(settings) as conn, advisory_lock(conn, "ingest"):
        for drop_id, drop in drops_ledger.drops_to_ingest(
            conn, zone, watermark=week.watermark, as_of=week.as_of
        ):
            got = ingest(conn, zone, drop, drop_id, max_bad_share=settings.max_bad_share)
            lines.append(f"{drop.source} {drop.date}: {report.counts_line(got.counts())}")
            log.info(lines[-1])
            n_read += sum(got.read.values())
        close_ingest(conn, week)
    worked_on(n_read)
    return lines


def refresh_views(settings: Settings) -> None:
    """Bring the materialized views up to the facts, while others read them."""
    with connect(settings) as conn, advisory_lock(conn, "views"):
        for name, statement in queries("views").items():
            log.info("%s", name)
            conn.execute(statement)


def check_facts(settings: Settings, names: Sequence[str] = ()) -> None:
    """Ask the named data-quality checks under sql/checks, or all there are. Raises RecsysError
    naming those that fail.
    """
    asked = [path for path in checks() if not names or path.stem in names]
    with connect(settings) as conn:
        failed = [
            path.stem for path in asked if not one_row(conn, sql_file(f"checks/{path.name}")).ok
        ]
    if failed:
        raise RecsysError(
            f"the facts fail {len(failed)} of {len(asked)} checks in sql/checks: "
            f"{', '.join(failed)}; expected none"
        )


def judge_publication(settings: Settings, week: Week) -> str:
    """How the lists of the week before did, by what their users rated since and liked: Markdown,
    nothing where there were none.

    The figures go into the ledger, and in MLflow to the run of the week whose lists they are:
    beside the exam that chose them.
    """
    with connect(settings) as conn:
        realised.judge(conn, week, resamples=settings.bootstrap_resamples)
        table, metrics = report.realised_table(conn, week), report.realised_metrics(conn, week)
        since = realised.judged_week(conn, week.as_of)
        if since is not None:
            mirror_week(conn, Registry(settings), since, texts={}, metrics=metrics)
    log.info("%s", table or f"week {week.as_of}: no lists before it to judge")
    return table


def train_model(
    settings: Settings, week: Week, recipe: Recipe, *, again_if_lost: bool = False
) -> str | None:
    """Fit a recipe up to the exam's cut, unless that has been done. Returns the MLflow run's id.

    None where the recipe cannot be fitted: that is recorded with its reason, and the week goes on
    without it.

    A model that was evaluated is needed no more: where MLflow has lost it since, it is fitted again
    only if `again_if_lost`.
    """
    registry = Registry(settings)
    with connect(settings) as conn:
        sat = exams.run_of_entry(conn, week.as_of, recipe)
        if sat and not (again_if_lost and not registry.is_whole(sat)):
            log.info("%s has sat the exam of week %s already: run %s", recipe.key, week.as_of, sat)
            return sat
        exam, catalogue = _exam(settings, conn, week)
        with attempt(conn, week, recipe, "exam"):
            return fit_once(conn, registry, _fit_for_exam(week, recipe, exam, catalogue)).run_id
    return None


def examine_models(settings: Settings, week: Week) -> str:
    """Evaluate every recipe of the week, the incumbent's among them, on one exam. Returns the
    exam's table as text.

    Recipes that could not be fitted are left out. Raises ModelError where none could.
    """
    with connect(settings) as conn:
        sitting = _sitting(week, exams.incumbent_at_exam(conn, week.as_of))
        # by train_model
        tried = failed_fits(conn, week.as_of, "exam").keys() & {
            recipe.key for recipe in week.recipes
        }
        missing = [
            recipe
            for recipe in sitting
            if recipe.key not in tried and not exams.run_of_entry(conn, week.as_of, recipe)
        ]
        if missing:
            _examine(settings, conn, week, missing)
        if not any(exams.run_of_entry(conn, week.as_of, recipe) for recipe in sitting):
            reasons = ("; ").join(
                f"{key}: {reason}" for key, reason in failed_fits(conn, week.as_of, "exam").items()
            )
            raise ModelError(
                f"week {week.as_of}: no recipe can be fitted, so nobody can be served. {reasons}"
            )
        table = report.exam_table(conn, week.as_of)
        registry = Registry(settings)
        mirror_week(
            conn,
            registry,
            week.as_of,
            texts={"exam.md": table},
            metrics=report.exam_metrics(conn, week.as_of),
        )
        mirror_exam(conn, registry, week.as_of)
    log.info("exam of week %s\n%s", week.as_of, table)
    return table


def watch_drift(settings: Settings, week: Week) -> list[str]:
    """What is unlike the weeks before: a sentence each. Raises DriftError where it is what the
    settings do not let pass.
    """
    with connect(settings) as conn:
        drifted = [
            found for found in watch(conn, week, n_weeks=settings.drift_weeks) if found.drifted
        ]
    for found in drifted:
        log.warning("drift: %s", found.sentence)
    fatal = [found.sentence for found in drifted if found.measure in settings.drift_fails]
    if fatal:
        raise DriftError(
            f"week {week.as_of} has drifted, and RECSYS_DRIFT_FAILS does not let that "
            f"pass: {' '.join(fatal)}"
        )
    return [found.sentence for found in drifted]


def propose_champion(settings: Settings, week: Week) -> Proposal:
    """What the exam decides, for a person to approve: what each answer does, the exam's table and
    the gates, in Markdown.
    """
    with connect(settings) as conn:
        decided = ledger.decided_for(conn, week)
        if decided:
            return Proposal(False, f"Week {week.as_of} is decided already", report.verdict(decided))
        decision = _decide(settings, conn, week)
        fallback = _fallback(conn, week)
        body = report.proposal(conn, week, decision, _sitting_by_key(conn, week), fallback)
    subject = f"Week {week.as_of}: {decision.outcome}, {decision.champion_key}"
    return Proposal(week.require_approval and decision.is_new, subject, body)


def refit_winner(settings: Settings, week: Week, approval: Approval = UNASKED) -> str:
    """Fit the recipe that the exam favours, and that was approved, on everything the week may see;
    return its version.

    Where that fails, or the gates refuse what comes of it, the incumbent's recipe is fitted
    instead. Raises ModelError where that is not served either.
    """
    with connect(settings) as conn:
        decided = ledger.decided_for(conn, week)
        if decided:
            log.info(
                "week %s is decided already: %s, version %s",
                week.as_of,
                decided.recipe.key,
                decided.model.version,
            )
            return decided.model.version
        # in this attempt: another code, or other bounds, may think better of a refit
        refused: dict[str, str] = {}
        while True:  # at most twice: settle raises where the fallback was refused as well
            key = _settled(settings, conn, week, approval, refused).champion_key
            version = _try_refit(settings, conn, week, _sitting_by_key(conn, week)[key])
            answers = _refused(conn, week)
            if version is not None and key not in answers:
                return version
            refused[key] = answers[key]


def refit_challenger(settings: Settings, week: Week) -> str | None:
    """Fit the recipe of the week's experiment on everything the week may see; return its version.

    None without an experiment, and where it cannot be fitted or the gates refuse what comes of it:
    then the champion serves everyone this week.
    """
    if week.experiment is None:
        return None
    with connect(settings) as conn:
        version = _try_refit(settings, conn, week, week.experiment.recipe)
        key = week.experiment.recipe.key
        answers = _refused(conn, week)
        if key in answers:
            log.warning(
                "week %s: the refit of the challenger %s was refused by its gates. %s",
                week.as_of,
                key,
                answers[key],
            )
            return None
    return version


def promote_champion(
    settings: Settings, week: Week, model_version: str, approval: Approval = UNASKED
) -> int:
    """Enter the week's decision in the ledger, once, and let MLflow's alias mirror the newest.
    Returns the decision's number.
    """
    registry = Registry(settings)
    with connect(settings) as conn:
        champion = ledger.decided_for(conn, week)
        if champion is None:
            champion = _promote(settings, conn, week, model_version, approval)
        elif approval.answer and champion.approval != approval:
            log.warning(
                "week %s was decided without waiting for the answer: %s", week.as_of, approval.told
            )
        mirror_model(conn, registry, champion.model, champion.as_of)
        mirror_champion(conn, registry)
    log.info(report.verdict(champion))
    return champion.promotion_id


def score_users(
    settings: Settings,
    week: Week,
    promotion_id: int,
    shard: int,
    challenger_version: str | None = None,
) -> int:
    """Find the champion's best movies, and those of an experiment's challenger, for one shard of
    the week's users.

    Returns how many candidates were added.
    """
    place = {"shard": shard, "n_shards": settings.score_shards}
    n_rows = 0
    with connect(settings) as conn:
        edition = _edition(conn, week, promotion_id, challenger_version)
        todo = [made for made in to_make(conn, edition) if not is_scored(conn, made, **place)]
        if not todo:
            log.info("week %s: shard %s has been scored already", week.as_of, shard)
            return 0
        users = read_users(conn, week.sight)
        if not len(users):
            raise NothingToRecommend(f"week {week.as_of}: no user up to drop {week.watermark}")
        ours = shard_of(users, **place)
        histories, withdrawn = read_histories(conn, week.sight, ours), read_withdrawn(conn)
        for made in todo:
            model = _model_to_serve(settings, conn, week, made.model)
            n_rows += score_shard(conn, made, model, ours, histories, withdrawn, **place)
    worked_on(n_rows)
    log.info("shard %s of %s: %s candidates", shard, settings.score_shards, f"{n_rows:,}")
    return n_rows


def publish_recommendations(
    settings: Settings, week: Week, promotion_id: int, challenger_version: str | None = None
) -> int:
    """Make the week's publication and, unless a newer week is live, let readers see it. Returns its
    id.
    """
    registry = Registry(settings)
    with connect(settings) as conn:
        edition = _edition(conn, week, promotion_id, challenger_version)
        made = publish(conn, edition, Origin(git_sha(settings.git_sha), week.run_id))
        worked_on(made.n_rows)
        log.info(
            "publication %s: %s rows for %s users, %s from the fallback%s",
            made.publication_id,
            f"{made.n_rows:,}",
            f"{made.n_users:,}",
            f"{made.n_fallback:,}",
            ", live" if made.is_live else "",
        )
        for model in [part.model for part in (edition, edition.challenger) if part]:
            mirror_model(conn, registry, model, week.as_of)
        mirror_champion(conn, registry)  # its version may have been lost and be another by now
        retired = retire_outlived(conn, keep_weeks=settings.keep_weeks)
        if retired:
            log.info("publications whose time is over: %s", retired)
    return made.publication_id


def past_publications(settings: Settings) -> list[tuple[int, str]]:
    """Every publication that can be made live, the newest first, with a line that tells people
    which it is.
    """
    with connect(settings) as conn:
        found = live.publications_to_show(conn)
    return [(visible.publication_id, visible.told) for visible in found]


def rollback_publication(
    settings: Settings,
    *,
    publication_id: int | None,
    reason: str,
    requested_by: str,
    run_id: str = "",
    report: Callable[[str], None] = log.info,
) -> str:
    """Put an earlier publication before readers again, or a later one, with its recipe as champion;
    return what was done.

    Without an id it is the newest that was live before the present one and was not rolled back
    from. The ledger changes at once, which `report` is told at once; MLflow's alias follows, or is
    put right by the next run if this one is cut short or MLflow is away.
    """
    with connect(settings) as conn:
        flip = live.roll_back(
            conn, publication_id, reason=reason, requested_by=requested_by, run_id=run_id
        )
        report(str(flip))
        mirror_champion(conn, Registry(settings))
    return str(flip)


def retire_week(
    settings: Settings,
    as_of: date,
    *,
    reason: str,
    requested_by: str,
    run_id: str = "",
    undo: bool = False,
) -> str:
    """Take a week out, so that it counts for nothing, or with `undo` let it count again; return
    what was done.

    Where readers saw its lists, they see at once what they would have without it, and its recipe is
    champion.
    """
    act = {"reason": reason, "requested_by": requested_by, "run_id": run_id}
    with connect(settings) as conn:
        done = (
            retire.undo_retirement(conn, as_of, **act)
            if undo
            else retire.retire_week(conn, as_of, **act)
        )
        log.info(str(done))
        mirror_champion(conn, Registry(settings))
    return str(done)


def report_week(
    settings: Settings,
    week: Week,
    promotion_id: int,
    publication_id: int,
    notes: Sequence[str] = (),
) -> str:
    """One page on what the week brought, in Markdown; kept in MLflow too, beside a page on all
    weeks up to this one.
    """
    with connect(settings) as conn:
        page = report.week_page(
            conn, week, ledger.decision_by_id(conn, promotion_id), publication_id, notes
        )
        texts = {"report.md": page, "weeks.html": weeks_page(read_record(conn, until=week.as_of))}
        registry = Registry(settings)
        mirror_exam(conn, registry, week.as_of)  # again, as MLflow may have been away since
        mirror_week(conn, registry, week.as_of, texts=texts, metrics={}, is_last=True)
    log.info("\n%s", page)
    return page


def refit_version(settings: Settings, week: Week, recipe: Recipe) -> ModelVersion:
    """Fit a recipe again on everything that the week may see now; return the version that comes of
    it.
    """
    with connect(settings) as conn:
        version = _refit(settings, conn, week, recipe)
        return _on_record(
            conn, recipe, version, ledger.fit_keys_of_refits(conn, week.as_of)[recipe.key]
        )


def follow_champion(settings: Settings) -> None:
    """Let MLflow's alias mirror the ledger's champion."""
    with connect(settings) as conn:
        mirror_champion(conn, Registry(settings))


def find_week(settings: Settings, as_of: date | None) -> Week:
    """The newest week, up to a date if one is given, whose drops are in. Raises NothingToRecommend
    without one.
    """
    with connect(settings) as conn:
        check_schema(conn)
        week = week_taken_in(conn, as_of)
    if week is None:
        until = f" up to {as_of}" if as_of else ""
        raise NothingToRecommend(
            f"no week{until} has its drops in: expected one that ran at least to ingest_drops"
        )
    return week


def find_recipe(settings: Settings, week: Week, name: str) -> Recipe:
    """A recipe's default by its name, or a tuned one that the week may know by its key. Raises
    ModelError for what is neither.
    """
    with connect(settings) as conn:
        return tuning_ledger.recipe_asked(conn, week.as_of, name)


def list_tunable() -> list[str]:
    """Names of the recipes that have hyperparameters to search."""
    return tunable()


def tune_recipe(
    settings: Settings, week: Week, name: str, *, n_trials: int, told: Told = lambda _trials: None
) -> str:
    """Search a recipe's hyperparameters on what lies before the week's exam, until there are
    `n_trials` trials in all.

    What beats the default there sits the exam of each later week that names no recipes. `told`
    hears of all trials after each. Returns what was found, as a sentence.
    """
    check_limits({"trials": n_trials})
    with connect(settings) as conn:
        exam, catalogue = _exam(settings, conn, week)
        study = Study(
            name=name,
            as_of=week.as_of,
            validation=_validation(conn, week, exam),
            catalogue=catalogue,
            seed=week.seed,
            like_threshold=week.like_threshold,
            min_history=week.min_history,
        )
        return str(run_study(conn, Registry(settings), study, n_trials=n_trials, told=told))


def run_week(
    settings: Settings,
    *,
    as_of: date | None,
    approve: Approve = timed_out,
    told: Begun = untold,
    **asked: Any,
) -> Week:
    """All steps in order, in this process: the week without Airflow. What each step cost is kept.

    `approve` is asked where a person must agree to a new champion; `told` hears each step's name as
    it begins.
    """
    week: Week | None = None

    def step(do: Callable[..., Result], *arguments: Any, part: str = "", **named: Any) -> Result:
        told(f"{do.__name__} {part}".rstrip())
        with measured() as cost:
            result = do(settings, *arguments, **named)
        about: Any = week or result  # the first step returns the week
        keep_cost(settings, about, do.__name__, cost, part=part)
        return result

    week = step(resolve_week, as_of=as_of, **{"run_id": f"{getuser()} at a terminal", **asked})
    step(ingest_drops, week)
    step(refresh_views)
    step(check_facts)
    step(judge_publication, week)
    for recipe in week.recipes:
        step(train_model, week, recipe, part=recipe.key)
    step(examine_models, week)
    step(watch_drift, week)
    proposal = step(propose_champion, week)
    approval = approve(proposal) if proposal.needs_approval else UNASKED
    version, challenger = step(refit_winner, week, approval), step(refit_challenger, week)
    promotion_id = step(promote_champion, week, version, approval)
    for shard in range(settings.score_shards):
        step(score_users, week, promotion_id, shard, challenger, part=f"shard {shard}")
    publication_id = step(publish_recommendations, week, promotion_id, challenger)
    step(report_week, week, promotion_id, publication_id)
    return week


def _newest_drop(settings: Settings, zone: LandingZone, today: date) -> date:
    newest = zone.newest("movielens", today=today, allow_future=settings.allow_future)
    if newest is None:
        raise NothingToRecommend(
            f"no complete movielens drop in {zone.uri}: expected movielens/<YYYY-MM-DD>/ with "
            "_SUCCESS in it, dated at most 7 "
            "days after today"
        )
    return newest.date


def _first_week(
    settings: Settings,
    conn: Connection,
    as_of: date,
    incumbent: Champion | None,
    experiment: Experiment | None,
) -> Week:
    """The week as its first run would have it; the watermark is the ledger's to say."""
    names = settings.recipes or tuple(MODELS)
    tuned = tuning_ledger.newest_tuned(conn, as_of, names)
    return Week(
        as_of=as_of,
        watermark=0,
        recipes=_recipes(conn, as_of, names, incumbent, experiment, tuned),
        top_n=settings.top_n,
        seed=settings.seed,
        like_threshold=settings.like_threshold,
        exam_min_users=settings.exam_min_users,
        min_history=settings.min_history,
        half_life_days=settings.popularity_half_life_days,
        exam_wanted_users=(incumbent.users_needed if incumbent else None) or 0,
    )


def _experiment_asked(conn: Connection, as_of: date, asks: Asked) -> Experiment | None:
    """The experiment that a run starts with this week, if it asks for one."""
    if asks.challenger is None:
        return None
    recipe = tuning_ledger.recipe_asked(conn, as_of, asks.challenger)
    last = as_of + timedelta(weeks=asks.challenger_weeks - 1)
    return Experiment(f"{recipe.key} from {as_of}", recipe, asks.challenger_share, last)


def _with_challenger(week: Week) -> Week:
    """The week with its experiment's challenger at the exam, also where the run that asks for it is
    not the week's first.
    """
    if week.experiment is None or week.experiment.recipe in week.recipes:
        return week
    return week.asked(recipes=(*week.recipes, week.experiment.recipe))


def _recipes(
    conn: Connection,
    as_of: date,
    names: Sequence[str],
    incumbent: Champion | None,
    experiment: Experiment | None,
    tuned: Sequence[Recipe] = (),
) -> tuple[Recipe, ...]:
    """The recipes that compete: popularity as the floor, those named, those tuned, the
    experiment's, and the incumbent's.
    """
    named = [tuning_ledger.recipe_asked(conn, as_of, name) for name in ("popularity", *names)]
    others = [
        *([experiment.recipe] if experiment else []),
        *([incumbent.recipe] if incumbent else []),
    ]
    return tuple({recipe.key: recipe for recipe in [*named, *tuned, *others]}.values())


def _sight(conn: Connection, week: Week) -> tuple[Catalogue, Interactions]:
    catalogue = read_catalogue(conn, week.sight)
    interactions = read_interactions(conn, week.sight, catalogue.movie_ids)
    worked_on(len(interactions))
    return catalogue, interactions


def _exam(settings: Settings, conn: Connection, week: Week) -> tuple[Exam, Catalogue]:
    catalogue, interactions = _sight(conn, week)
    if not len(interactions):
        raise NothingToRecommend(
            f"week {week.as_of}: no rating before {week.as_of} up to drop {week.watermark}"
        )
    exam = split_exam(
        interactions,
        min_users=week.exam_min_users,
        wanted_users=week.exam_wanted_users,
        like_threshold=week.like_threshold,
    )
    return _known_at_its_cut(conn, week, exam), catalogue


def _validation(conn: Connection, week: Week, exam: Exam) -> Exam:
    """The week's exam over again, on what its fits may see: made of nothing that the exam asks for.

    Only beneath a dated exam is what was known at the cut asked for. Where each user's own newest
    are held out, some of these are older than any cut, and would come back.
    """
    validation = split_exam(
        exam.known, min_users=week.exam_min_users, like_threshold=week.like_threshold
    )
    return _known_at_its_cut(conn, week, validation) if exam.cut else validation


def _known_at_its_cut(conn: Connection, week: Week, exam: Exam) -> Exam:
    """A dated exam with what was known then. All of it stands in the exam, save what was re-rated
    since and is held out.
    """
    if not exam.cut:
        return exam
    rerated = read_rerated(conn, week.sight | {"as_of": exam.cut}, exam.known.movie_ids)
    return exam.knowing(exam.known.adding(rerated), like_threshold=week.like_threshold)


def _fit_for_exam(week: Week, recipe: Recipe, exam: Exam, catalogue: Catalogue) -> Fit:
    cut = exam.cut.isoformat() if exam.cut else exam.kind
    return Fit(recipe, exam.known, catalogue, cut, "exam", week.as_of, week.seed, anew=week.force)


def _fit_for_readers(
    week: Week, recipe: Recipe, interactions: Interactions, catalogue: Catalogue
) -> Fit:
    return Fit(
        recipe,
        interactions,
        catalogue,
        week.as_of.isoformat(),
        "refit",
        week.as_of,
        week.seed,
        anew=week.force,
    )


def _sitting(week: Week, incumbent: Recipe | None) -> list[Recipe]:
    """Who sits the week's exam: its recipes, and the champion of the last earlier week as it was
    when the exam was set.
    """
    return [*week.recipes, *([incumbent] if incumbent and incumbent not in week.recipes else [])]


def _examine(settings: Settings, conn: Connection, week: Week, recipes: Sequence[Recipe]) -> None:
    registry = Registry(settings)
    exam, catalogue = _exam(settings, conn, week)
    exams.record_exam(conn, week.as_of, exam)
    for recipe in recipes:
        with attempt(conn, week, recipe, "exam"):
            fitted, model = fitted_model(
                conn, registry, _fit_for_exam(week, recipe, exam, catalogue)
            )
            threshold = week.like_threshold
            result = examine(
                model,
                exam,
                like_threshold=threshold,
                min_history=week.min_history,
                catalogue=catalogue,
            )
            exams.record_entry(conn, week.as_of, recipe, fitted.run_id, result)


def _sitting_by_key(conn: Connection, week: Week) -> dict[str, Recipe]:
    return {
        recipe.key: recipe for recipe in _sitting(week, exams.incumbent_at_exam(conn, week.as_of))
    }


def _decide(settings: Settings, conn: Connection, week: Week) -> Decision:
    """What the exam on record says of this run's recipes and the incumbent's: the same each time it
    is asked.
    """
    incumbent = exams.incumbent_at_exam(conn, week.as_of)
    sitting = _sitting_by_key(conn, week)
    marks = exams.marks_of(conn, week.as_of)
    failed = failed_fits(conn, week.as_of, "exam")
    contest = Contest(
        marks={key: found for key, found in marks.items() if key in sitting},
        others={key: found for key, found in marks.items() if key not in sitting},
        incumbent=incumbent.key if incumbent else None,
        popularity=_popularity(week),
        bounds=settings,
        resamples=settings.bootstrap_resamples,
        seed=week.seed,
        figures=exams.figures_of(conn, week.as_of),
        lost=exams.exams_lost(conn, week.as_of),
        unfitted={key: failed[key] for key in sitting if key in failed and key not in marks},
    )
    return decide(contest)


def _settled(
    settings: Settings, conn: Connection, week: Week, approval: Approval, refused: Mapping[str, str]
) -> Decision:
    """The exam's decision as it stands after the approval and the gates that looked at refits."""
    said = {"approval": approval, "required": week.require_approval}
    return settle(
        _decide(settings, conn, week), fallback=_fallback(conn, week), refused=refused, **said
    )


def _fallback(conn: Connection, week: Week) -> str:
    """The recipe that is champion where a new one is not approved, or its refit is refused."""
    incumbent = exams.incumbent_at_exam(conn, week.as_of)
    if incumbent is None or incumbent.key in failed_fits(conn, week.as_of, "exam"):
        return _popularity(week)
    return incumbent.key


def _popularity(week: Week) -> str:
    return next(recipe.key for recipe in week.recipes if recipe.name == "popularity")


def _refused(conn: Connection, week: Week) -> dict[str, str]:
    """Return why each of this week's refits is not served, by recipe key: it failed, or gates
    refused it.
    """
    said = {
        key: f"it cannot be fitted: {reason}"
        for key, reason in failed_fits(conn, week.as_of, "refit").items()
    }
    for verdict in ledger.refit_verdicts(conn, week.as_of):
        if not verdict.passed:
            said[verdict.recipe_key] = (
                f"{said.get(verdict.recipe_key, '')} {verdict.gate}: {verdict.sentence}"
            ).lstrip()
    return said


def _try_refit(settings: Settings, conn: Connection, week: Week, recipe: Recipe) -> str | None:
    """The version of a refit; None where the recipe cannot be fitted, which is recorded."""
    with attempt(conn, week, recipe, "refit"):
        return _refit(settings, conn, week, recipe)
    return None


def _refit(settings: Settings, conn: Connection, week: Week, recipe: Recipe) -> str:
    """Fit a recipe on all that the week may see, ask the gates about it, and register it; return
    its version.
    """
    catalogue, interactions = _sight(conn, week)
    registry = Registry(settings)
    fitted, model = fitted_model(
        conn, registry, _fit_for_readers(week, recipe, interactions, catalogue)
    )
    verdicts = check_refit(conn, week, recipe, model, interactions, settings)
    ledger.record_refit_verdicts(conn, week.as_of, fitted.fit_key, verdicts)
    fit = ModelVersion(recipe, "", fitted.fit_key, fitted.fingerprint, len(interactions))
    return _register(settings, conn, week, fitted.run_id, fit)


def _register(
    settings: Settings, conn: Connection, week: Week, run_id: str, model: ModelVersion
) -> str:
    """The version of a model that MLflow has in this run; a new one where it has lost that."""
    tags = version_tags(model, week.as_of) | {
        "git_sha": git_sha(settings.git_sha),
        "run_id": week.run_id,
    }
    with advisory_lock(conn, LOCK):
        return Registry(settings).register(run_id, model.fit_key, tags)


def _promote(
    settings: Settings, conn: Connection, week: Week, model_version: str, approval: Approval
) -> Champion:
    decision = _settled(settings, conn, week, approval, _refused(conn, week))
    incumbent = exams.incumbent_at_exam(conn, week.as_of)
    model = _refitted(
        settings, conn, week, _sitting_by_key(conn, week)[decision.champion_key], model_version
    )
    origin = Origin(git_sha(settings.git_sha), week.run_id)
    return ledger.record_decision(
        conn, week, decision, model, incumbent.key if incumbent else None, approval, origin
    )


def _refitted(
    settings: Settings, conn: Connection, week: Week, recipe: Recipe, version: str
) -> ModelVersion:
    """The week's refit of a recipe, which was registered as `version`; registered again where
    MLflow has lost that since.

    Raises LedgerError where the version is of another recipe of the week.
    """
    fit_keys = ledger.fit_keys_of_refits(conn, week.as_of)
    fit_key = Registry(settings).version_tags(version).get("fit_key")
    of_others = [key for key, other in fit_keys.items() if other == fit_key and key != recipe.key]
    if of_others or recipe.key not in fit_keys:
        told = (
            f"version {version} is of {', '.join(of_others) or 'no refit of the week'}, expected "
            f"one of {recipe.key}"
        )
        raise LedgerError(f"week {week.as_of}: {told}: run refit_winner again")
    if fit_key != fit_keys[recipe.key]:
        log.warning(
            "week %s: MLflow has lost version %s of %s, which is registered again",
            week.as_of,
            version,
            recipe.key,
        )
        version = _refit(settings, conn, week, recipe)
        fit_keys = ledger.fit_keys_of_refits(conn, week.as_of)
    return _on_record(conn, recipe, version, fit_keys[recipe.key])


def _on_record(conn: Connection, recipe: Recipe, version: str, fit_key: str) -> ModelVersion:
    """A version with what the ledger has of its fit, as MLflow may lack it."""
    fit = fit_ledger.entry_of(conn, fit_key)
    if fit is None:
        raise LedgerError(
            f"version {version} of {recipe.key}: no fit {fit_key[:12]} on record: "
            "run refit_winner again"
        )
    return ModelVersion(recipe, version, fit_key, fit.fingerprint, fit.n_ratings)


def _model_to_serve(
    settings: Settings, conn: Connection, week: Week, model: ModelVersion
) -> Recommender:
    """The model of a version, found by its fit key where the version is gone, and fitted again
    where MLflow has lost it.

    Raises ModelLost where it then differs: the week's lists would not be those of the model that
    was decided on.
    """
    registry = Registry(settings)
    run_id = registry.run_of(model.fit_key, model.version)
    if run_id is not None:
        try:
            return registry.load(run_id)
        except ModelLost as error:
            log.warning("week %s: %s; it is fitted again", week.as_of, error)
            registry.give_up(run_id)
    catalogue, interactions = _sight(conn, week)
    fit = _fit_for_readers(week, model.recipe, interactions, catalogue)
    fitted, found = lost_model_fitted_again(conn, registry, fit, model.fit_key)
    number = _register(settings, conn, week, fitted.run_id, model)
    log.warning(
        "week %s: MLflow had lost version %s; fitted again to the same arrays, it is %s",
        week.as_of,
        model.version,
        number,
    )
    return found


def _edition(
    conn: Connection, week: Week, promotion_id: int, challenger_version: str | None
) -> Edition:
    """What is published of a week: the champion's lists, and the challenger's to its share of the
    users.
    """
    champion = ledger.decision_by_id(conn, promotion_id)
    if week.experiment is None or challenger_version is None:
        return Edition(week, champion.model, promotion_id)
    recipe = week.experiment.recipe
    model = _on_record(
        conn, recipe, challenger_version, ledger.fit_keys_of_refits(conn, week.as_of)[recipe.key]
    )
    challenger = Edition(week, model, promotion_id=None)
    return Edition(week, champion.model, promotion_id, challenger)
