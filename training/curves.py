"""Learning curves of several seeds, as SVG whose bytes depend on the numbers alone."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure


def draw_seeds(axis: Axes, curves: Sequence[tuple[Sequence[int], Sequence[float]]], colour: str, label: str) -> None:
    """Draw the (steps, values) of every seed thinly and their mean boldly, as far as the shortest one goes."""
    for steps, values in curves:
        axis.plot(steps, values, color=colour, alpha=0.25, linewidth=0.8)
    grid = np.linspace(0, min(steps[-1] for steps, _ in curves), 50)
    mean = np.mean([np.interp(grid, steps, values) for steps, values in curves], axis=0)
    axis.plot(grid, mean, color=colour, linewidth=2.0, label=label)


def draw_without_screen(salt: str) -> None:
    """Prepare matplotlib for files; ``salt`` makes the names within an SVG those of every run."""
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = salt


def as_svg(figure: Figure) -> bytes:
    """Write a figure as SVG without a date, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()
