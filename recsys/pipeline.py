"""One function a step: the only door that operators use. Read it to know the whole system.

Every function can be run again, any number of times, and adds nothing: what it finds done it leaves, what it finds half done it
finishes. Steps pass each other nothing but Postgres, the model registry, and small values.
"""

import logging
from collections.abc import Sequence
from datetime import date

from recsys import report
from recsys.db.connect import Connection, advisory_lock, connect, one_row
from recsys.db.queries import checks, queries, sql_file
from recsys.drops.zone import LandingZone
from recsys.errors import LedgerError, NothingToRecommend, RecsysError
from recsys.evaluation.split import Exam, split_exam
from recsys.exam import examine
from recsys.features.catalogue import Catalogue
from recsys.features.interactions import Interactions
from recsys.features.visible import read_catalogue, read_interactions, read_users, read_withdrawn
from recsys.ingest import ledger as drops_ledger
from recsys.ingest.load import ingest
from recsys.models import MODELS
from recsys.promotion import ledger
from recsys.promotion.decision import Decision, decide
from recsys.promotion.ledger import Champion
from recsys.recipe import Recipe
from recsys.registry.fitting import Fit, Fitted, fit_once
from recsys.registry.store import Registry
from recsys.scoring.candidates import Edition, is_scored, score_shard
from recsys.scoring.publish import is_published, publish, retire_outlived
from recsys.settings import Settings
from recsys.tuning import ledger as tuning_ledger
from recsys.tuning.search import tunable
from recsys.tuning.study import Study, Told, run_study
from recsys.week import Week, close_ingest, open_week, week_taken_in

log = logging.getLogger(__name__)

#: Held for what MLflow looks up and then makes: two runs at once would both find nothing.
REGISTRY = "registry"


def resolve_week(
    settings: Settings, *, as_of: date | None, recipes: Sequence[str] | None = None, top_n: int | None = None
) -> Week:
    """The week that a run is about, as the ledger has it from now on; enters the drops that have arrived for it.

    Without as_of, the newest complete MovieLens drop says. What is not asked for is as in the week's first run, else as in the
    settings, with the tuned recipes of those names found so far. The incumbent's recipe and popularity sit every exam. A recipe
    is asked for by its name, or by a tuned one's key. Raises DropError where a new drop's checksums do not agree.
    """
    zone = LandingZone(settings.drops)
    when = as_of or _newest_drop(zone)
    with connect(settings) as conn, advisory_lock(conn, "drops"):
        drops_ledger.register_drops(conn, zone, when)
        incumbent = ledger.incumbent_of(conn, when)
        asked = _recipes(conn, when, recipes, incumbent) if recipes else None
        week = open_week(conn, _first_week(settings, conn, when, incumbent).asked(recipes=asked, top_n=top_n))
        _mirror_champion(conn, Registry(settings))
    if week.resolved_late:
        log.warning("week %s runs for the first time after later ones: it takes today's watermark, drop %s", when, week.watermark)
    return week.asked(recipes=asked, top_n=top_n)


def ingest_drops(settings: Settings, week: Week) -> list[str]:
    """Take in what the week may know and the facts lack, oldest first. Returns a line a drop. Raises DropError at a bad one."""
    zone = LandingZone(settings.drops)
    lines = []
    with connect(settings) as conn, advisory_lock(conn, "ingest"):
        for drop_id, drop in drops_ledger.drops_to_ingest(conn, zone, watermark=week.watermark, as_of=week.as_of):
            got = ingest(conn, zone, drop, drop_id, max_bad_share=settings.max_bad_share)
            lines.append(f"{drop.source} {drop.date}: {report.counts_line(got.counts())}")
            log.info(lines[-1])
        close_ingest(conn, week)
    return lines


def refresh_views(settings: Settings) -> None:
    """Bring the materialized views up to the facts, while others read them."""
    with connect(settings) as conn, advisory_lock(conn, "views"):
        for name, statement in queries("views").items():
            log.info("%s", name)
            conn.execute(statement)


def check_facts(settings: Settings) -> None:
    """Ask every data-quality check under sql/checks. Raises RecsysError naming those that fail."""
    with connect(settings) as conn:
        failed = [path.stem for path in checks() if not one_row(conn, sql_file(f"checks/{path.name}")).ok]
    if failed:
        raise RecsysError(f"the facts fail {len(failed)} of the checks in sql/checks: {', '.join(failed)}; expected none")


