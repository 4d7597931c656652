"""The staging tables of MovieLens and IMDb. A source that has ratings or movies of its own fills
the same ones.
"""

from recsys.ingest.ratings import RatingsTable, UnreadRatingsTable
from recsys.ingest.staging import StagingTable

MOVIES = StagingTable(
    "movies",
    ("reject_movies",),
    {"movies": "merge_movies"},
    has_movies=True,
    is_of_catalogue=True,
)
LINKS = StagingTable("links", ("reject_links",), {"links": "merge_links"}, has_movies=True)
USERS = StagingTable("users", ("reject_users",), {"users": "merge_users"})
UNREAD_RATINGS = UnreadRatingsTable(
    "unread_ratings", ("reject_ratings_of_issued_users", "reject_unread_ratings")
)
RATINGS = RatingsTable("ratings", ("reject_ratings_of_unknown_movies",))
TAGS = StagingTable("tags", ("reject_tags", "reject_repeated_tags"), {"tags": "merge_tags"})

IMDB_TITLES = StagingTable(
    "imdb_titles",
    ("reject_imdb_titles",),
    {"titles": "merge_imdb_titles", "movie_persons": "merge_movie_persons"},
    is_of_catalogue=True,
)
IMDB_RATINGS = StagingTable("imdb_ratings", ("reject_imdb_ratings",))
IMDB_CREW = StagingTable("imdb_crew", ("reject_imdb_crew",))
IMDB_PRINCIPALS = StagingTable("imdb_principals", ("reject_imdb_principals",))
IMDB_PERSONS = StagingTable(
    "imdb_persons",
    ("reject_imdb_persons",),
    {"persons": "merge_imdb_persons"},
    is_of_catalogue=True,
)
