"""The command line shared by the training commands of the delta head."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.models.checkpoint import CheckpointError
from training.rl.drive_env.parallel import WorkerLostError
from training.rl.refinement import FINAL_FILE, RLRefinementTrainer, load_run_state, state_path
from training.rl.refinement_config import ALGORITHMS, RefinementConfig
from waypilot.config import ConfigError, config_from_mapping

_DEFAULTS = RefinementConfig(out_dir="out")
_SECTIONS = frozenset({"agent", "ppo", "grpo", "env", "drive"})
_JUDGED_DRIVES = 32
INTERRUPTED_EXIT_CODE = 130
_PROGRESS_EVERY_S = 30.0

DRIVE_SETTINGS: dict[str, dict[str, Any]] = {
    "agent": {"path": {}, "initial_std": 0.25},
    "ppo": {"num_envs": 16, "num_steps": 64, "minibatches": 4, "epochs": 4, "lr": 5e-4, "target_kl": 0.03},
    "grpo": {"groups": 2, "members": 8, "minibatches": 4, "epochs": 4, "lr": 5e-4, "target_kl": 0.03, "horizon": 64},
}
"""What differs from the defaults, which suit the toy environment, where drives are learned from."""


def train(command: str, description: str, fixed: dict[str, Any], argv: Sequence[str] | None) -> int:
    """Run a training command with ``fixed`` settings.

    Returns 0, 1 with a message when something is wrong, or 130 after Ctrl-C.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    config, resume = parse_arguments(command, description, fixed, argv)
    if resume is not state_path(config).exists():
        told = (
            "holds no run to go on with: leave out --resume" if resume else "holds a run: add --resume to go on with it"
        )
        logging.error("%s %s, or choose another --out-dir", config.out_dir, told)
        return 1
    try:
        summary = train_run(config, resume)
    except (CheckpointError, WorkerLostError, ValueError, OSError) as error:
        logging.error("%s", error)
        return 1
    except KeyboardInterrupt:
        kept = f"what the last evaluation saved in {config.out_dir} is kept: go on with --resume"
        logging.error("interrupted; %s", kept if state_path(config).exists() else "nothing had been saved, start anew")
        return INTERRUPTED_EXIT_CODE
    _report(summary)
    logging.info("wrote %s", Path(config.out_dir) / FINAL_FILE)
    return 0


def train_run(config: RefinementConfig, resume: bool) -> dict[str, Any]:
    """Train to the end, from the start or from where it was saved; return the summary. Ends the processes that drive.

    Raises CheckpointError for an unusable network or state, WorkerLostError, ValueError and OSError.
    """
    state = load_run_state(config) if resume else None  # says what is wrong before worlds are built for half a minute
    trainer = RLRefinementTrainer(config)
    try:
        if state is not None:
            trainer.resume(state)
        return run_with_progress(trainer)
    finally:
        trainer.task.close()


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
        parser.add_argument("--algorithm", choices=ALGORITHMS, default=_DEFAULTS.algorithm, help="how to learn")
    parser.add_argument(
        *("--env", "--world"), dest="world", choices=("toy", "drive"), default=_DEFAULTS.world, help="where to learn"
    )
    parser.add_argument("--episodes", type=int, default=_DEFAULTS.episodes, help="episodes to learn from")
    parser.add_argument(
        "--env-steps",
        type=int,
        default=_DEFAULTS.env_steps,
        help="environment steps to learn from, instead of episodes",
    )
    parser.add_argument("--seed", type=int, default=_DEFAULTS.seed, help="everything random follows from it")
    parser.add_argument(
        "--eval-every", type=int, default=_DEFAULTS.eval_every, help="episodes or environment steps; 0: a tenth"
    )
    parser.add_argument(
        "--eval-episodes", type=int, help=f"to judge on (default: {_DEFAULTS.eval_episodes}, drives {_JUDGED_DRIVES})"
    )
    parser.add_argument("--config", type=Path, help="YAML file with settings of agent, ppo, grpo, env, drive")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out-dir from its last evaluation")
    values = vars(parser.parse_args(argv))
    resume, file = values.pop("resume"), values.pop("config")
    drives = values["world"] == "drive"
    if values["eval_episodes"] is None:
        values["eval_episodes"] = _JUDGED_DRIVES if drives else _DEFAULTS.eval_episodes
    try:
        given = read_settings(file)
        settings = with_defaults(given) if drives else given
        return config_from_mapping(RefinementConfig, {**settings, **values, **fixed}), resume
    except (ConfigError, OSError, yaml.YAMLError) as error:
        parser.error(str(error))


def with_defaults(given: dict[str, Any]) -> dict[str, Any]:
    """Lay the sections of a file over ``DRIVE_SETTINGS``; a file's own ``path: null`` and the like stand."""
    names = {*DRIVE_SETTINGS, *given}
    return {name: {**DRIVE_SETTINGS.get(name, {}), **(given.get(name) or {})} for name in names}


def read_settings(path: Path | None) -> dict[str, Any]:
    """Read the sections of a YAML file of settings. Raises ConfigError, OSError and yaml.YAMLError."""
    if path is None:
        return {}
    values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(values, dict) or (unknown := sorted(set(values) - _SECTIONS)):
        found = unknown if isinstance(values, dict) else values
        raise ConfigError(f"{path}: has {found!r}, expected the sections {', '.join(sorted(_SECTIONS))} only")
    return values


def run_with_progress(trainer: RLRefinementTrainer) -> dict[str, Any]:
    """Train to the end with a progress bar, or lines where the output is no terminal; return the summary."""
    columns = (
        TextColumn("training return {task.fields[value]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(trainer.config.unit, total=trainer.config.budget, completed=trainer.done, value="-")
        begun_s, first, next_s = time.monotonic(), trainer.done, _PROGRESS_EVERY_S

        def show(done: int, log: dict[str, float]) -> None:
            nonlocal next_s
            value = f"{log['train/return']:.2f}" if "train/return" in log else "-"
            progress.update(task, completed=min(done, trainer.config.budget), value=value)
            spent_s = time.monotonic() - begun_s
            if not progress.console.is_terminal and spent_s >= next_s:  # a log file shows no bar
                next_s = spent_s + _PROGRESS_EVERY_S
                left_s = spent_s / max(done - first, 1) * max(trainer.config.budget - done, 0)
                logging.info(
                    "%d of %d %s, training return %s, %.0f per s, %.0f min left",
                    *(done, trainer.config.budget, trainer.config.unit, value),
                    *((done - first) / spent_s, left_s / 60.0),
                )

        return trainer.run(show)


def _report(summary: dict[str, Any]) -> None:
    for name, gain in summary["gain"].items():
        interval = "" if gain["low"] is None else f" (95 % [{gain['low']:+.3f}, {gain['high']:+.3f}])"
        logging.info(
            "%-18s %8.3f -> %8.3f, %+.3f%s: %s",
            *(name, gain["before"], gain["after"], gain["difference"], interval, gain["verdict"]),
        )