def train_model(settings: Settings, week: Week, recipe: Recipe) -> str:
    """Fit a recipe up to the exam's cut, unless that has been done. Returns the MLflow run's id."""
    with connect(settings) as conn:
        sat = ledger.run_of_entry(conn, week.as_of, recipe)
        if sat:
            log.info("%s has sat the exam of week %s already: run %s", recipe.key, week.as_of, sat)
            return sat
        exam, catalogue = _exam(settings, conn, week)
        return _fit_for_exam(settings, conn, week, recipe, exam, catalogue).run_id


def examine_models(settings: Settings, week: Week) -> str:
    """Sit every recipe of the week, the incumbent's among them, down to one exam. Returns the exam's table as text."""
    with connect(settings) as conn:
        sitting = _sitting(week, ledger.incumbent_at_exam(conn, week.as_of))
        missing = [recipe for recipe in sitting if not ledger.run_of_entry(conn, week.as_of, recipe)]
        if missing:
            _examine(settings, conn, week, missing)
        table = report.exam_table(conn, week.as_of)
        with advisory_lock(conn, REGISTRY):
            Registry(settings).record_week(week.as_of, texts={"exam.md": table}, metrics=report.exam_metrics(conn, week.as_of))
    log.info("exam of week %s\n%s", week.as_of, table)
    return table


def refit_winner(settings: Settings, week: Week) -> str:
    """Fit the recipe that the exam favours on everything the week may see. Returns its version in the model registry."""
    with connect(settings) as conn:
        decided = ledger.champion_of(conn, week.as_of)
        if decided:
            log.info("week %s is decided already: %s, version %s", week.as_of, decided.recipe.key, decided.model_version)
            return decided.model_version
        _, recipe = _decide(settings, conn, week)
        catalogue, interactions = _sight(conn, week)
        fit = Fit(recipe, interactions, catalogue, cut=week.as_of.isoformat(), kind="refit", as_of=week.as_of, seed=week.seed)
        registry = Registry(settings)
        fitted = fit_once(conn, registry, fit)
        with advisory_lock(conn, REGISTRY):
            return registry.register(fitted.run_id, fitted.fit_key, {"recipe": recipe.key, "as_of": week.as_of.isoformat()})


def promote_champion(settings: Settings, week: Week, model_version: str) -> str:
    """Enter the week's decision in the ledger, once, and let MLflow's alias mirror the newest. Returns the verdict."""
    registry = Registry(settings)
    with connect(settings) as conn:
        if ledger.champion_of(conn, week.as_of) is None:
            decision, recipe = _decide(settings, conn, week)
            tags = registry.version_tags(model_version)
            if tags.get("recipe") != recipe.key:
                raise LedgerError(
                    f"week {week.as_of}: version {model_version} is of {tags.get('recipe')}, the exam favours {recipe.key}"
                )
            ledger.record_decision(conn, week.as_of, decision, recipe, version=model_version, fit_key=tags["fit_key"])
        _mirror_champion(conn, registry)
        verdict = report.verdict(_champion(conn, week))
    log.info(verdict)
    return verdict


def score_users(settings: Settings, week: Week, shard: int) -> int:
    """Find the champion's best movies for one shard of the week's users. Returns how many candidates were added."""
    place = {"shard": shard, "n_shards": settings.score_shards}
    with connect(settings) as conn:
        edition = Edition(week, _champion(conn, week))
        if is_published(conn, edition) or is_scored(conn, edition, **place):
            log.info("week %s: shard %s has been scored already", week.as_of, shard)
            return 0
        users = read_users(conn, week.sight)
        if not len(users):
            raise NothingToRecommend(f"week {week.as_of}: no user up to drop {week.watermark}")
        _, interactions = _sight(conn, week)
        model = Registry(settings).load_version(edition.champion.model_version)
        n_rows = score_shard(conn, edition, model, interactions, users, read_withdrawn(conn), **place)
    log.info("shard %s of %s: %s candidates", shard, settings.score_shards, f"{n_rows:,}")
    return n_rows


