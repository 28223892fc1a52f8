"""Speed of the closed loop through ROS: ``python -m benchmarks.ros_loop [--checkpoint PT]``.

Drives one scenario several times in lock step, each time followed by the in-process loop on the same machine, so that
both meet the same load. Needs the ROS environment (``. scripts/ros_env.sh``).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from benchmarks import in_process
from benchmarks.figures import Figure, show
from carla_lite.wire.process import ServerProcess
from waypilot.report.results import load_results

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 300.0
DELTA_S = 0.05  # simulated time of a frame


def drive(policy: str, checkpoint: Path, port: int, seed: int) -> Mapping[str, object]:
    """Drive once through ROS on a running simulator; return the wall clock figures."""
    with tempfile.TemporaryDirectory(prefix="waypilot_bench_") as folder:
        words = [f"policy:={policy}", f"checkpoint:={checkpoint}", f"output_dir:={folder}", f"seeds:={seed}"]
        words += [f"scenarios:={in_process.SCENARIO}", "simulator:=none", f"port:={port}"]
        command = [sys.executable, "-m", "waypilot.supervisor", str(ROOT / "launch" / "stack.yaml"), *words]
        run = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        if run.returncode != 0:
            raise RuntimeError(f"the run ended with code {run.returncode}:\n{run.stdout}{run.stderr}")
        return load_results(Path(folder) / "results.json").results[0].wall_clock


def compare(policy: str, checkpoint: Path, port: int, runs: int) -> list[Figure]:
    """Drive with and without ROS in turn and sum it up."""
    who = ["--policy", "expert"] if policy == "expert" else ["--checkpoint", str(checkpoint)]
    through_ros, direct = [], []
    for seed in range(runs):
        through_ros.append(drive(policy, checkpoint, port, seed))
        direct += in_process.measure(who, port, runs=1)
    ros_fps, direct_fps = ([cast(float, run["fps"]) for run in loop] for loop in (through_ros, direct))
    stages = [cast(Mapping[str, float], run["per_frame_ms"]) for run in through_ros]
    return [
        Figure.of(f"{policy}: ROS loop", "frames/s", ros_fps),
        Figure.of(f"{policy}: ROS loop, simulated by wall time", "times", [DELTA_S * fps for fps in ros_fps]),
        Figure.of(f"{policy}: in-process loop beside it", "frames/s", direct_fps),
        Figure.of(f"{policy}: ROS / in-process", "times", [a / b for a, b in zip(ros_fps, direct_fps, strict=True)]),
        *(Figure.of(f"{policy}: {stage}", "ms", [run[stage] for run in stages]) for stage in stages[0]),
    ]


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ros_loop", description="Speed of the loop through ROS")
    parser.add_argument(
        "--checkpoint", type=Path, default=in_process.SHIPPED, help="the learned policy (default: the shipped one)"
    )
    parser.add_argument("--policies", nargs="+", choices=("expert", "checkpoint"), default=("expert", "checkpoint"))
    parser.add_argument("--runs", type=int, default=3, help="runs per policy (default: %(default)s)")
    options = parser.parse_args(arguments)
    measured: list[Figure] = []
    with ServerProcess(map="Lite01") as server:
        for policy in options.policies:
            measured += compare(policy, options.checkpoint, server.port, options.runs)
    print(f"scenario {in_process.SCENARIO}, one 320x180 camera, lock step")
    return show(measured)


if __name__ == "__main__":
    main()
