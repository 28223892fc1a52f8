"""Speed of the in-process closed loop: ``python -m benchmarks.in_process [--checkpoint PT]``.

Drives one scenario several times, by the expert and by a learned policy, on a carla_lite of its own.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from benchmarks.figures import Figure, show
from carla_lite.wire.process import ServerProcess
from training.eval.run_carla_closed_loop_eval import main as evaluate
from waypilot.report.results import load_results

SCENARIO = "straight_clear"
SHIPPED = Path(__file__).parents[1] / "checkpoints" / "sft_waypoint_bc_v0.pt"


def measure(who: Sequence[str], port: int, runs: int) -> list[Mapping[str, object]]:
    """Drive ``runs`` times; return the wall clock figures of each run."""
    seeds = [str(seed) for seed in range(runs)]
    with tempfile.TemporaryDirectory(prefix="waypilot_bench_") as folder:
        place = ["--port", str(port), "--output-dir", folder, "--no-pictures"]
        if evaluate([*who, *place, "--scenarios", SCENARIO, "--seeds", *seeds]) != 0:
            raise RuntimeError("a run crashed, there is nothing to measure; see the lines above")
        return [result.wall_clock for result in load_results(Path(folder) / "results.json").results]


def figures(name: str, runs: Sequence[Mapping[str, object]]) -> list[Figure]:
    """Sum the runs of one policy up."""
    stages = [cast(Mapping[str, float], run["per_frame_ms"]) for run in runs]
    return [
        Figure.of(f"{name}: loop", "frames/s", [cast(float, run["fps"]) for run in runs]),
        Figure.of(f"{name}: simulated by wall time", "times", [cast(float, run["real_time_factor"]) for run in runs]),
        *(Figure.of(f"{name}: {stage}", "ms/frame", [of_run[stage] for of_run in stages]) for stage in stages[0]),
    ]


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.in_process", description="Speed of the in-process loop")
    parser.add_argument(
        "--checkpoint", type=Path, default=SHIPPED, help="the learned policy (default: the shipped one)"
    )
    parser.add_argument("--runs", type=int, default=3, help="runs per policy (default: %(default)s)")
    options = parser.parse_args(arguments)
    policies = {"expert": ["--policy", "expert"], "checkpoint": ["--checkpoint", str(options.checkpoint)]}
    measured: list[Figure] = []
    with ServerProcess(map="Lite01") as server:
        for name, who in policies.items():
            measured += figures(name, measure(who, server.port, options.runs))
    print(f"scenario {SCENARIO}, one 320x180 camera")
    return show(measured)


if __name__ == "__main__":
    main()
