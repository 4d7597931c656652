"""The routes of the API, a module for each topic: each has a `router`."""

__all__ = [
    "feedback",
    "health",
    "history",
    "ledger",
    "movies",
    "recommendations",
    "users",
]
