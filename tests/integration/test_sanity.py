"""What a refit is held against: the lists of the publication before, less what was rated since."""

from datetime import date

import numpy as np

from recsys.db.connect import Connection
from recsys.features.visible import read_catalogue, read_interactions
from recsys.promotion.sanity import last_lists
from recsys.settings import Settings
from tests import steps


def test_last_weeks_lists_less_what_was_rated_since(
    settings: Settings, weeks: list[date], conn: Connection
) -> None:
    # a shadow beside it, which nobody had
    steps.run_week(settings, as_of=weeks[0], challenger="als")
    week = steps.resolve_week(settings, as_of=weeks[1])
    steps.ingest_drops(settings, week)
    steps.refresh_views(settings)
    listed = conn.execute(
        "SELECT user_id, rank, movie_id FROM batch_recommendations "
        "WHERE publication_id = (SELECT publication_id FROM publications WHERE NOT is_shadow) "
        "ORDER BY user_id, rank"
    ).fetchall()
    first = listed[0]
    conn.execute(  # the user follows the first recommendation before the next week
        "INSERT INTO ratings SELECT %s, %s, %s::date - interval '1 hour', max(drop_id), 5 FROM "
        "ratings",
        [first.user_id, first.movie_id, weeks[1]],
    )
    steps.refresh_views(settings)
    catalogue = read_catalogue(conn, week.snapshot)
    interactions = read_interactions(conn, week.snapshot, catalogue.movie_ids)
    rated = {
        (int(interactions.user_ids[user]), int(interactions.movie_ids[movie]))
        for user, movie in zip(interactions.users, interactions.movies, strict=True)
    }
    users = interactions.user_ids
    expected = np.full((len(users), 10), -1)
    for row in listed:
        if (row.user_id, row.movie_id) not in rated:
            expected[np.searchsorted(users, row.user_id), row.rank - 1] = row.movie_id
    lists = last_lists(conn, week, users, interactions)
    assert lists.tolist() == expected.tolist()
    assert lists[np.searchsorted(users, first.user_id), 0] == -1
    before = steps.resolve_week(settings, as_of=weeks[0])
    # its own lists are not of a week before
    assert (last_lists(conn, before, users, interactions) == -1).all()
