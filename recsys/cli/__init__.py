"""The commands that an operator on call types, a module for each group of them."""

from recsys.cli.program import main, parser

__all__ = ["main", "parser"]
