"""Compare PPO and GRPO with the frozen plan alone on the toy environment, over several seeds.

    python -m training.rl.compare_toy --seeds 5 --episodes 2000

Writes docs/results/toy_rl.md with the table and toy_rl.svg with the learning curves beside it. Runs that are already
complete in --out-dir are not repeated. An interval is that of the mean over seeds of the paired difference from the
frozen plan (percentile bootstrap over the seeds, 95 %).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot

from training.curves import as_svg, draw_seeds, draw_without_screen
from training.models.checkpoint import CheckpointError
from training.rl.comparison import HIGHER_IS_BETTER, compare_values
from training.rl.refinement import RLRefinementTrainer, state_path
from training.rl.refinement_config import ALGORITHMS, RefinementConfig
from waypilot.files import write_bytes_atomic, write_text_atomic

LABELS = {
    "return": "return",
    "ade_m": "ADE of the drive, m",
    "fde_m": "FDE of the drive, m",
    "plan_ade_m": "ADE of the plans, m",
    "plan_fde_m": "FDE of the plans, m",
    "goal_reach_rate": "goal reach rate",
    "waypoint_hit_rate": "waypoint hit rate",
}
_COLOURS = {"ppo": "#1f77b4", "grpo": "#d62728"}


@dataclass(frozen=True, slots=True)
class Run:
    """One finished training: its ``metrics.json`` and ``train_metrics.json``."""

    metrics: Mapping[str, Any]
    summary: Mapping[str, Any]


def run_once(config: RefinementConfig) -> Run:
    """Train, or read what an equal run left behind. Raises CheckpointError for an unusable SFT checkpoint."""
    trainer = RLRefinementTrainer(config)
    if state_path(config).is_file():
        trainer.resume()
    if trainer.learner.episodes < config.episodes or not (trainer.out_dir / "train_metrics.json").is_file():
        trainer.run(lambda episodes, log: None)
    read = [json.loads((trainer.out_dir / name).read_text()) for name in ("metrics.json", "train_metrics.json")]
    return Run(*read)


def compare(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """Compare the end of the runs (one per seed) with the frozen plan, metric by metric."""
    compared = {}
    for name in HIGHER_IS_BETTER:
        before = np.array([run.summary["sft_only"][name] for run in runs])
        after = np.array([run.summary["refined"][name] for run in runs])
        compared[name] = compare_values(name, before, after)
    return compared


def report(runs: Mapping[str, Sequence[Run]], command: str, figure: str) -> str:
    """Write the page: what was run, the table, the figure, how to read them."""
    compared = {algorithm: compare(done) for algorithm, done in runs.items()}
    heads = " | ".join(f"{algorithm.upper()} | difference (95 %)" for algorithm in ALGORITHMS)
    rows = []
    for name, label in LABELS.items():
        cells = [label, f"{compared[ALGORITHMS[0]][name]['before']:.3f}"]
        for algorithm in ALGORITHMS:
            entry = compared[algorithm][name]
            cells += [f"{entry['after']:.3f}", f"{_interval(entry)} {entry['verdict']}"]
        rows.append(f"| {' | '.join(cells)} |")
    table = [f"| metric | SFT only | {heads} |", "|---|---" + "|---|---" * len(ALGORITHMS) + "|", *rows]
    title = "# PPO and GRPO against the frozen plan on the toy environment"
    parts = [title, f"    {command}", _setting(runs), "\n".join(table), f"![learning curves]({figure})", _READING]
    return "\n\n".join(parts) + "\n"


def _setting(runs: Mapping[str, Sequence[Run]]) -> str:
    first = runs[ALGORITHMS[0]][0]
    metrics, seeds = first.metrics, len(runs[ALGORITHMS[0]])
    steps = ", ".join(f"{algorithm.upper()} {_steps(runs[algorithm])}" for algorithm in ALGORITHMS)
    digest = f" (sha256 {metrics['base_sha256'][:12]})" if metrics["base_sha256"] else ""
    sentences = (
        f"Base plan: {metrics['base']}{digest}.",
        f"{seeds} seeds (0, 1, ...), {first.summary['episodes']} training episodes each",
        f"(environment steps on average: {steps}).",
        f"Judged without exploration on {metrics['eval_episodes']} episodes per seed that no training sees,",
        "the same ones for the three policies of a seed.",
        f"Horizon {metrics['horizon_s']:g} s at {metrics['rate_hz']:g} Hz,",
        f"waypoints hit within {metrics['hit_radius_m']:g} m.",
    )
    return " ".join(sentences)


_READING = """Of the drive: where the car was, against where it would have been on the route at the speed limit, at the
same times after the start. Of the plans: each plan against the reference plan at that moment, wherever the policy had
brought the car. The curves show every seed thinly and their mean boldly; the dashed line is the frozen plan alone."""


def plot(runs: Mapping[str, Sequence[Run]]) -> bytes:
    """Draw the learning curves over environment steps as SVG, the same bytes for the same runs."""
    draw_without_screen("toy_rl")
    figure, axes = pyplot.subplots(2, 2, figsize=(9.0, 6.0), layout="constrained")
    for axis, name in zip(axes.flat, ("return", "ade_m", "fde_m", "goal_reach_rate"), strict=True):
        for algorithm, done in runs.items():
            curves = [_curve(run, name) for run in done]
            draw_seeds(axis, curves, _COLOURS[algorithm], algorithm.upper())
        base = np.mean([run.metrics["sft_only"][name] for run in next(iter(runs.values()))])
        axis.axhline(base, color="0.4", linestyle="--", linewidth=1.0, label="SFT only")
        axis.set(title=LABELS[name], xlabel="environment steps")
        axis.grid(alpha=0.3)
    axes.flat[0].legend()
    return as_svg(figure)


def _curve(run: Run, name: str) -> tuple[list[int], list[float]]:
    evaluations = run.metrics["evaluations"]
    return [entry["env_steps"] for entry in evaluations], [entry[name] for entry in evaluations]


def _steps(runs: Sequence[Run]) -> str:
    return f"{np.mean([run.summary['env_steps'] for run in runs]):.0f}"


def _interval(entry: Mapping[str, Any]) -> str:
    if entry["low"] is None:
        return f"{entry['difference']:+.3f}"
    return f"{entry['difference']:+.3f} [{entry['low']:+.3f}, {entry['high']:+.3f}]"


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rl.compare_toy",
        description="Compare PPO and GRPO with the frozen plan alone.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--seeds", type=int, default=5, help="seeds 0, 1, ... per algorithm")
    parser.add_argument("--episodes", type=int, default=2000, help="training episodes per run")
    parser.add_argument("--eval-episodes", type=int, default=500, help="episodes to judge on")
    parser.add_argument("--sft-model", default="", help="SFT checkpoint to refine; empty: the analytic stand-in")
    parser.add_argument("--out-dir", type=Path, default=Path("out/rl_compare_toy"), help="where the runs go")
    parser.add_argument("--report", type=Path, default=Path("docs/results/toy_rl.md"), help="the page to write")
    options = parser.parse_args(argv)
    if options.seeds < 1:
        parser.error(f"--seeds is {options.seeds}, expected 1 or more")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Compare; returns 0, or 1 with a message when something cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parse_arguments(argv)
    runs: dict[str, list[Run]] = {algorithm: [] for algorithm in ALGORITHMS}
    try:
        for seed in range(options.seeds):
            for algorithm in ALGORITHMS:
                config = RefinementConfig(
                    out_dir=str(options.out_dir / f"{algorithm}_{seed}"),
                    sft_model=options.sft_model,
                    algorithm=algorithm,
                    episodes=options.episodes,
                    eval_episodes=options.eval_episodes,
                    seed=seed,
                )
                runs[algorithm].append(run_once(config))
    except (CheckpointError, ValueError) as error:
        logging.error("%s", error)
        return 1
    command = " ".join(["python -m training.rl.compare_toy", *(sys.argv[1:] if argv is None else argv)])
    figure = options.report.with_suffix(".svg")
    write_bytes_atomic(figure, plot(runs))
    write_text_atomic(options.report, report(runs, command, figure.name))
    logging.info("wrote %s and %s", options.report, figure)
    return 0


if __name__ == "__main__":
    sys.exit(main())
