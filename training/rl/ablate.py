"""Train delta heads with one setting changed at a time, and judge them on the same drives.

    python -m training.rl.ablate --sft-model checkpoints/sft_traffic_base_v1.pt --out-dir out/ablations_v1 \
        --plan training/rl/settings/ablations_v1.yaml

A plan names for each algorithm its settings, and variants with what each changes. Every variant, and a control that
changes nothing, is trained with the same seed in a folder of its own. Run again after an interruption, a run resumes
and nothing is done twice. All heads are judged on drives in the selection towns, other ones than those of the training,
with the reward that stands in the first settings, so that returns mean the same; the towns of the suites stay unseen.
``--only`` trains some runs and judges nothing: so several processes can share the work.
Exit codes: 0 done, 2 a file or the command line cannot be used.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from training.models.checkpoint import CheckpointError
from training.rl.command_line import read_settings, train_run, with_defaults
from training.rl.comparison import compare_values
from training.rl.drive_env.config import SELECTION_TOWNS
from training.rl.drive_env.evaluation import HIGHER_IS_BETTER
from training.rl.drive_env.parallel import WorkerLostError
from training.rl.judge_heads import EXIT_UNUSABLE, Judge, JudgedDrives, Values
from training.rl.refinement import FINAL_FILE, state_path
from training.rl.refinement_config import RefinementConfig, differing_settings
from waypilot.config import config_from_mapping

SHOWN = ("return", "infraction", "collision", "off_road", "red_light", "stood", "signs_ignored", "deviation_m")
CONTROL = "unchanged"
JUDGED_SEED = 0xAB1A
#: Of a run as it learns: each saves its state, and takes as long as 2,000 steps with 32 drives.
EVALUATIONS = 2
#: Columns of text, also where the output is a file.
TABLE_WIDTH = 200


@dataclass(frozen=True, slots=True)
class AblationGroup:
    """An algorithm's settings file, and by name what a variant changes in it."""

    settings: str
    variants: dict[str, dict[str, object]]

    def __post_init__(self) -> None:
        if unchanged := sorted(name for name, change in self.variants.items() if not change):
            raise ValueError(f"{', '.join(unchanged)} changes nothing, give sections with settings")


@dataclass(frozen=True, slots=True)
class AblationPlan:
    """What to change for each algorithm."""

    ppo: AblationGroup | None = None
    grpo: AblationGroup | None = None

    def __post_init__(self) -> None:
        if not self.groups:
            raise ValueError("there is nothing to train, give a section ppo or grpo")

    @property
    def groups(self) -> dict[str, AblationGroup]:
        """The groups that are there, by algorithm."""
        both = {"ppo": self.ppo, "grpo": self.grpo}
        return {name: group for name, group in both.items() if group is not None}


