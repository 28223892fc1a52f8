"""Open-loop errors of a network beside those of baselines and of itself without its cameras.

    python -m training.sft.train_waypoint_bc_torch_v0 --no-cameras --out-dir out/sft_ego_only
    python -m training.eval.baselines --checkpoint out/sft_waypoint_bc_torch_v0/model.pt \
        --ego-checkpoint out/sft_ego_only/model.pt --episodes-glob "out/episodes/**/*.json"

Judges on the drives that the checkpoint's training held out, or on all drives of --towns. Writes a table (--report)
and the numbers (--output).
"""

from __future__ import annotations

import argparse
import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.artifacts import write_json
from training.data.sample_table import load_drives, split_episodes
from training.eval.open_loop import (
    CameraUse,
    JudgedFrames,
    constant_turn_rate,
    drive_means,
    mean_interval,
    network_plans,
)
from training.models.checkpoint import Checkpoint, CheckpointError, load_waypoint_model
from training.models.waypoint_model import WaypointModel
from training.sft.displacement import constant_velocity, displacement_metrics
from waypilot.episodes import Episode, EpisodeError
from waypilot.files import write_text_atomic
from waypilot.report.results import CheckpointInfo
from waypilot.types import RouteCommand

_TURNS = (int(RouteCommand.LEFT), int(RouteCommand.RIGHT))
_COLUMNS = {
    "ade@1s_m": "ADE 1 s",
    "ade@3s_m": "ADE 3 s",
    "ade_m": "ADE, whole plan (95 %)",
    "fde_m": "FDE, whole plan",
    "turn_ade_m": "ADE before and in turns",
}
_READING = (
    "Metres in base_link. ADE at T: mean distance over all waypoints up to T; FDE: distance at the last waypoint; both "
    "averaged over frames (every frame weighs the same). The interval is that of the mean over drives (percentile "
    "bootstrap: frames of one drive resemble each other). *Ego state only*: same trainer and steps, no cameras. "
    "*Cameras invalid* and *shuffled*: the network of the last row, not trained anew, with its images masked, or "
    "replaced by those of another moment."
)


def split_settings(checkpoint: Checkpoint) -> tuple[float, tuple[str, ...]]:
    """Tell how the training of a checkpoint split the drives. Raises CheckpointError when it does not say."""
    config = checkpoint.training.get("config")
    if not isinstance(config, Mapping) or not {"val_fraction", "val_towns"} <= config.keys():
        raise CheckpointError("a checkpoint does not tell which drives its training held out; name --towns")
    return float(config["val_fraction"]), tuple(config["val_towns"])


def held_out(
    episodes: Sequence[tuple[Path, Episode]], checkpoints: Sequence[Checkpoint], towns: Sequence[str]
) -> list[tuple[Path, Episode]]:
    """Choose the drives to judge on: all of ``towns``, or those that no checkpoint was trained on.

    Raises EpisodeError when there are none, CheckpointError when the checkpoints held out other drives.
    """
    if towns:
        chosen = [item for item in episodes if item[1].town in towns]
    else:
        settings = {split_settings(checkpoint) for checkpoint in checkpoints}
        if len(settings) > 1:
            raise CheckpointError(f"the checkpoints held out different drives: {sorted(settings)}; train them alike")
        chosen = split_episodes(episodes, *settings.pop())[1]
    if not chosen:
        raise EpisodeError(f"none of {len(episodes)} episodes is held out; collect other routes or name other --towns")
    return chosen


def judge(plans_m: NDArray[np.floating], frames: JudgedFrames) -> dict[str, Any]:
    """Errors of plans (M, N, 2) in metres: at horizons, over the whole plan with its interval, and in turns."""
    table = frames.dataset.table
    distance_m = np.linalg.norm(plans_m.astype(np.float64) - table.waypoints_m, axis=-1)
    means, counts = drive_means(distance_m.mean(axis=1), frames.drive)
    mean, low, high = mean_interval(means[None], counts)
    turning = np.isin(table.command, _TURNS)
    return {
        **displacement_metrics(plans_m, table.waypoints_m, table.waypoint_dt_ns / 1e9),
        "ade_m": mean,
        "ade_low_m": low,
        "ade_high_m": high,
        "fde_m": float(distance_m[:, -1].mean()),
        "turn_ade_m": float(distance_m[turning].mean()) if turning.any() else None,
    }


def all_plans(
    frames: JudgedFrames, network: WaypointModel, ego_only: WaypointModel | None
) -> dict[str, NDArray[np.floating]]:
    """Plan for every frame by every rule and network; the network to be judged comes last."""
    table = frames.dataset.table
    count, dt_s = table.waypoints_m.shape[1], table.waypoint_dt_ns / 1e9
    plans: dict[str, NDArray[np.floating]] = {
        "constant velocity": constant_velocity(table.speed_mps, count, dt_s),
        "constant turn rate and velocity": constant_turn_rate(table.speed_mps, frames.yaw_rate_radps, count, dt_s),
    }
    if ego_only is not None:
        plans["ego state only"] = network_plans(ego_only, frames.dataset)
    plans["network, cameras invalid"] = network_plans(network, frames.dataset, CameraUse.INVALID)
    plans["network, cameras shuffled"] = network_plans(network, frames.dataset, CameraUse.SHUFFLED)
    plans["network"] = network_plans(network, frames.dataset)
    return plans


