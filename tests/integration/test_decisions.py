"""A week is decided once; anew only when forced; with a person's say; and never by a refit that has
broken down.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pytest

from recsys.db.connect import Connection
from recsys.errors import ModelError
from recsys.promotion import exams, ledger, refits
from recsys.promotion.approval import UNASKED, Approval, Proposal
from recsys.promotion.gates import EXAM_GATES, REFIT_GATES
from recsys.registry.store import Registry
from recsys.request import Run
from recsys.settings import Settings
from recsys.week import WeekPlan
from tests import steps
from tests.exam_scores import set_scores


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An effect that the small world's users can show."""
    return settings.model_copy(update={"minimum_effect": 0.001})


FORCED = Run(force=True, run_id="run 1")
CAREFUL = Run(require_approval=True)


def rest(
    settings: Settings, week: WeekPlan, approval: Approval = UNASKED, run: Run | None = None
) -> int:
    """From the decision to the publication; returns its id."""
    version = steps.refit_winner(settings, week, approval, run=run)
    decided = steps.promote_champion(settings, week, version, approval, run=run)
    for shard in range(settings.score_shards):
        steps.score_users(settings, week, decided, shard)
    return steps.publish_recommendations(settings, week, decided, run=run)


def live(conn: Connection) -> int:
    return (
        conn.execute("SELECT publication_id FROM publications WHERE is_live")
        .fetchone()
        .publication_id
    )


# ---------------------------------------------------------------- what is on record


