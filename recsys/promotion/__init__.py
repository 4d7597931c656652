"""Who is champion, by which exam, and the ledger that remembers it."""
