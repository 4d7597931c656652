"""Who is champion, by which exam, and the ledger that remembers it."""

__all__ = [
    "approval",
    "copies",
    "decision",
    "exams",
    "failed_fits",
    "gates",
    "ledger",
    "live",
    "mirror",
    "partitions",
    "proposals",
    "refits",
    "retire",
    "verdict",
    "week_contest",
]