def test_every_answer_of_every_gate_is_on_record(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    rest(settings, week)
    champion = ledger.champion_of(conn, weeks[0])
    assert (champion.outcome, champion.recipe.name) == ("first", "als")
    verdicts = ledger.verdicts_of(conn, champion.promotion_id)
    assert {verdict.gate for verdict in verdicts} == {*EXAM_GATES, *REFIT_GATES}
    row = conn.execute("SELECT * FROM promotions").fetchone()
    assert (
        row.n_ratings
        == conn.execute("SELECT count(*) AS n FROM ratings WHERE rated_at < %s", [weeks[0]])
        .fetchone()
        .n
    )
    assert len(row.fingerprint) == 64
    assert row.git_sha
    tags = Registry(settings).version_tags(champion.model.version)
    assert tags[f"decision {champion.promotion_id}"] == f"week {weeks[0]}, first"
    assert f"publication {live(conn)}" in tags


def test_exams_record_how_many_ratings_they_share(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    for as_of in weeks:
        steps.run_week(settings, as_of=as_of)
    shares = {
        (row.as_of, row.earlier): row.share for row in conn.execute("SELECT * FROM exam_overlaps")
    }
    assert shares.keys() == {(weeks[1], weeks[0]), (weeks[2], weeks[0]), (weeks[2], weeks[1])}
    # each user's newest ratings, a week apart
    assert all(0.5 < share < 1 for share in shares.values())


def test_who_lost_may_not_win_on_nearly_the_same_exam(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    first = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    rest(settings, first)
    second = steps.examined(settings, weeks[1], recipes=["als", "item_knn"])
    set_scores(conn, weeks[1], popularity=0.1, als=0.2, item_knn=0.19)
    rest(settings, second)
    assert ledger.champion_of(conn, weeks[1]).outcome == "kept"
    assert {key.split("-")[0] for key in exams.exams_lost(conn, weeks[1])} == set()
    third = steps.examined(settings, weeks[2], recipes=["als", "item_knn"])
    set_scores(conn, weeks[2], popularity=0.1, als=0.2, item_knn=0.3)
    rest(settings, third)
    champion = ledger.champion_of(conn, weeks[2])
    assert (champion.outcome, champion.recipe.name) == ("kept", "als")
    refused = [
        v.gate
        for v in ledger.verdicts_of(conn, champion.promotion_id)
        if not v.passed and v.recipe_key.startswith("item_knn")
    ]
    assert refused == ["fresh exam"]


def test_an_exam_without_evidence_asks_for_more_users_the_next_week(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    first = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    rest(settings, first)
    second = steps.examined(settings, weeks[1], recipes=["als", "item_knn"])
    set_scores(conn, weeks[1], popularity=0.1, als=0.2)
    noisy = np.random.default_rng(1).normal(
        0.21, 0.3, len(exams.user_scores_of(conn, weeks[1])["als-" + first_key(conn, "als")].ndcg)
    )
    conn.execute(
        "UPDATE exam_entries SET ndcg = %s WHERE as_of = %s AND recipe_key LIKE 'item_knn-%%'",
        [noisy.tolist(), weeks[1]],
    )
    rest(settings, second)
    champion = ledger.champion_of(conn, weeks[1])
    assert champion.outcome == "not decided"
    assert (champion.users_needed or 0) > 1_000
    assert steps.resolve_week(settings, as_of=weeks[2]).exam_wanted_users == champion.users_needed
    assert steps.resolve_week(settings, as_of=weeks[1]).exam_wanted_users == 0


def first_key(conn: Connection, name: str) -> str:
    query = "SELECT recipe_key FROM exam_entries WHERE recipe_key LIKE %s LIMIT 1"
    return conn.execute(query, [f"{name}-%"]).fetchone().recipe_key.removeprefix(f"{name}-")


# ---------------------------------------------------------------- forced


def test_a_forced_decision_is_a_row_of_its_own_and_moves_the_newest_week(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0])
    set_scores(conn, weeks[0], popularity=0.2, als=0.1)
    before = rest(settings, week)
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    assert rest(settings, steps.examined(settings, weeks[0])) == before
    forced = rest(settings, steps.examined(settings, weeks[0], FORCED), run=FORCED)
    # a retry forces nothing more
    assert rest(settings, steps.examined(settings, weeks[0], FORCED), run=FORCED) == forced
    assert [
        (row.decision, row.forced)
        for row in conn.execute("SELECT * FROM promotions ORDER BY promotion_id")
    ] == [
        ("popularity", False),
        ("first", True),
    ]
    assert live(conn) == forced != before
    assert ledger.newest_champion(conn).recipe.name == "als"
    # from now on the week is what was forced
    assert rest(settings, steps.examined(settings, weeks[0])) == forced


def test_a_forced_decision_of_an_older_week_moves_nothing_that_is_newer(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    for as_of in weeks[:2]:
        steps.run_week(settings, as_of=as_of)
    champion, published = ledger.newest_champion(conn), live(conn)
    set_scores(conn, weeks[0], popularity=0.1, als=0.3)
    steps.run_week(settings, as_of=weeks[0], force=True, run_id="run 2", top_n=4)
    assert ledger.newest_champion(conn) == champion
    assert live(conn) == published
    assert conn.execute("SELECT count(*) AS n FROM promotions WHERE forced").fetchone().n == 1


def test_a_run_under_way_keeps_its_decision_and_leaves_the_forced_one(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0])
    set_scores(conn, weeks[0], popularity=0.2, als=0.1)
    decided = steps.promote_champion(settings, week, steps.refit_winner(settings, week))
    steps.score_users(settings, week, decided, 0)
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    forced = rest(settings, steps.examined(settings, weeks[0], FORCED), run=FORCED)
    for shard in range(settings.score_shards):
        steps.score_users(settings, week, decided, shard)
    ours = steps.publish_recommendations(settings, week, decided)
    assert ours != forced
    recipe_key = (
        conn.execute("SELECT recipe_key FROM publications WHERE publication_id = %s", [ours])
        .fetchone()
        .recipe_key
    )
    assert recipe_key.startswith("popularity")
    assert live(conn) == forced


def test_a_forced_run_beside_others_of_the_same_week(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """A backfill, a manual run with other parameters, and one that decides anew, all at once."""
    # whose run is the week's first is not left to chance: it says what is usual
    steps.resolve_week(settings, as_of=weeks[0])
    runs = [
        {},
        {"top_n": 4},
        {"force": True, "run_id": "run 1"},
        {"force": True, "run_id": "run 2", "top_n": 6},
    ]
    with ThreadPoolExecutor(len(runs)) as pool:
        for future in [
            pool.submit(steps.run_week, settings, as_of=weeks[0], **options) for options in runs
        ]:  # pyright: ignore
            future.result()
    decided = conn.execute(
        "SELECT forced, run_id FROM promotions ORDER BY forced, run_id"
    ).fetchall()
    assert [row.forced for row in decided] in ([False, True, True], [True, True])
    assert [row.run_id for row in decided if row.forced] == ["run 1", "run 2"]
    lengths = conn.execute(
        "SELECT params->>'top_n' AS asked, max(rank) AS n "
        "FROM publications JOIN batch_recommendations USING (publication_id) GROUP BY 1"
    )
    assert {int(row.asked): row.n for row in lengths} == {10: 10, 4: 4, 6: 6}
    assert len(conn.execute("SELECT FROM publications WHERE is_live").fetchall()) == 1
    newest = conn.execute("SELECT max(promotion_id) AS id FROM promotions").fetchone().id
    assert ledger.newest_champion(conn).promotion_id == newest
    assert Registry(settings).champion() == ledger.newest_champion(conn).model.version


# ---------------------------------------------------------------- a person's say


def test_what_is_put_before_a_person_is_the_exam_and_every_gate(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    proposal = steps.propose_champion(settings, week, run=CAREFUL)
    assert proposal.needs_approval
    assert proposal.subject.startswith(f"Week {weeks[0]}: first, als-")
    for gate in EXAM_GATES:
        assert f"- {gate}: passed. " in proposal.body or f"- {gate}: refused. " in proposal.body
    assert " NDCG@10 |" in proposal.body
    assert not steps.propose_champion(settings, steps.examined(settings, weeks[0])).needs_approval


def test_a_person_reads_first_what_each_answer_does(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """First champion, then a newer week, then a week that is past: what readers see changes in the
    first two alone.
    """
    first = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    keys = {recipe.name: recipe.key for recipe in first.recipes}
    lines = steps.propose_champion(settings, first, run=CAREFUL).body.splitlines()
    assert lines[:3] == [
        f"- **Approve**: {keys['als']} is the week's champion, and makes its lists.",
        f"- **Reject**, or no answer in time: {keys['popularity']} is, and makes them.",
        "- Readers now see nothing yet; after this run they see the lists of the recipe that is "
        "chosen here.",
    ]
    rest(settings, first, Approval("approved", "ann"), CAREFUL)

    second = steps.examined(settings, weeks[1], recipes=["als", "item_knn"])
    set_scores(conn, weeks[1], popularity=0.1, als=0.2, item_knn=0.3)
    proposal = steps.propose_champion(settings, second, run=CAREFUL)
    live = (
        conn.execute("SELECT publication_id FROM publications WHERE is_live")
        .fetchone()
        .publication_id
    )
    assert f"**Reject**, or no answer in time: {keys['als']} is, and makes them." in proposal.body
    assert (
        f"Readers now see publication {live} of week {weeks[0]}; after this run they see"
        in proposal.body
    )
    assert f"{keys['als']} (incumbent)" in proposal.body and "(proposed)" in proposal.body
    rest(settings, second, Approval("approved", "ann"), CAREFUL)

    again = steps.examined(settings, weeks[0], recipes=["als"])
    live = (
        conn.execute("SELECT publication_id FROM publications WHERE is_live")
        .fetchone()
        .publication_id
    )
    effect = steps.propose_champion(
        settings, again, run=Run(force=True, require_approval=True)
    ).body.splitlines()[2]
    assert effect.startswith(
        f"- Neither changes what readers see, publication {live} of week {weeks[1]}: week "
        f"{weeks[0]} is past"
    )


def test_a_person_sees_only_who_competed(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """An earlier run of the week had examined another recipe, with a better score."""
    steps.examined(settings, weeks[0], recipes=["als", "item_knn"])
    week = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2, item_knn=0.3)
    body = steps.propose_champion(settings, week, run=Run(force=True, require_approval=True)).body
    assert (
        f"{next(recipe.key for recipe in week.recipes if recipe.name == 'als')} (proposed)" in body
    )
    assert "item_knn" not in body


def test_a_person_reads_which_gates_refused_the_others(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0], recipes=["als", "item_knn"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2, item_knn=0.05)
    body = steps.propose_champion(settings, week, run=CAREFUL).body
    knn = next(recipe.key for recipe in week.recipes if recipe.name == "item_knn")
    assert f"- {knn}: refused by beats popularity" in body
    assert sum(line.startswith("| ") for line in body.splitlines()) < 40, (
        "the buttons stand below the text"
    )


@pytest.mark.parametrize(
    ("approval", "outcome", "champion"),
    [
        (Approval("approved", "ann"), "promoted", "item_knn"),
        (Approval("rejected", "ann"), "kept", "als"),
        (Approval("timed out"), "kept", "als"),
    ],
)
def test_the_answer_decides(
    settings: Settings,
    weeks: list[date],
    conn: Connection,
    approval: Approval,
    outcome: str,
    champion: str,
) -> None:
    first = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    rest(settings, first)
    week = steps.examined(settings, weeks[1], recipes=["als", "item_knn"])
    set_scores(conn, weeks[1], popularity=0.1, als=0.2, item_knn=0.3)
    rest(settings, week, approval, CAREFUL)
    decided = ledger.champion_of(conn, weeks[1])
    assert (decided.outcome, decided.recipe.name, decided.approval) == (outcome, champion, approval)
    assert (
        conn.execute("SELECT recipe_key FROM recommendations LIMIT 1").fetchone().recipe_key
        == decided.recipe.key
    )
    # it is decided: nobody is asked again
    assert not steps.propose_champion(settings, week, run=CAREFUL).needs_approval


def test_without_airflow_someone_is_asked_too(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    proposals: list[Proposal] = []

    def approve(proposal: Proposal) -> Approval:
        proposals.append(proposal)
        return Approval("rejected", "ann")

    eager = settings.model_copy(
        update={
            "require_approval": True,
            "minimum_effect": 1e-9,
            "recipes": ("als", "item_knn", "ease"),
        }
    )
    for as_of in weeks:
        steps.run_week(eager, as_of=as_of, approve=approve)
    assert len(proposals) <= 3
    rows = conn.execute(
        "SELECT approval, decision FROM promotions WHERE approval IS NOT NULL"
    ).fetchall()
    assert len(rows) == len(proposals)
    assert {row.decision for row in rows} <= {"kept", "popularity"}


# ---------------------------------------------------------------- refits


def broken_refits(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Refits of these recipes look as if an array of theirs were not finite."""
    check = refits.check_refit
    gate = REFIT_GATES["finite"]

    def refuse(refit):
        sentence = "1 in factors is not finite; expected none."
        return type(gate(refit))(False, 1.0, 0.0, sentence)

    def check_refit(conn, week, recipe, *rest):
        with pytest.MonkeyPatch.context() as patched:
            if recipe.name in names:
                patched.setitem(REFIT_GATES, "finite", refuse)
            return check(conn, week, recipe, *rest)

    monkeypatch.setattr(refits, "check_refit", check_refit)


def test_where_the_refit_is_refused_the_incumbents_recipe_is_published(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    rest(settings, first)
    broken_refits(monkeypatch, "item_knn")
    week = steps.examined(settings, weeks[1], recipes=["als", "item_knn"])
    set_scores(conn, weeks[1], popularity=0.1, als=0.2, item_knn=0.3)
    rest(settings, week)
    champion = ledger.champion_of(conn, weeks[1])
    assert (champion.outcome, champion.recipe.name) == ("kept", "als")
    assert any(reason.endswith("was refused by its gates.") for reason in champion.reasons)
    refused = [
        (v.recipe_key.split("-")[0], v.gate)
        for v in ledger.verdicts_of(conn, champion.promotion_id)
        if v.figure == 1.0 and not v.passed
    ]
    assert ("item_knn", "finite") in refused
    assert conn.execute("SELECT DISTINCT recipe_key, as_of FROM recommendations").fetchall() == [
        (champion.recipe.key, weeks[1])
    ]


def test_where_every_refit_is_refused_readers_keep_what_they_have(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.run_week(settings, as_of=weeks[0])
    published = live(conn)
    broken_refits(monkeypatch, "als", "popularity")
    week = steps.examined(settings, weeks[1])
    for _ in range(2):
        with pytest.raises(
            ModelError, match="refused by its gates, and there is no other to fall back on"
        ):
            steps.refit_winner(settings, week)
    assert live(conn) == published
    assert ledger.champion_of(conn, weeks[1]) is None


def test_a_refit_that_was_refused_is_looked_at_again(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bounds were raised, or the code mended."""
    week = steps.examined(settings, weeks[0])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    with monkeypatch.context() as patched:
        broken_refits(patched, "als", "popularity")
        with pytest.raises(ModelError):
            steps.refit_winner(settings, week)
    rest(settings, week)
    assert ledger.champion_of(conn, weeks[0]).recipe.name == "als"


def test_a_week_is_decided_anew_by_other_code(
    settings: Settings, weeks: list[date], conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another fit key of the same recipe in the same week."""
    steps.run_week(settings, as_of=weeks[0])
    monkeypatch.setattr("recsys.registry.fit_key.code_version", lambda: "a later version")
    steps.run_week(settings, as_of=weeks[0], force=True, run_id="anew")
    decided = conn.execute(
        "SELECT promotion_id, fit_key FROM promotions ORDER BY promotion_id"
    ).fetchall()
    assert len({row.fit_key for row in decided}) == 2
    assert all(
        {v.gate for v in ledger.verdicts_of(conn, row.promotion_id)} >= REFIT_GATES.keys()
        for row in decided
    )


def test_who_did_not_surely_beat_popularity_at_first_has_lost_too(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.2, als=0.1)
    rest(settings, week)
    week = steps.examined(settings, weeks[1], recipes=["als"])
    set_scores(conn, weeks[1], popularity=0.2, als=0.3)
    rest(settings, week)
    assert ledger.champion_of(conn, weeks[1]).recipe.name == "popularity"
    assert [key.split("-")[0] for key in exams.exams_lost(conn, weeks[1])] == ["als"]


def test_whom_a_challenger_deposed_has_lost(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    rest(settings, week)
    week = steps.examined(settings, weeks[1], recipes=["als", "item_knn"])
    set_scores(conn, weeks[1], popularity=0.1, als=0.2, item_knn=0.3)
    rest(settings, week)
    steps.examined(settings, weeks[2])
    assert {key.split("-")[0] for key in exams.exams_lost(conn, weeks[2])} == {"als", "popularity"}


def test_a_dated_exam_that_could_not_tell_is_no_loss(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    week = steps.examined(settings, weeks[0], recipes=["als"])
    set_scores(conn, weeks[0], popularity=0.2)
    noisy = np.random.default_rng(1).normal(
        0.2, 0.3, len(next(iter(exams.user_scores_of(conn, weeks[0]).values())).ndcg)
    )
    conn.execute(
        "UPDATE exam_entries SET ndcg = %s WHERE recipe_key LIKE 'als-%%'", [noisy.tolist()]
    )
    rest(settings, week)
    steps.examined(settings, weeks[1])
    # no leave-newest-out exam can have more users
    assert {key.split("-")[0] for key in exams.exams_lost(conn, weeks[1])} == {"als"}
    conn.execute("UPDATE exams SET kind = 'dated'")
    assert exams.exams_lost(conn, weeks[1]) == {}


def test_where_a_person_must_agree_nothing_new_goes_by_unasked(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    """The proposal was nothing new, so that nobody was asked; then other scores made it one."""
    week = steps.examined(settings, weeks[0])
    set_scores(conn, weeks[0], popularity=0.2, als=0.1)
    assert not steps.propose_champion(settings, week, run=CAREFUL).needs_approval
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    rest(settings, week, run=CAREFUL)
    champion = ledger.champion_of(conn, weeks[0])
    assert (champion.outcome, champion.recipe.name) == ("popularity", "popularity")


def test_a_later_decision_for_the_same_model_is_why_it_is_live(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    first = steps.examined(settings, weeks[0])
    set_scores(conn, weeks[0], popularity=0.1, als=0.2)
    published = rest(settings, first)
    anew = Run(force=True, run_id="anew", require_approval=True)
    again = steps.examined(settings, weeks[0], anew)
    assert rest(settings, again, Approval("approved", "ann"), anew) == published
    row = conn.execute(
        "SELECT approval, approved_by FROM lineage WHERE publication_id = %s", [published]
    ).fetchone()
    assert (row.approval, row.approved_by) == ("approved", "ann")
