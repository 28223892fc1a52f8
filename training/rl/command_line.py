"""The command line shared by the training commands of the delta head."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.models.checkpoint import CheckpointError
from training.rl.refinement import RLRefinementTrainer
from training.rl.refinement_config import RefinementConfig
from waypilot.config import ConfigError, config_from_mapping

_DEFAULTS = RefinementConfig(out_dir="out")


def train(command: str, description: str, fixed: dict[str, Any], argv: Sequence[str] | None) -> int:
    """Run a training command with ``fixed`` settings; returns 0, or 1 with a message when something cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    config, resume = parse_arguments(command, description, fixed, argv)
    try:
        trainer = RLRefinementTrainer(config)
        if resume:
            trainer.resume()
        summary = _run_with_progress(trainer)
    except (CheckpointError, ValueError, OSError) as error:
        logging.error("%s", error)
        return 1
    _report(summary)
    logging.info("wrote %s", trainer.out_dir / "final.pt")
    return 0


def parse_arguments(
    command: str, description: str, fixed: dict[str, Any], argv: Sequence[str] | None
) -> tuple[RefinementConfig, bool]:
    """Read the command line: the configuration, and whether to resume."""
    parser = argparse.ArgumentParser(
        prog=f"python -m training.rl.{command}",
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out-dir", required=True, help="where the artifacts go")
    parser.add_argument("--sft-model", default="", help="SFT checkpoint to refine; empty: an analytic stand-in")
    if "algorithm" not in fixed:
        parser.add_argument("--algorithm", choices=("ppo", "grpo"), default=_DEFAULTS.algorithm, help="how to learn")
    parser.add_argument("--episodes", type=int, default=_DEFAULTS.episodes, help="toy episodes to learn from")
    parser.add_argument("--seed", type=int, default=_DEFAULTS.seed, help="everything random follows from it")
    parser.add_argument("--eval-every", type=int, default=_DEFAULTS.eval_every, help="episodes; 0: a tenth of the run")
    parser.add_argument("--eval-episodes", type=int, default=_DEFAULTS.eval_episodes, help="episodes to judge on")
    parser.add_argument("--config", type=Path, help="YAML file with settings of agent, ppo, grpo, env")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out-dir")
    values = vars(parser.parse_args(argv))
    resume, file = values.pop("resume"), values.pop("config")
    try:
        return config_from_mapping(RefinementConfig, {**_read_yaml(file), **values, **fixed}), resume
    except (ConfigError, OSError, yaml.YAMLError) as error:
        parser.error(str(error))


def _read_yaml(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(values, dict) or (unknown := sorted(set(values) - {"agent", "ppo", "grpo", "env"})):
        found = unknown if isinstance(values, dict) else values
        raise ConfigError(f"{path}: has {found!r}, expected the sections agent, ppo, grpo, env only")
    return values


def _run_with_progress(trainer: RLRefinementTrainer) -> dict[str, Any]:
    columns = (
        TextColumn("return {task.fields[value]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(
            "episodes", total=trainer.config.episodes, completed=trainer.learner.episodes, value="-"
        )

        def show(episodes: int, log: dict[str, float]) -> None:
            value = f"{log['train/return']:.2f}" if "train/return" in log else "-"
            progress.update(task, completed=min(episodes, trainer.config.episodes), value=value)

        return trainer.run(show)


def _report(summary: dict[str, Any]) -> None:
    for name, gain in summary["gain"].items():
        interval = "" if gain["low"] is None else f" (95 % [{gain['low']:+.3f}, {gain['high']:+.3f}])"
        logging.info(
            "%-18s %8.3f -> %8.3f, %+.3f%s: %s",
            *(name, gain["before"], gain["after"], gain["difference"], interval, gain["verdict"]),
        )
