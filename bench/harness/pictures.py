"""Pictures as PNG files, without a display."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.figure import Figure

__all__ = ["pyplot", "save"]


def save(figure: Figure, path: Path) -> Path:
    """Write the figure, close it and return the path."""
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
    return path
