"""Draw what refinement runs in drives learned: learning curves, and where the delta head acts.

    python -m training.rl.show_refinement --ppo out/rl/ppo_*/ --grpo out/rl/grpo_*/ --curves curves.svg
    python -m training.rl.show_refinement --act out/rl/ppo_0 --drives 32 --acting acting.svg

Curves show every seed thinly and their mean boldly, judged without exploration on the selection drives. The second
picture drives these with a run's head and shows by how much it changes the plan's speed near other road users, red
lights and stop signs. Exit code 2: a run cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from numpy.typing import NDArray

from training.curves import as_svg, draw_seeds, draw_without_screen
from training.models.checkpoint import CheckpointError
from training.rl.drive_env.acting import Looks, watch
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.refinement import FINAL_FILE
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.config import ConfigError, config_from_mapping
from waypilot.files import write_bytes_atomic

CURVES = {
    "return": "return",
    "infraction": "drives that end with an infraction",
    "collision": "drives that end with a collision",
    "stood": "drives that end standing",
    "signs_ignored": "stop signs ignored per drive",
    "speed_mps": "mean speed, m/s",
}
EXIT_UNUSABLE = 2
_COLOURS = {"ppo": "tab:blue", "grpo": "tab:orange"}
_BIN_EDGES_M = np.array([0.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0])
_MIN_LOOKS = 10


def draw_curves(runs: Mapping[str, Sequence[Mapping[str, Any]]]) -> bytes:
    """Draw the metrics that all runs have, by algorithm over environment steps, as SVG; equal runs give equal bytes."""
    figure, axes = _sheet(2, 3, (12.0, 6.0))
    of_all = [run["sft_only"] for done in runs.values() for run in done]
    shown = {name: title for name, title in CURVES.items() if all(name in base for base in of_all)}
    for axis, (name, title) in zip(axes.flat, shown.items(), strict=False):
        for algorithm, done in runs.items():
            curves = [
                ([e["env_steps"] for e in run["evaluations"]], [e[name] for e in run["evaluations"]]) for run in done
            ]
            draw_seeds(axis, curves, _COLOURS[algorithm], algorithm.upper())
        axis.axhline(of_all[0][name], color="0.4", linestyle="--", linewidth=1.0, label="SFT only")
        axis.set(title=title, xlabel="environment steps")
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(shown) :]:
        axis.set_visible(False)
    axes.flat[0].legend()
    return as_svg(figure)


def draw_acting(looks: Looks) -> bytes:
    """Draw the head's change of speed by situation as SVG."""
    figure, axes = _sheet(1, 4, (15.0, 3.6))
    moving = looks.speed_mps >= 1.0
    nothing = np.isinf(looks.gap_m) & np.isinf(looks.red_light_m) & np.isinf(looks.stop_sign_m)
    situations = (
        ("next on the route", looks.gap_m),
        ("red light", looks.red_light_m),
        ("stop sign", looks.stop_sign_m),
    )
    for axis, (title, distance_m) in zip(axes.flat[:3], situations, strict=True):
        _draw_by_distance(axis, distance_m, looks.change_mps, moving, nothing)
        axis.set(title=f"{title}: distance, m", ylabel="change of speed, m/s")
    axes.flat[0].legend(fontsize="small")
    groups = {
        "moving,\nnothing near": looks.change_mps[moving & nothing],
        "standing,\nnothing near": looks.change_mps[~moving & nothing],
        "standing,\nsomething near": looks.change_mps[~moving & ~nothing],
    }
    shown = {name: values for name, values in groups.items() if len(values) >= _MIN_LOOKS}
    axes.flat[3].boxplot(list(shown.values()), tick_labels=list(shown), showfliers=False)
    axes.flat[3].set(title="otherwise", ylabel="change of speed, m/s")
    for axis in axes.flat:
        axis.axhline(0.0, color="0.4", linewidth=0.8)
        axis.grid(alpha=0.3)
    return as_svg(figure)


def _draw_by_distance(
    axis: Axes,
    distance_m: NDArray[np.float64],
    change_mps: NDArray[np.float64],
    moving: NDArray[np.bool_],
    nothing: NDArray[np.bool_],
) -> None:
    """Mean change with its quartiles by distance, of moving vehicles; dotted: with nothing near."""
    middle, mean, low, high = [], [], [], []
    for start, end in pairwise(_BIN_EDGES_M):
        values = change_mps[moving & (distance_m >= start) & (distance_m < end)]
        if len(values) >= _MIN_LOOKS:
            middle.append((start + end) / 2.0)
            mean.append(values.mean())
            low.append(np.quantile(values, 0.25))
            high.append(np.quantile(values, 0.75))
    if not middle:
        axis.text(0.5, 0.5, f"fewer than {_MIN_LOOKS} looks", ha="center", transform=axis.transAxes)
    axis.fill_between(middle, low, high, alpha=0.25, label="quartiles")
    axis.plot(middle, mean, marker="o", label="mean, moving")
    if (moving & nothing).any():
        axis.axhline(change_mps[moving & nothing].mean(), linestyle=":", label="mean, nothing near")


def _sheet(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    draw_without_screen("refinement")
    return pyplot.subplots(rows, columns, figsize=size, layout="constrained")


def _looks(run: Path, drives: int) -> Looks:
    config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    policy = WaypointPolicyTorch(WaypointPolicyConfig(config["sft_model"], str(run / FINAL_FILE)))
    return watch(policy, config_from_mapping(DriveEnvConfig, config["drive"]), drives)


def _write(path: Path, picture: bytes) -> None:
    write_bytes_atomic(path, picture)
    sys.stdout.write(f"wrote {path}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw what is asked for; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rl.show_refinement", description="Draw what refinement runs in drives learned."
    )
    for algorithm in _COLOURS:
        parser.add_argument(
            f"--{algorithm}", type=Path, nargs="+", default=[], metavar="RUN", help=f"folders of {algorithm} runs"
        )
    parser.add_argument("--curves", type=Path, metavar="SVG", help="where the learning curves go")
    parser.add_argument("--act", type=Path, metavar="RUN", help="run whose head is watched")
    parser.add_argument("--drives", type=int, default=32, help="selection drives to watch it in (default: 32)")
    parser.add_argument("--acting", type=Path, metavar="SVG", help="where the picture of its acting goes")
    options = parser.parse_args(arguments)
    if options.curves is not None and not (options.ppo or options.grpo):
        parser.error("--curves needs runs: --ppo RUN ... or --grpo RUN ...")
    if (options.act is None) != (options.acting is None):
        parser.error("--act and --acting belong together")
    if options.curves is None and options.acting is None:
        parser.error("there is nothing to draw: give --curves SVG or --acting SVG")
    try:
        if options.curves is not None:
            folders = {name: getattr(options, name) for name in _COLOURS if getattr(options, name)}
            runs = {
                name: [json.loads((run / "metrics.json").read_text(encoding="utf-8")) for run in found]
                for name, found in folders.items()
            }
            _write(options.curves, draw_curves(runs))
        if options.acting is not None:
            _write(options.acting, draw_acting(_looks(options.act, options.drives)))
    except OSError as error:
        sys.stderr.write(f"error: {error}; give the folders of runs (--out-dir of a training)\n")
        return EXIT_UNUSABLE
    except (KeyError, ValueError, CheckpointError, ConfigError) as error:
        sys.stderr.write(f"error: a run cannot be used: {error}\n")
        return EXIT_UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
