"""The read side: an API over what was published. Nothing else of the library imports it."""

__all__ = [
    "app",
    "database",
    "filters",
    "gate",
    "key_ledger",
    "keys",
    "openapi",
    "pages",
    "problems",
    "routes",
]
