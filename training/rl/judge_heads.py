"""Drive a frozen network and delta heads over it through the same drives in the test towns, and compare drive by drive.

    python -m training.rl.judge_heads --sft-model checkpoints/sft_traffic_base_v1.pt \
        --ppo out/rl/ppo_*/final.pt --grpo out/rl/grpo_*/final.pt --drives 128 --output out/rl/judged.json

The drives are those of the training's environment, in towns where nothing is trained and no checkpoint is selected:
many short ones, each with its own route, where the suites have few scenarios; another ``--seed`` draws others. A drive
ends with its first infraction. The value of an algorithm in a drive is the mean over its heads; intervals are over
drives (paired, 95 % bootstrap). Where heads of both are given, they are compared with each other as well, and with a
``--control`` (``training.rl.constant_head``).
Without ``--config`` drives go as they did where the heads were trained. ``--output`` is written after every head, and a
head that stands in it is not driven again.
Exit codes: 0 compared, 2 a file or the command line cannot be used.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from training.models.checkpoint import KIND_DELTA, KIND_SFT, CheckpointError, load_checkpoint, load_delta_head
from training.rl.command_line import read_settings
from training.rl.comparison import compare_values
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.evaluation import (
    HIGHER_IS_BETTER,
    Batch,
    drive_batch,
    evaluated,
    head_deltas,
    judging_config,
    no_deltas,
    selection_batches,
)
from training.rl.refinement_config import ALGORITHMS
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from training.seed_table import SeedRow, seed_table
from waypilot.config import config_from_mapping, config_to_dict
from waypilot.files import write_json_atomic
from waypilot.report.run_info import CheckpointInfo, differing_fields

TEST_TOWNS = ("Lite01", "Lite04", "Lite06")
"""Towns of the suites. The drives are not those of the suites. (The ring road Lite05 has no room for such drives.)"""
TEST_SEED = 0x7E57
EXIT_UNUSABLE = 2
SCHEMA = "waypilot.judged_heads/3"
#: Columns of text, also where the output is a file.
TABLE_WIDTH = 160
Values = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class JudgedDrives:
    """``number`` drives that are drawn with ``seed`` in ``towns`` and go as ``config`` says."""

    config: DriveEnvConfig
    number: int
    towns: tuple[str, ...] = TEST_TOWNS
    seed: int = TEST_SEED


class Judge:
    """Drives policies through the same drives; keeps what was driven in a file.

    Raises ValueError when the file holds drives of other settings, CheckpointError for an unusable checkpoint.
    """

    def __init__(self, sft_model: str, drives: JudgedDrives, pool: Executor, kept: Path) -> None:
        self._sft_model, self._drives, self._pool, self._kept = sft_model, drives, pool, kept
        self._batches = selection_batches(drives.number, drives.seed)
        # Files' digests, here and for heads: that of the tensors alone does not tell bounds and sizes apart.
        base_sha256 = CheckpointInfo.of_file(Path(sft_model)).sha256
        settings = {"schema": SCHEMA, "base_sha256": base_sha256, "drives": drives.number, "seed": drives.seed}
        drive = config_to_dict(judging_config(drives.config))
        settings |= json.loads(json.dumps({"towns": drives.towns, "drive": drive}))
        self._document: dict[str, Any] = {**settings, "judged": {}, "deltas": {}}
        if kept.is_file():
            found = json.loads(kept.read_text(encoding="utf-8"))
            there = {name: found.get(name) for name in settings}
            if changes := [f"{where} ({was!r})" for where, was, _ in differing_fields(there, settings, "")]:
                raise ValueError(
                    f"{kept} holds drives of other settings, {', '.join(changes)}: remove it or choose another place"
                )
            self._document |= {name: found[name] for name in ("judged", "deltas")}

    def values(self, delta: str) -> Values:
        """Return every metric of every drive with a head; an empty path stands for the network alone."""
        return self._document["judged"][self._judged(delta)]  # type: ignore[no-any-return]

    def delta_use(self, delta: str) -> Mapping[str, float]:
        """Return how often and how far a head moves the plans (``delta_use``)."""
        return self._document["deltas"][self._judged(delta)]  # type: ignore[no-any-return]

    def _judged(self, delta: str) -> str:
        """Drive with a head unless that was done; return the name of what was driven."""
        name = CheckpointInfo.of_file(Path(delta)).sha256 if delta else "base"
        if name not in self._document["judged"]:
            found = evaluated(self._drive(delta))
            values = found.per_episode()
            self._document["judged"][name] = {metric: each.tolist() for metric, each in values.items()}
            self._document["deltas"][name] = found.delta
            write_json_atomic(self._kept, self._document)
        return name

    def _drive(self, delta: str) -> list[Batch]:
        work = [(self._sft_model, delta, self._drives, seeds) for seeds in self._batches]
        driven = self._pool.map(_drive_batch, *zip(*work, strict=True))
        title = "/".join(Path(delta).parts[-2:]) if delta else "base"
        return list(track(driven, title, len(work), console=Console(stderr=True), transient=True))


def compared(base: Values, heads: Sequence[Values]) -> dict[str, dict[str, Any]]:
    """Compare the mean over ``heads`` with the base, drive by drive, by metric."""
    found = {}
    for name, higher in HIGHER_IS_BETTER.items():
        each = np.array([values[name] for values in heads], dtype=np.float64)
        entry = compare_values(name, np.array(base[name], dtype=np.float64), each.mean(axis=0), higher)
        found[name] = entry | {"heads": each.mean(axis=1).tolist()}
    return found


def mean_over(heads: Sequence[Values]) -> Values:
    """Average every drive over heads."""
    return {name: np.mean([values[name] for values in heads], axis=0).tolist() for name in HIGHER_IS_BETTER}


def _drive_batch(sft_model: str, delta: str, drives: JudgedDrives, seeds: NDArray[np.uint64]) -> Batch:
    policy = _policy(sft_model, delta)
    deltas = no_deltas if policy.delta_head is None else head_deltas(policy.delta_head, drives.config)
    return drive_batch(policy, drives.config, deltas, seeds, drives.towns)


@lru_cache(maxsize=2)
def _policy(sft_model: str, delta: str) -> WaypointPolicyTorch:
    return WaypointPolicyTorch(WaypointPolicyConfig(sft_model, delta))


def _trained_with(heads: Sequence[str]) -> DriveEnvConfig:
    """Return the settings of drives that all heads were trained with, as far as they decide about judged drives."""
    if not heads:
        raise ValueError("no head tells settings of drives: give --config")
    configs = []
    for head in heads:
        trained = load_checkpoint(Path(head), KIND_DELTA).training.get("config", {})
        if trained.get("world") != "drive":
            raise ValueError(f"{head}: was not trained on drives, give --config")
        configs.append(judging_config(config_from_mapping(DriveEnvConfig, trained["drive"])))
    first = config_to_dict(configs[0])
    for head, config in zip(heads, configs, strict=True):
        if changes := [where for where, *_ in differing_fields(first, config_to_dict(config), "drive")]:
            raise ValueError(f"{head}: was trained with another {', '.join(changes)} than {heads[0]}, give --config")
    return configs[0]


def _rows(found: Mapping[str, Mapping[str, Any]]) -> Iterator[SeedRow]:
    columns = ("before", "after", "difference", "low", "high", "heads", "verdict")
    return (SeedRow(name, *(entry[column] for column in columns)) for name, entry in found.items())


def _moves(uses: Sequence[Mapping[str, float]]) -> str:
    share, mean_m, last_m = (fmean(use[name] for use in uses) for name in ("moved_share", "mean_m", "last_waypoint_m"))
    return f"plans moved: {share:.1%}, by {mean_m:.2f} m on average, {last_m:.2f} m at the last waypoint"


def main(arguments: Sequence[str] | None = None) -> int:
    """Drive what is missing, compare and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rl.judge_heads",
        description="Compare delta heads with their frozen network, drive by drive, in the test towns.",
    )
    parser.add_argument("--sft-model", required=True, metavar="PT", help="the frozen network")
    parser.add_argument(
        "--config", type=Path, help="YAML file whose section drive is used (default: the heads' own settings)"
    )
    for name in ALGORITHMS:
        parser.add_argument(f"--{name}", nargs="+", default=[], metavar="PT", help=f"heads of {name}, one per seed")
    parser.add_argument("--control", nargs="+", default=[], metavar="PT", help="heads that learned nothing")
    parser.add_argument("--drives", type=int, default=128, help="how many drives (default: 128)")
    parser.add_argument(
        "--seed",
        type=int,
        default=TEST_SEED,
        help=f"which drives are drawn (default: {TEST_SEED})",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes that drive (default: 2)")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="JSON", help="where every drive's values are kept"
    )
    options = parser.parse_args(arguments)
    for name, least in (("drives", 1), ("jobs", 1), ("seed", 0)):
        if getattr(options, name) < least:
            parser.error(f"--{name} is {getattr(options, name)}, expected {least} or more")
    groups = {f"control {head}": [head] for head in options.control}
    groups |= {name: getattr(options, name) for name in ALGORITHMS if getattr(options, name)}
    if not groups:
        parser.error("there is no head to judge: give --ppo PT ... or --grpo PT ...")
    try:
        config = _drives(options, list(itertools.chain.from_iterable(groups.values())))
        with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
            judge = Judge(
                options.sft_model, JudgedDrives(config, options.drives, seed=options.seed), pool, options.output
            )
            of_base = judge.values("")
            values = {name: [judge.values(head) for head in heads] for name, heads in groups.items()}
    except BrokenExecutor as error:
        sys.stderr.write(f"error: {error} (out of memory?); heads that were judged are kept, run again\n")
        return EXIT_UNUSABLE
    except (CheckpointError, ValueError, OSError, yaml.YAMLError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNUSABLE
    console = Console(width=max(Console().width, TABLE_WIDTH))
    for name, heads in values.items():
        title = f"{name}: {len(heads)} heads, {options.drives} drives"
        console.print(seed_table(title, "heads", _rows(compared(of_base, heads))))
        console.print(_moves([judge.delta_use(head) for head in groups[name]]), "\n")
    for before, after in itertools.combinations(values, 2):
        rows = _rows(compared(mean_over(values[before]), values[after]))
        console.print(seed_table(f"{after} beside {before}", after, rows, before), "\n")
    return 0


def _drives(options: argparse.Namespace, heads: Sequence[str]) -> DriveEnvConfig:
    """Return how drives go; all heads can be used in them, which is known before the first is driven for minutes."""
    base = load_checkpoint(Path(options.sft_model), KIND_SFT)
    found = [load_delta_head(Path(head), base) for head in heads]
    if options.config is None:
        config = _trained_with([*options.ppo, *options.grpo])
    else:
        config = config_from_mapping(DriveEnvConfig, read_settings(options.config).get("drive") or {})
    for head in found:
        head_deltas(head, config)
    return config


if __name__ == "__main__":
    sys.exit(main())
