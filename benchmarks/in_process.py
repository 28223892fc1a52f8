"""Speed of the in-process closed loop: ``python -m benchmarks.in_process [--checkpoint PT]``.

Drives one scenario several times on a carla_lite of its own and prints the medians.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from carla_lite.wire.process import ServerProcess
from training.eval.run_carla_closed_loop_eval import main as evaluate
from waypilot.report.results import load_results

SCENARIO = "straight_clear"


def measure(who: Sequence[str], port: int, runs: int) -> list[Mapping[str, object]]:
    """Drive ``runs`` times; return the wall clock figures of each run."""
    seeds = [str(seed) for seed in range(runs)]
    with tempfile.TemporaryDirectory(prefix="waypilot_bench_") as folder:
        place = ["--port", str(port), "--output-dir", folder, "--no-pictures"]
        if evaluate([*who, *place, "--scenarios", SCENARIO, "--seeds", *seeds]) != 0:
            raise RuntimeError("a run crashed, there is nothing to measure; see the lines above")
        return [result.wall_clock for result in load_results(Path(folder) / "results.json").results]


def report(name: str, figures: Sequence[Mapping[str, object]]) -> str:
    """Put the medians into one line."""
    stages = [cast(Mapping[str, float], figure["per_frame_ms"]) for figure in figures]
    parts = ", ".join(f"{stage} {statistics.median(s[stage] for s in stages):.2f} ms" for stage in stages[0])
    fps = statistics.median(cast(float, figure["fps"]) for figure in figures)
    factor = statistics.median(cast(float, figure["real_time_factor"]) for figure in figures)
    return f"in-process loop, {name}: {fps:.0f} frames/s ({parts}), {factor:.1f} x real time"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.in_process", description="Speed of the in-process loop")
    parser.add_argument("--checkpoint", type=Path, help="measure this learned policy as well")
    parser.add_argument("--runs", type=int, default=3, help="runs per policy; the median is printed")
    options = parser.parse_args(arguments)
    policies = {"expert": ["--policy", "expert"]}
    if options.checkpoint is not None:
        policies["checkpoint"] = ["--checkpoint", str(options.checkpoint)]
    with ServerProcess(map="Lite01") as server:
        lines = [report(name, measure(who, server.port, options.runs)) for name, who in policies.items()]
    print(f"scenario {SCENARIO}, median of {options.runs} runs, one 320x180 camera", *lines, sep="\n")


if __name__ == "__main__":
    main()
