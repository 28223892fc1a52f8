"""Make a policy from nothing: collect, check, pre-train, clone, refine, select, evaluate.

    python -m training.pipeline [--smoke] [--config budgets.yaml] [--out-dir out/pipeline] [--seed 0]

Stages whose command, inputs and outputs are unchanged are skipped, so the same command continues an interrupted chain.
Leaves summary.json, logs/ and a folder per stage in --out-dir.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml
from rich.console import Console

from training.pipeline.config import SMOKE_BUDGET, PipelineConfig
from training.pipeline.runner import PipelineError, StageRun, StageRunner
from training.pipeline.stages import Stage, plan_stages
from training.pipeline.summary import result_table, stage_table, summarise
from waypilot.config import ConfigError, config_from_mapping
from waypilot.files import write_json_atomic


def parse_arguments(argv: Sequence[str] | None) -> PipelineConfig:
    """Read the command line; exits with code 2 when it cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m training.pipeline", description="Make, refine and evaluate a policy from nothing."
    )
    parser.add_argument("--config", type=Path, metavar="YAML", help="budgets, see training/pipeline/config.py")
    parser.add_argument("--smoke", action="store_true", help="tiny budgets: every stage works, the policy cannot drive")
    parser.add_argument("--out-dir", help=f"where everything goes (default: {PipelineConfig().out_dir})")
    parser.add_argument("--seed", type=int, help="everything random follows from it (default: 0)")
    options = parser.parse_args(argv)
    given = {name: value for name in ("out_dir", "seed") if (value := getattr(options, name)) is not None}
    try:
        values = {**(SMOKE_BUDGET if options.smoke else {}), **_read_yaml(options.config), **given}
        return config_from_mapping(PipelineConfig, values)
    except (ConfigError, OSError, yaml.YAMLError) as error:
        parser.error(str(error))


def run_chain(config: PipelineConfig, console: Console) -> list[StageRun]:
    """Run all stages, telling which one runs. Raises PipelineError when one fails."""
    out_dir = Path(config.out_dir)
    runner = StageRunner(out_dir / "state.json", out_dir / "logs", config.stage_timeout_s)
    stages = plan_stages(config)
    runs = []
    for number, stage in enumerate(stages, start=1):
        _say(console, f"[{number}/{len(stages)}] {stage.name}: {_shown(stage)}  (log: {runner.log_path(stage)})")
        with console.status(stage.name):
            run = runner.run(stage)
        _say(console, "    as before" if run.skipped else f"    done in {run.wall_s:.1f} s")
        runs.append(run)
    return runs


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chain; returns 0, or 1 with a message when a stage failed."""
    config, console = parse_arguments(argv), Console()
    try:
        runs = run_chain(config, console)
    except (PipelineError, OSError) as error:
        _say(console, f"error: {error}")
        return 1
    summary = summarise(config, runs)
    path = Path(config.out_dir, "summary.json")
    write_json_atomic(path, summary)
    console.print(stage_table(runs), result_table(summary))
    _say(console, f"wrote {path}")
    return 0


def _shown(stage: Stage) -> str:
    return shlex.join(("python", "-m", *stage.command))


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _read_yaml(path: Path | None) -> dict[str, object]:
    if path is None:
        return {}
    values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: has {values!r}, expected names and values of the budgets")
    return values


if __name__ == "__main__":
    # As an exception, a request to end reaches the stage that runs: subprocess.run kills it on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    sys.exit(main())
