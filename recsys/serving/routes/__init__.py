"""The routes of the API, a module for each topic: each has a `router`."""

__all__ = [
    "feedback",
    "for_ratings",
    "health",
    "history",
    "ledger",
    "movies",
    "predictions",
    "recommendations",
    "users",
    "weeks",
]