def changed(settings: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a change over settings, however deep it goes."""
    found = dict(settings)
    for name, value in change.items():
        below = found.get(name)
        found[name] = changed(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found


def runs(plan: AblationPlan, out_dir: Path, values: Mapping[str, Any]) -> dict[str, dict[str, RefinementConfig]]:
    """Return the runs of each algorithm by name, its control first; all are configured before any is trained.

    ``values`` are further fields of ``RefinementConfig``. Raises ConfigError, OSError and yaml.YAMLError.
    """
    found: dict[str, dict[str, RefinementConfig]] = {}
    for algorithm, group in plan.groups.items():
        settings = read_settings(Path(group.settings))
        fixed = {**values, "world": "drive", "algorithm": algorithm}
        found[algorithm] = {}
        for name, change in {CONTROL: {}, **group.variants}.items():
            title = f"{algorithm}_{name}"
            given = {**with_defaults(changed(settings, change)), **fixed, "out_dir": str(out_dir / title)}
            found[algorithm][title] = config_from_mapping(RefinementConfig, given, title)
    return found


def train(config: RefinementConfig) -> None:
    """Train a run to its end, or on from where it was stopped; nothing if it has ended.

    Raises ValueError (a CheckpointError where it was stopped) when the folder holds a run with other settings.
    """
    if _is_trained(config):
        return
    train_run(config, resume=state_path(config).is_file())


def _is_trained(config: RefinementConfig) -> bool:
    folder = Path(config.out_dir)
    if not (folder / FINAL_FILE).is_file():
        return False
    if changes := differing_settings(json.loads((folder / "config.json").read_text(encoding="utf-8")), config):
        raise ValueError(
            f"{folder} holds a run with other settings, {', '.join(changes)}: remove it or give another --out-dir"
        )
    return json.loads((folder / "train_metrics.json").read_text(encoding="utf-8")).get("finished") is True


def table(judge: Judge, algorithms: Mapping[str, Mapping[str, RefinementConfig]]) -> Table:
    """Lay out the means of base, controls and variants; marks what differs from the control."""
    title = (
        "* the 95 % interval of the paired difference from the unchanged run excludes zero, and six drives differ; "
        "one training seed, not corrected for many comparisons"
    )
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False)
    shown.add_column("run", no_wrap=True)
    for metric in SHOWN:
        shown.add_column(metric, justify="right")
    shown.add_row("base", *(f"{np.mean(judge.values('')[metric]):.3g}" for metric in SHOWN))
    for found in algorithms.values():
        values = [judge.values(str(Path(run.out_dir) / FINAL_FILE)) for run in found.values()]
        for name, each in zip(found, values, strict=True):
            shown.add_row(name, *(_cell(metric, values[0], each) for metric in SHOWN))
    return shown


def _cell(metric: str, control: Values, values: Values) -> str:
    before, after = (np.array(each[metric], dtype=np.float64) for each in (control, values))
    verdict = compare_values(metric, before, after, HIGHER_IS_BETTER[metric])["verdict"]
    return f"{after.mean():.3g}{'' if verdict == 'undecided' else '*'}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.rl.ablate",
        description="Train delta heads with one setting changed at a time, and judge them in the selection towns.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--plan", type=Path, required=True, metavar="YAML", help="what is changed in which settings")
    parser.add_argument("--sft-model", required=True, metavar="PT", help="the frozen network")
    parser.add_argument("--out-dir", type=Path, required=True, help="where the runs and judged.json go")
    parser.add_argument("--env-steps", type=int, default=30_000, help="environment steps of a run")
    parser.add_argument("--seed", type=int, default=0, help="of every run")
    parser.add_argument("--eval-episodes", type=int, default=16, help="selection drives to judge a run on as it learns")
    parser.add_argument("--drives", type=int, default=128, help="drives to judge every head on")
    parser.add_argument("--jobs", type=int, default=2, help="processes that judge")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="train these and judge nothing")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, judge and print; returns the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    parser = _parser()
    options = parser.parse_args(arguments)
    for name in ("env_steps", "eval_episodes", "drives", "jobs"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(options, name)}, expected 1 or more")
    try:
        plan = config_from_mapping(AblationPlan, yaml.safe_load(options.plan.read_text(encoding="utf-8")) or {})
        values = {name: getattr(options, name) for name in ("sft_model", "env_steps", "seed", "eval_episodes")}
        values["eval_every"] = max(1, options.env_steps // EVALUATIONS)
        algorithms = runs(plan, options.out_dir, values)
        every = {name: run for found in algorithms.values() for name, run in found.items()}
        if unknown := sorted(set(options.only) - set(every)):
            parser.error(f"--only {' '.join(unknown)}: the plan has {', '.join(every)}")
        for name in options.only or every:
            logging.info("run %s", name)
            train(every[name])
        if options.only:
            return 0
        with ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn")) as pool:
            control = next(iter(every.values()))
            drives = JudgedDrives(control.drive, options.drives, SELECTION_TOWNS, JUDGED_SEED)
            shown = table(Judge(options.sft_model, drives, pool, options.out_dir / "judged.json"), algorithms)
    except (WorkerLostError, BrokenExecutor) as error:
        sys.stderr.write(f"error: {error}; what is done is kept, run again\n")
        return EXIT_UNUSABLE
    except (CheckpointError, ValueError, OSError, yaml.YAMLError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNUSABLE
    Console(width=max(Console().width, TABLE_WIDTH)).print(shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