def report(results: Mapping[str, Mapping[str, Any]], setting: str, command: str) -> str:
    """Write the page: what was judged on, the table, how to read it."""
    lines = [f"| plan | {' | '.join(_COLUMNS.values())} |", "|---" * (len(_COLUMNS) + 1) + "|"]
    for name, result in results.items():
        lines.append(f"| {name} | {' | '.join(_cell(result, column) for column in _COLUMNS)} |")
    parts = ["# Open loop: the network, baselines and camera ablation", f"    {command}", setting, "\n".join(lines)]
    return "\n\n".join([*parts, _READING]) + "\n"


def _cell(result: Mapping[str, Any], column: str) -> str:
    value = result.get(column)
    if value is None:
        return "-"
    interval = f" [{result['ade_low_m']:.2f}, {result['ade_high_m']:.2f}]" if column == "ade_m" else ""
    return f"{value:.2f}{interval}"


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.eval.baselines",
        description="Compare a waypoint network with baselines and with itself without cameras, in open loop.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--checkpoint", type=Path, required=True, help="SFT checkpoint to judge")
    parser.add_argument("--ego-checkpoint", type=Path, help="SFT checkpoint trained with --no-cameras")
    parser.add_argument("--episodes-glob", default="out/episodes/**/*.json", help="pattern of the episode files")
    parser.add_argument("--towns", nargs="*", default=(), help="judge on all drives of these towns instead")
    parser.add_argument("--output", type=Path, default=Path("out/baselines/open_loop.json"), help="the numbers")
    parser.add_argument("--report", type=Path, default=Path("out/baselines/open_loop.md"), help="the page to write")
    parser.add_argument("--num-threads", type=int, default=1, help="torch threads")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare; returns 0, or 1 with a message when something cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parse_arguments(argv)
    torch.set_num_threads(options.num_threads)
    try:
        results, setting = _compare(options)
    except (CheckpointError, EpisodeError) as error:
        logging.error("%s", error)
        return 1
    command = "python -m training.eval.baselines " + shlex.join(sys.argv[1:] if argv is None else argv)
    write_json(options.output, results)
    page = report(results, setting, command)
    write_text_atomic(options.report, page)
    logging.info("%s\nwrote %s and %s", page, options.output, options.report)
    return 0


def _compare(options: argparse.Namespace) -> tuple[dict[str, dict[str, Any]], str]:
    network, checkpoint = load_waypoint_model(options.checkpoint)
    ego_only, checkpoints = None, [checkpoint]
    if options.ego_checkpoint is not None:
        ego_only, ego_checkpoint = load_waypoint_model(options.ego_checkpoint)
        checkpoints.append(ego_checkpoint)
        if ego_only.config.use_cameras:
            raise CheckpointError(f"{options.ego_checkpoint}: uses cameras; train the baseline with --no-cameras")
    drives = load_drives(options.episodes_glob)
    chosen = held_out(drives.episodes, checkpoints, options.towns)
    frames = JudgedFrames.of(chosen, network.config)
    plans = all_plans(frames, network, ego_only)
    towns = ", ".join(sorted({episode.town for _, episode in chosen}))
    whence = "in the towns asked for" if options.towns else "that no network was trained on"
    count, dt_s = network.config.num_waypoints, network.config.waypoint_dt_s
    setting = (
        f"{len(chosen)} drives with {len(frames.drive)} frames {whence} ({towns}); episodes "
        f"`{drives.sha256[:12]}`, network `{checkpoint.sha256[:12]}`, trained for {_steps(checkpoint)} steps. Plans of "
        f"{count} waypoints at {1.0 / dt_s:g} Hz, {count * dt_s:g} s."
    )
    results = {name: judge(plan, frames) for name, plan in plans.items()}
    results["network"]["checkpoint"] = asdict(CheckpointInfo.of_file(options.checkpoint))
    # What a comparison of two such files has to find equal.
    results["network"]["setting"] = {
        "episodes_sha256": drives.sha256,
        "drives": len(chosen),
        "frames": len(frames.drive),
        "towns": sorted({episode.town for _, episode in chosen}),
        "waypoints": count,
        "waypoint_dt_s": dt_s,
    }
    return results, setting


def _steps(checkpoint: Checkpoint) -> str:
    metrics = checkpoint.training.get("metrics")
    return str(metrics["step"]) if isinstance(metrics, Mapping) and "step" in metrics else "an unknown number of"


if __name__ == "__main__":
    sys.exit(main())
