"""The pages of weeks, models, experiments and data."""

from datetime import date

from recsys.db.connect import Connection
from recsys.settings import Settings
from tests.serving.conftest import Keys
from tests.serving.pages_visits import page, text_of, value


def live_week(conn: Connection) -> date:
    return value(conn, "SELECT as_of FROM publications WHERE is_live")


def test_the_week_says_why_it_was_decided_so(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    as_of = live_week(conn)
    response = page(settings, keys.read, f"/weeks/{as_of}")
    assert response.status_code == 200
    text = text_of(response)
    reason = value(conn, "SELECT reasons[1] FROM week_decisions WHERE as_of = %s", as_of)
    assert reason.split(":")[0] in text
    ndcg = value(
        conn,
        "SELECT value FROM exam_results r JOIN week_decisions d USING (as_of, recipe_key) "
        "WHERE as_of = %s AND slice = 'all' AND metric = 'NDCG@10'",
        as_of,
    )
    assert f"{ndcg:.4f}" in text
    n_read = value(
        conn,
        "SELECT (counts -> 'read' ->> 'ratings.csv')::integer FROM drops WHERE source = %s",
        "movielens",
    )
    assert n_read and "movielens" in text
    assert "publish recommendations" in text


def test_the_weeks_are_listed_with_their_figures(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    response = page(settings, keys.read, "/weeks")
    assert response.status_code == 200
    assert f"weeks/{live_week(conn)}" in response.text
    assert "<svg" in response.text


def test_the_first_week_has_nothing_to_be_compared_with(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    response = page(settings, keys.read, f"/weeks/{live_week(conn)}?part=changes")
    assert "nothing to compare with" in text_of(response)


def test_changed_lists_are_counted_and_named(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    """As though another week had been published with one list turned round."""
    publication_id = value(conn, "SELECT publication_id FROM publications WHERE is_live")
    later = value(
        conn,
        """WITH week AS (INSERT INTO weeks (as_of, watermark, params, resolved_late)
                         SELECT as_of + 7, watermark, params, false FROM weeks RETURNING as_of)
           INSERT INTO publications (publication_key, as_of, watermark, params, recipe_key,
                                     model_version, n_users, n_rows, n_fallback, rows_sha256)
           SELECT 'later', week.as_of, p.watermark, p.params, recipe_key, model_version, n_users,
                  n_rows, n_fallback, rows_sha256
           FROM publications p, week WHERE is_live RETURNING publication_id""",
    )
    conn.execute(
        f"CREATE TABLE published_lists_{later} PARTITION OF published_lists "
        f"FOR VALUES IN ({later})".encode()
    )
    conn.execute(
        "INSERT INTO published_lists SELECT %s, user_id, movie_ids, scores, n_model, arm, "
        "reason_kind, cited, contributions FROM published_lists WHERE publication_id = %s",
        [later, publication_id],
    )
    changed = value(
        conn,
        "UPDATE published_lists SET movie_ids = array_reverse(movie_ids) "
        "WHERE publication_id = %s AND user_id = (SELECT min(user_id) FROM published_lists) "
        "RETURNING user_id",
        later,
    )
    n_users = value(conn, "SELECT count(*) FROM published_lists WHERE publication_id = %s", later)
    day = value(conn, "SELECT max(as_of) FROM weeks")
    response = page(settings, keys.read, f"/weeks/{day}?part=changes")
    assert f"1 of {n_users} lists changed" in text_of(response)
    assert f"User {changed}" in text_of(response)


def test_models_say_where_they_come_from(settings: Settings, keys: Keys, conn: Connection) -> None:
    text = text_of(page(settings, keys.read, "/models"))
    recipe = value(conn, "SELECT recipe_key FROM publications WHERE is_live")
    assert recipe in text
    assert value(conn, "SELECT fingerprint FROM publications WHERE is_live") in text


def test_an_experiment_shows_its_arms_with_intervals(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    assert "No experiment has been started" in text_of(page(settings, keys.read, "/experiments"))
    conn.execute(
        """INSERT INTO experiments (name, recipe_key, recipe, share, first_as_of, last_as_of)
           SELECT 'half & half', recipe_key, recipe, 0.5, as_of, as_of + 7 FROM week_decisions"""
    )
    conn.execute("UPDATE publications SET experiment = 'half & half'")
    conn.execute(
        """INSERT INTO observed_hits
           SELECT as_of, publication_id, as_of, 'challenger', 'all', recipe_key, 'NDCG@10',
                  0.1234, 0.1, 0.15, 44
           FROM publications WHERE is_live"""
    )
    response = page(settings, keys.read, "/experiments")
    assert "half &amp; half" in response.text
    assert "0.1234, from 0.1000 to 0.1500" in response.text
    assert "Whole lists count" in text_of(response)
    conn.execute("UPDATE observed_hits SET n_shown = 12")
    response = page(settings, keys.read, "/experiments")
    assert "of 12 of 44 users only what their app showed them counts" in text_of(response)
    assert "Whole lists count" not in text_of(response)


def test_the_data_are_counted(settings: Settings, keys: Keys, conn: Connection) -> None:
    whole = text_of(page(settings, keys.read, "/data?part=ratings"))
    n = value(conn, "SELECT count(*) FROM ratings")
    assert f"{n:,}" in whole
    row = """INSERT INTO rejected_rows
             SELECT drop_id, 'ratings.csv', 7, 'rating 9 is beyond 5', '<b>1,2,9</b>', 1
             FROM drops WHERE source = 'movielens' LIMIT 1"""
    conn.execute(row)
    response = page(settings, keys.read, "/data")
    assert "rating 9 is beyond 5" in response.text
    assert "<b>1,2,9" not in response.text
    assert "&lt;b&gt;1,2,9" in response.text


def test_without_a_week_each_page_says_so(settings: Settings, keys: Keys, conn: Connection) -> None:
    tables = conn.execute(
        "SELECT string_agg(format('%I', relname), ', ') AS names FROM pg_class "
        "WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace "
        "AND NOT relispartition AND relname NOT IN ('migrations', 'applied_views', "
        "'applied_objects', 'applied_grants', 'api_keys', 'catalogue_changes')"
    ).fetchone()
    conn.execute(f"TRUNCATE {tables.names} CASCADE".encode())
    for path, words in (
        ("/", "Nothing is published yet"),
        ("/weeks", "No week has run yet"),
        ("/models", "No recipe has been in an exam yet"),
        ("/data?part=ratings", "Nobody has rated anything yet"),
        ("/try", "Nothing is published yet"),
    ):
        assert words in text_of(page(settings, keys.read, path)), path


def test_drift_without_a_comparison_is_not_called_none(
    settings: Settings, keys: Keys, conn: Connection
) -> None:
    assert "Drift unclear too little to compare with" in text_of(page(settings, keys.read, "/"))
    conn.execute("UPDATE drift SET drifted = false")
    assert "Drift none beside the weeks before" in text_of(page(settings, keys.read, "/"))
    conn.execute("UPDATE drift SET drifted = true WHERE measure = 'exam score'")
    assert "Drift 1 measure beside the weeks before" in text_of(page(settings, keys.read, "/"))
