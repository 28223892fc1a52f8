"""Speed of the drive environment: ``python -m benchmarks.drive_env [--checkpoint PT] [--steps 60] [--rounds 3]``.

Policy steps per second of one core, everything included (also new episodes), and what they are spent on. Seconds are
those of the processor, so that other programs on the machine do not count; one thread draws, computes and simulates.
Two trainings side by side use two cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, show
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.drive import Drive
from training.rl.drive_env.looking import Gaze
from training.rl.drive_env.world import DriveWorld
from training.rl.rollout import episode_seeds
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

SHIPPED = Path(__file__).parents[1] / "checkpoints" / "sft_waypoint_bc_v0.pt"
CARS = 16
SPENT: tuple[tuple[str, type, str], ...] = (
    ("rendering and observation", Gaze, "observe"),
    ("encoder and heads", Gaze, "ask"),
    ("dynamics, traffic, controller, judge", Drive, "advance"),
    ("new episodes", DriveWorld, "start"),
)


class Clock:
    """Adds up the processor time of chosen methods."""

    def __init__(self) -> None:
        self.spent_s = dict.fromkeys((name for name, _, _ in SPENT), 0.0)
        for name, owner, method in SPENT:
            setattr(owner, method, self._timed(name, getattr(owner, method)))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:
            begin = time.thread_time()
            try:
                return function(*arguments)
            finally:
                self.spent_s[name] += time.thread_time() - begin

        return timed


def drive(world: DriveWorld, steps: int, seed: int) -> None:
    """Follow the base plans, starting anew whoever ended."""
    started = world.size
    world.start(np.arange(world.size), episode_seeds(seed, 0, world.size))
    for _ in range(steps):
        rows = np.flatnonzero(world.follow(world.look().plan_m).done)
        if len(rows):
            world.start(rows, episode_seeds(seed, started, len(rows)))
            started += len(rows)


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.drive_env", description="Speed of the drive environment"
    )
    parser.add_argument(
        "--checkpoint", type=Path, default=SHIPPED, help="the frozen network (default: the shipped one)"
    )
    parser.add_argument("--steps", type=int, default=60, help="policy steps per drive and round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, with seeds 1, 2, ...")
    options = parser.parse_args(arguments)
    policy = WaypointPolicyTorch(WaypointPolicyConfig(str(options.checkpoint)))
    world = DriveWorld(policy, DriveEnvConfig(), CARS)
    for seed in range(3):  # towns, renderers and kernels are made outside the measured time
        drive(world, 5, seed + 100)
    clock = Clock()
    rates, spent_ms = [], {name: [] for name, _, _ in SPENT}
    for seed in range(1, options.rounds + 1):
        clock.spent_s = dict.fromkeys(clock.spent_s, 0.0)
        begin = time.process_time()
        drive(world, options.steps, seed)
        count = options.steps * CARS
        rates.append(count / (time.process_time() - begin))
        for name, spent_s in clock.spent_s.items():
            spent_ms[name].append(1e3 * spent_s / count)
    print(f"{CARS} drives, one 320x180 camera, {world.config.ticks} ticks per step, one thread")
    return show(
        [
            Figure.of("policy steps of one core", "steps/s", rates),
            *(Figure.of(name, "ms/step", values) for name, values in spent_ms.items()),
        ]
    )


if __name__ == "__main__":
    main()
