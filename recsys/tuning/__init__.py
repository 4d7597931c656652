"""Searching a recipe's hyperparameters: Optuna proposes, the validation slice decides, and the
ledger remembers.
"""

__all__ = ["ledger", "search", "study", "trial"]
