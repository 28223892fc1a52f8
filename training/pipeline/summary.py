"""What the chain tells at its end: a table and ``summary.json``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from training.pipeline.config import PipelineConfig
from training.pipeline.runner import StageRun
from waypilot.config import config_to_dict
from waypilot.report.results import load_results


def summarise(config: PipelineConfig, runs: Sequence[StageRun]) -> dict[str, Any]:
    """Gather times and results. ``wall_s`` of a skipped stage is what it took when it was run."""
    out_dir = Path(config.out_dir)
    validation = _read(out_dir / "sft" / "metrics.json")["validation"]
    refined = _read(out_dir / "rl" / "train_metrics.json")
    return {
        "config": config_to_dict(config),
        "stages": [
            {"name": run.stage.name, "command": run.stage.command, "wall_s": run.wall_s, "skipped": run.skipped}
            for run in runs
        ],
        "wall_s": sum(run.wall_s for run in runs),
        "held_out_drives": {who: groups["all"] for who, groups in validation.items()},
        "toy": {"sft_only": refined["sft_only"], "refined": refined["refined"], "gain": refined["gain"]},
        "closed_loop": {
            result.key: {"status": result.status, **{metric.name: metric.value for metric in result.metrics}}
            for result in load_results(out_dir / "eval" / "results.json").results
        },
    }


def stage_table(runs: Sequence[StageRun]) -> Table:
    """Make a table with the time that each stage took."""
    table = Table(title="stages", show_footer=True)
    table.add_column("stage", "in all")
    table.add_column("seconds", f"{sum(run.wall_s for run in runs):.1f}", justify="right")
    table.add_column("")
    for run in runs:
        table.add_row(run.stage.name, f"{run.wall_s:.1f}", "as before" if run.skipped else "")
    return table


def result_table(summary: dict[str, Any]) -> Table:
    """Make a table of what came out, each figure beside the one that it should beat."""
    table = Table(title="results")
    for column in ("", "reference", "policy"):
        table.add_column(column, overflow="fold")
    drives, toy = summary["held_out_drives"], summary["toy"]
    for name in ("ade@3s_m", "fde@3s_m"):
        still, sft = drives["constant_velocity"][name], drives["model"][name]
        table.add_row(f"held-out town, {name}", f"{still:.2f} constant velocity", f"{sft:.2f} SFT")
    for name in ("return", "ade_m", "goal_reach_rate"):
        table.add_row(f"toy, {name}", f"{toy['sft_only'][name]:.2f} SFT", f"{toy['refined'][name]:.2f} refined")
    for key, result in summary["closed_loop"].items():
        table.add_row(f"closed loop, {key}", "", f"{_route(result)}, {result['status']}")
    return table


def _route(result: dict[str, Any]) -> str:
    percent = result["route_completion"]
    return "route unknown" if percent is None else f"{percent:.0f} % of the route"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
