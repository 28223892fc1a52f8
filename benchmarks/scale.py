"""Scenarios per hour with one and with two workers: ``python -m benchmarks.scale [--checkpoint PT]``.

Drives the standard suite in process, each worker on a carla_lite of its own; start-up of the workers included.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.figures import Figure, show
from benchmarks.in_process import SHIPPED
from training.eval.run_carla_closed_loop_eval import main as evaluate
from waypilot.report.results import load_results

WORKERS = (1, 2)


def scenarios_per_hour(who: Sequence[str], workers: int, seeds: int) -> float:
    """Evaluate once; return the driven scenarios per hour of wall time."""
    with tempfile.TemporaryDirectory(prefix="waypilot_bench_") as folder:
        words = ["--smoke", "--workers", str(workers), "--output-dir", folder, "--no-pictures", "--no-video"]
        begun_s = time.perf_counter()
        if evaluate([*who, *words, "--seeds", *map(str, range(seeds))]) != 0:
            raise RuntimeError("a run crashed, there is nothing to measure; see the lines above")
        took_s = time.perf_counter() - begun_s
        return 3600.0 * len(load_results(Path(folder) / "results.json", with_series=False).results) / took_s


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure in turn, so that all meet the same load, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description="Scenarios per hour by workers")
    parser.add_argument(
        "--checkpoint", type=Path, default=SHIPPED, help="the learned policy (default: the shipped one)"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="evaluations per number of workers (default: %(default)s)"
    )
    parser.add_argument("--seeds", type=int, default=2, help="seeds of the five scenarios (default: %(default)s)")
    options = parser.parse_args(arguments)
    who = ["--checkpoint", str(options.checkpoint)]
    rates = [{n: scenarios_per_hour(who, n, options.seeds) for n in WORKERS} for _ in range(options.rounds)]
    one, two = WORKERS
    print(f"standard suite, {options.seeds} seeds, shipped policy, one 320x180 camera, in process")
    return show(
        [
            *(Figure.of(f"workers: {n}", "scenarios/h", [rate[n] for rate in rates]) for n in WORKERS),
            Figure.of(f"{two} workers / {one}", "times", [rate[two] / rate[one] for rate in rates]),
        ]
    )


if __name__ == "__main__":
    main()
