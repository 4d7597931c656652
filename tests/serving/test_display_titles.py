"""A title as people say it: in SQL for reasons, in Python for pages, and the same in both."""

from recsys.db.connect import Connection
from recsys.serving.pages.titles import display_title, name_and_year

#: Title → as people say it.
TITLES = {
    "Sixth Sense, The (1999)": "The Sixth Sense (1999)",
    "Heat (1995)": "Heat (1995)",
    "Bug's Life, A (1998)": "A Bug's Life (1998)",
    "Affair to Remember, An (1957)": "An Affair to Remember (1957)",
    "Avventura, L' (1960)": "L'Avventura (1960)",
    "Dolce Vita, La (1960)": "La Dolce Vita (1960)",
    "Prophète, Un (2009)": "Un Prophète (2009)",
    "Femme est une femme, Une (1961)": "Une Femme est une femme (1961)",
    "Olvidados, Los (1950)": "Los Olvidados (1950)",
    "Vitelloni, I (1953)": "I Vitelloni (1953)",
    "Indifferenti, Gli (1964)": "Gli Indifferenti (1964)",
    "Himmel über Berlin, Der (1987)": "Der Himmel über Berlin (1987)",
    "Sjunde inseglet, Det (1957)": "Det Sjunde inseglet (1957)",
    "Aanslag, De (1986)": "De Aanslag (1986)",
    "City of Lost Children, The (Cité des enfants perdus, La) (1995)": (
        "The City of Lost Children (Cité des enfants perdus, La) (1995)"
    ),
    "Good, the Bad and the Ugly, The (Buono, il brutto, il cattivo, Il) (1966)": (
        "The Good, the Bad and the Ugly (Buono, il brutto, il cattivo, Il) (1966)"
    ),
    "Me, Myself & Irene (2000)": "Me, Myself & Irene (2000)",
    "(500) Days of Summer, The (2009)": "(500) Days of Summer, The (2009)",
    "No year, The": "The No year",
    "Twice, The, The (2001)": "The Twice, The (2001)",
    "Lower, the (1990)": "Lower, the (1990)",
    "Spaces , The  (1990)": "Spaces , The  (1990)",
    "Lines\n, The (1990)": "The Lines\n (1990)",
    "Trailing, The (1990)\n": "Trailing, The (1990)\n",
    "Theatre, Them (1990)": "Theatre, Them (1990)",
    ", The (1990)": "The  (1990)",
    "七人の侍 (1954)": "七人の侍 (1954)",
    "The": "The",
    "": "",
}


def test_sql_and_pages_say_a_title_alike(conn: Connection) -> None:
    query = "SELECT t.title, display_title(t.title) AS said FROM unnest(%s::text[]) AS t (title)"
    by_sql = dict(conn.execute(query, [list(TITLES)]))
    by_page = {title: display_title(title) for title in TITLES}
    assert by_sql == by_page == TITLES


def test_a_page_sets_the_year_apart() -> None:
    assert name_and_year("Sixth Sense, The (1999)") == ("The Sixth Sense", "1999")
    assert name_and_year("Avventura, L' (1960) ") == ("Avventura, L'", "1960")
    assert name_and_year("2001: A Space Odyssey") == ("2001: A Space Odyssey", "")
    assert name_and_year("Years (1990–1999)") == ("Years (1990–1999)", "")
