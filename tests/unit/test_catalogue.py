"""Movies known by description alone, as a catalogue."""

import numpy as np

from recsys.features.catalogue import Catalogue, Description

BIGINT = 2**62


def test_descriptions_make_a_catalogue() -> None:
    first = Description("Heat", ("Crime", "Action"), (9,), (BIGINT, 3), runtime=170, year=1995)
    movies = Catalogue.of_descriptions([first, Description("Unknown")])
    assert movies.titles == ("Heat", "Unknown")
    assert movies.movie_ids.tolist() == [-2, -1]
    assert movies.years.dtype == movies.runtimes.dtype == np.float32
    np.testing.assert_array_equal(movies.years, [1995, np.nan])
    np.testing.assert_array_equal(movies.runtimes, [170, np.nan])
    assert movies.genres.vocabulary[movies.genres.values].tolist() == ["Crime", "Action"]
    # in billing order
    assert movies.actors.vocabulary[movies.actors.values].tolist() == [BIGINT, 3]
    assert movies.actors.vocabulary.dtype == np.int64
    assert movies.directors.vocabulary.tolist() == [9]
    assert [
        links.indptr.tolist() for links in (movies.genres, movies.directors, movies.actors)
    ] == [
        [0, 2, 2],
        [0, 1, 1],
        [0, 2, 2],
    ]


def test_no_description_makes_an_empty_catalogue() -> None:
    movies = Catalogue.of_descriptions([])
    assert len(movies) == 0
    assert all(
        links.indptr.tolist() == [0] for links in (movies.genres, movies.directors, movies.actors)
    )