def publish_recommendations(settings: Settings, week: Week) -> int:
    """Make the week's publication and, unless a newer week is live, let readers see it. Returns its id."""
    with connect(settings) as conn:
        made = publish(conn, Edition(week, _champion(conn, week)))
        log.info("publication %s: %s rows for %s users, %s from the fallback%s", made.publication_id, f"{made.n_rows:,}",
                 f"{made.n_users:,}", f"{made.n_fallback:,}", ", live" if made.is_live else "")  # fmt: skip
        retired = retire_outlived(conn, keep_weeks=settings.keep_weeks)
        if retired:
            log.info("publications whose time is over: %s", retired)
    return made.publication_id


def report_week(settings: Settings, week: Week, notes: Sequence[str] = ()) -> str:
    """One page on what the week brought, in Markdown; kept in MLflow too."""
    with connect(settings) as conn:
        page = report.week_page(conn, week, Edition(week, _champion(conn, week)).key, notes)
        with advisory_lock(conn, REGISTRY):
            Registry(settings).record_week(week.as_of, texts={"report.md": page}, metrics={})
    log.info("\n%s", page)
    return page


def find_week(settings: Settings, as_of: date | None) -> Week:
    """The newest week, up to a date if one is given, whose drops are in. Raises NothingToRecommend without one."""
    with connect(settings) as conn:
        week = week_taken_in(conn, as_of)
    if week is None:
        until = f" up to {as_of}" if as_of else ""
        raise NothingToRecommend(f"no week{until} has its drops in: expected one that ran at least to ingest_drops")
    return week


def find_recipe(settings: Settings, week: Week, name: str) -> Recipe:
    """A recipe's default by its name, or a tuned one that the week may know by its key. Raises ModelError for what is neither."""
    with connect(settings) as conn:
        return tuning_ledger.recipe_asked(conn, week.as_of, name)


def list_tunable() -> list[str]:
    """Names of the recipes that have hyperparameters to search."""
    return tunable()


def tune_recipe(settings: Settings, week: Week, name: str, *, n_trials: int, told: Told = lambda _trials: None) -> str:
    """Search a recipe's hyperparameters on what lies before the week's exam, until there are `n_trials` trials in all.

    What beats the default there sits the exam of each later week that names no recipes. `told` hears of all trials after each.
    Returns what was found, as a sentence.
    """
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


def run_week(settings: Settings, *, as_of: date | None, recipes: Sequence[str] | None = None, top_n: int | None = None) -> Week:
    """All steps in order, in this process: the week without Airflow."""
    week = resolve_week(settings, as_of=as_of, recipes=recipes, top_n=top_n)
    ingest_drops(settings, week)
    refresh_views(settings)
    check_facts(settings)
    for recipe in week.recipes:
        train_model(settings, week, recipe)
    examine_models(settings, week)
    promote_champion(settings, week, refit_winner(settings, week))
    for shard in range(settings.score_shards):
        score_users(settings, week, shard)
    publish_recommendations(settings, week)
    report_week(settings, week)
    return week


def _newest_drop(zone: LandingZone) -> date:
    newest = zone.newest("movielens")
    if newest is None:
        raise NothingToRecommend(
            f"no complete movielens drop in {zone.uri}: expected movielens/<YYYY-MM-DD>/ with _SUCCESS in it"
        )
    return newest.date


def _first_week(settings: Settings, conn: Connection, as_of: date, incumbent: Champion | None) -> Week:
    """The week as its first run would have it; the watermark is the ledger's to say."""
    names = settings.recipes or tuple(MODELS)
    tuned = tuning_ledger.newest_tuned(conn, as_of, names)
    return Week(
        as_of=as_of,
        watermark=0,
        recipes=_recipes(conn, as_of, names, incumbent, tuned),
        top_n=settings.top_n,
        seed=settings.seed,
        like_threshold=settings.like_threshold,
        exam_min_users=settings.exam_min_users,
        min_history=settings.min_history,
        half_life_days=settings.popularity_half_life_days,
    )


def _recipes(
    conn: Connection, as_of: date, names: Sequence[str], incumbent: Champion | None, tuned: Sequence[Recipe] = ()
) -> tuple[Recipe, ...]:
    """The recipes that compete: popularity as the floor, those named, those tuned, and the incumbent's."""
    named = [tuning_ledger.recipe_asked(conn, as_of, name) for name in ("popularity", *names)]
    recipes = [*named, *tuned, *([incumbent.recipe] if incumbent else [])]
    return tuple({recipe.key: recipe for recipe in recipes}.values())


