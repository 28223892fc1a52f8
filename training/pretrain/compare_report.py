"""Table and figure of the comparison."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot
from numpy.typing import NDArray

from training.eval.open_loop import mean_interval
from training.pretrain.cells import PRETRAINED, SCRATCH, STARTS, Cell, CompareConfig

_METRICS = {"ade_m": "ADE", "fde_m": "FDE"}
_COLOURS = {SCRATCH: "#7f7f7f", PRETRAINED: "#1f77b4"}
_READING = """Mean error in metres of plans for held-out routes, over the whole horizon (ADE) and at its end (FDE),
averaged over seeds. A seed decides the weights, the order, and which drives are the labelled ones; both starts of a
seed share all of it, so their difference is paired. The interval is that of the mean difference (percentile bootstrap
over seeds and drives, 95 %). *Better* and *worse* mean that it excludes zero. Both starts get the same number of
supervised steps; the compute of the pre-training comes on top, and is spent once for all label fractions of a seed."""


@dataclass(frozen=True, slots=True)
class Grid:
    """All cells of a comparison with their results."""

    config: CompareConfig
    seeds: tuple[int, ...]
    label_fractions: tuple[float, ...]
    results: Mapping[Cell, Mapping[str, Any]]

    def values(self, start: str, fraction: float, metric: str) -> NDArray[np.float64]:
        """Give the means per drive (S, D) over the seeds."""
        return np.array([self.results[Cell(start, fraction, seed)][metric] for seed in self.seeds])

    @property
    def frames(self) -> NDArray[np.int64]:
        """Frames of each judged drive (D,)."""
        return np.array(next(iter(self.results.values()))["frames"])

    def mean(self, start: str, fraction: float, metric: str) -> NDArray[np.float64]:
        """Average over the judged frames, per seed (S,)."""
        return np.average(self.values(start, fraction, metric), axis=1, weights=self.frames)


def report(grid: Grid, command: str, figure: str) -> str:
    """Write the page: what was run, the table, the figure, how to read them."""
    lines = [
        "| labels | frames | metric | from scratch | pre-trained | difference (95 %) | |",
        "|---|---|---|---|---|---|---|",
        *(_row(grid, fraction, metric) for fraction in grid.label_fractions for metric in _METRICS),
    ]
    parts = ["# What pre-training brings", f"    {command}", _setting(grid), "\n".join(lines)]
    return "\n\n".join([*parts, f"![errors by seed]({figure})", _READING]) + "\n"


def _row(grid: Grid, fraction: float, metric: str) -> str:
    before, after = (grid.mean(start, fraction, metric).mean() for start in STARTS)
    difference = grid.values(PRETRAINED, fraction, metric) - grid.values(SCRATCH, fraction, metric)
    mean, low, high = mean_interval(difference, grid.frames)
    verdict = "undecided" if low <= 0.0 <= high else "better" if high < 0.0 else "worse"
    samples = [grid.results[Cell(SCRATCH, fraction, seed)]["train_samples"] for seed in grid.seeds]
    return (
        f"| {fraction:.0%} | {np.mean(samples):.0f} | {_METRICS[metric]} | {before:.3f} | {after:.3f} | "
        f"{mean:+.3f} [{low:+.3f}, {high:+.3f}], {mean / before:+.0%} | {verdict} |"
    )


def _setting(grid: Grid) -> str:
    config = grid.config
    result = next(iter(grid.results.values()))
    return (
        f"{len(grid.seeds)} seeds ({', '.join(map(str, grid.seeds))}). Pre-training: {config.pretrain_steps} steps of "
        f"{config.batch_size} pairs of images of all training drives, without their waypoints. Behaviour cloning: "
        f"{config.sft_steps} steps of {config.batch_size}. Judged on {len(result['frames'])} drives with "
        f"{sum(result['frames'])} frames that no training saw. Episodes `{result['data_sha256'][:12]}`."
    )


def plot(grid: Grid) -> bytes:
    """Draw the errors of every seed by share of the labels as SVG, the same bytes for the same results."""
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "pretraining"
    figure, axes = pyplot.subplots(1, len(_METRICS), figsize=(8.0, 3.5), layout="constrained")
    places = np.arange(len(grid.label_fractions))
    for axis, (metric, label) in zip(axes, _METRICS.items(), strict=True):
        for start, shift in zip(STARTS, (-0.12, 0.12), strict=True):
            means = np.stack([grid.mean(start, fraction, metric) for fraction in grid.label_fractions])
            for seed in range(means.shape[1]):
                axis.plot(places + shift, means[:, seed], "o", color=_COLOURS[start], alpha=0.5, markersize=4)
            axis.plot(places + shift, means.mean(axis=1), "_", color=_COLOURS[start], markersize=22, label=start)
        axis.set_xticks(places, [f"{fraction:.0%}" for fraction in grid.label_fractions])
        axis.set(xlabel="labelled drives", ylabel=f"{label}, m", xlim=(-0.5, len(places) - 0.5))
        axis.set_ylim(0.0, 1.1 * axis.get_ylim()[1])
        axis.grid(alpha=0.3, axis="y")
    axes[0].legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return buffer.getvalue()
