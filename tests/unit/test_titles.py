"""Titles of MovieLens and IMDb as one key."""

import pyarrow as pa
import pytest

from recsys.ingest.titles import movielens_keys, normalise_titles


@pytest.mark.parametrize(
    ("title", "year", "keys"),
    [
        ("Toy Story (1995)", 1995, ["toy story|1995"]),
        ("Shawshank Redemption, The (1994)", 1994, ["the shawshank redemption|1994"]),
        ("Beautiful Mind, A (2001)", 2001, ["a beautiful mind|2001"]),
        ("Avventura, L' (1960)", 1960, ["l avventura|1960"]),
        ("American President, The (1995) ", 1995, ["the american president|1995"]),
        ("Cité des enfants perdus, La (1995)", 1995, ["la cite des enfants perdus|1995"]),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            1995,
            ["the city of lost children|1995", "la cite des enfants perdus|1995"],
        ),
        ("Seven (a.k.a. Se7en) (1995)", 1995, ["seven|1995", "se7en|1995"]),
        ("Seven (Seven) (1995)", 1995, ["seven|1995"]),
        ("Romeo & Juliet (1996)", 1996, ["romeo and juliet|1996"]),
        ("Ocean's  Eleven: (2001)", 2001, ["ocean s eleven|2001"]),
        ("Das Boot (Boot, Das) (1981)", 1981, ["das boot|1981"]),
        ("Fawlty Towers (1975-1979)", 1975, ["fawlty towers|1975"]),
        ("2001: A Space Odyssey (1968)", 1968, ["2001 a space odyssey|1968"]),
        ("M (1931)", 1931, ["m|1931"]),
        ("(500) Days of Summer (2009)", 2009, ["500 days of summer|2009"]),
        ("... (1999)", 1999, []),
        ("千と千尋の神隠し (2001)", 2001, ["千と千尋の神隠し|2001"]),
    ],
)
def test_the_keys_of_a_movielens_title(title: str, year: int, keys: list[str]) -> None:
    assert movielens_keys([title], [year]) == [keys]


def test_each_title_keeps_its_own_keys() -> None:
    titles = ["A (B) (1990)", "... (1991)", "C, The (1992)"]
    assert movielens_keys(titles, [1990, 1991, 1992]) == [["a|1990", "b|1990"], [], ["the c|1992"]]
    assert movielens_keys([], []) == []


def test_imdb_and_movielens_spell_alike() -> None:
    imdb = [
        "The City of Lost Children",
        "Amélie",
        "AMELIE",
        "Amélie",
        "Wallace & Gromit",
        "Wallace and Gromit",
        "  A--B ",
    ]
    names = normalise_titles(pa.array(imdb)).to_pylist()
    assert names == [
        "the city of lost children",
        *["amelie"] * 3,
        *["wallace and gromit"] * 2,
        "a b",
    ]