def _sight(conn: Connection, week: Week) -> tuple[Catalogue, Interactions]:
    catalogue = read_catalogue(conn, week.sight)
    return catalogue, read_interactions(conn, week.sight, catalogue.movie_ids)


def _exam(settings: Settings, conn: Connection, week: Week) -> tuple[Exam, Catalogue]:
    catalogue, interactions = _sight(conn, week)
    if not len(interactions):
        raise NothingToRecommend(f"week {week.as_of}: no rating before {week.as_of} up to drop {week.watermark}")
    exam = split_exam(interactions, min_users=week.exam_min_users, like_threshold=week.like_threshold)
    return _known_at_its_cut(conn, week, exam), catalogue


def _validation(conn: Connection, week: Week, exam: Exam) -> Exam:
    """The week's exam over again, on what its fits may see: made of nothing that the exam asks for.

    Only beneath a dated exam is what was known at the cut read anew. Where each user's own newest are held out, some of these
    are older than any cut, and reading would bring them back.
    """
    validation = split_exam(exam.known, min_users=week.exam_min_users, like_threshold=week.like_threshold)
    return _known_at_its_cut(conn, week, validation) if exam.cut else validation


def _known_at_its_cut(conn: Connection, week: Week, exam: Exam) -> Exam:
    """A dated exam with what was known then: what was re-rated since stands in it as it is now."""
    if not exam.cut:
        return exam
    then = read_interactions(conn, week.sight | {"as_of": exam.cut}, exam.known.movie_ids)
    return exam.knowing(then, like_threshold=week.like_threshold)


def _fit_for_exam(settings: Settings, conn: Connection, week: Week, recipe: Recipe, exam: Exam, catalogue: Catalogue) -> Fitted:
    cut = exam.cut.isoformat() if exam.cut else exam.kind
    fit = Fit(recipe, exam.known, catalogue, cut=cut, kind="exam", as_of=week.as_of, seed=week.seed)
    return fit_once(conn, Registry(settings), fit)


def _sitting(week: Week, incumbent: Recipe | None) -> list[Recipe]:
    """Who sits the week's exam: its recipes, and the champion of the last earlier week as it was when the exam was set."""
    return [*week.recipes, *([incumbent] if incumbent and incumbent not in week.recipes else [])]


def _examine(settings: Settings, conn: Connection, week: Week, recipes: Sequence[Recipe]) -> None:
    registry = Registry(settings)
    exam, catalogue = _exam(settings, conn, week)
    ledger.record_exam(conn, week.as_of, exam)
    for recipe in recipes:
        fitted = _fit_for_exam(settings, conn, week, recipe, exam, catalogue)
        model, threshold = registry.load(fitted.run_id), week.like_threshold
        result = examine(model, exam, like_threshold=threshold, min_history=week.min_history, catalogue=catalogue)
        ledger.record_entry(conn, week.as_of, recipe, fitted.run_id, result)


def _decide(settings: Settings, conn: Connection, week: Week) -> tuple[Decision, Recipe]:
    """What the exam on record says of this run's recipes and the incumbent's: the same each time it is asked."""
    incumbent = ledger.incumbent_at_exam(conn, week.as_of)
    sitting = {recipe.key: recipe for recipe in _sitting(week, incumbent)}
    marks = {key: found for key, found in ledger.marks_of(conn, week.as_of).items() if key in sitting}
    popularity = next(recipe.key for recipe in week.recipes if recipe.name == "popularity")
    decision = decide(
        marks,
        incumbent=incumbent.key if incumbent else None,
        popularity=popularity,
        margin=settings.promotion_margin,
        resamples=settings.bootstrap_resamples,
        seed=week.seed,
    )
    return decision, sitting[decision.champion_key]


def _champion(conn: Connection, week: Week) -> Champion:
    champion = ledger.champion_of(conn, week.as_of)
    if champion is None:
        raise LedgerError(f"week {week.as_of} is not decided yet: expected promote_champion to have run")
    return champion


def _mirror_champion(conn: Connection, registry: Registry) -> None:
    """MLflow's alias follows the ledger, and is put right here if a run was cut short between the two."""
    with advisory_lock(conn, REGISTRY):
        champion = ledger.newest_champion(conn)
        if champion:
            registry.set_champion(champion.model_version)
