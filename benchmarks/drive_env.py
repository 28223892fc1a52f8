"""Speed of the drive environment: ``python -m benchmarks.drive_env [--checkpoint PT] [--steps 60] [--rounds 3]``.

Policy steps per second of one core, everything included (also new episodes), and what they are spent on. Seconds are
those of the processor, so that other programs on the machine do not count; one thread draws, computes and simulates.
Two rows: every episode a new drive, and drives that come again with their planned routes (``distinct_drives``), in
turn. Two trainings side by side, or one with ``drive.workers: 2``, use two cores.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.clocks import Clock, Watched
from benchmarks.figures import Figure, show
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.drive import Drive
from training.rl.drive_env.looking import Gaze
from training.rl.drive_env.world import DriveWorld, new_drive
from training.rl.rollout import episode_seeds
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

SHIPPED = Path(__file__).parents[1] / "checkpoints" / "sft_waypoint_bc_v0.pt"
CARS = 16
SPENT: tuple[Watched, ...] = (
    ("rendering and observation", Gaze, "observe"),
    ("encoder and heads", Gaze, "ask"),
    ("dynamics, traffic, controller, judge", Drive, "advance"),
    ("new episodes", DriveWorld, "start"),
)


class Measured:
    """Rounds of one world."""

    def __init__(self) -> None:
        self._rates: list[float] = []
        self._spent_ms: dict[str, list[float]] = {name: [] for name, _, _ in SPENT}

    def add(self, world: DriveWorld, steps: int, seed: int, clock: Clock) -> None:
        """Measure one round."""
        clock.spent_s = dict.fromkeys(clock.spent_s, 0.0)
        begin = time.process_time()
        drive(world, steps, seed)
        count = steps * CARS
        self._rates.append(count / (time.process_time() - begin))
        for name, spent_s in clock.spent_s.items():
            self._spent_ms[name].append(1e3 * spent_s / count)

    def figures(self, name: str) -> list[Figure]:
        """Return the rate, and what the time was spent on."""
        parts = [Figure.of(f"{name}: {part}", "ms/step", values) for part, values in self._spent_ms.items()]
        return [Figure.of(f"{name}: policy steps of one core", "steps/s", self._rates), *parts]


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
    parser.add_argument("--distinct-drives", type=int, default=32, help="drives that come again")
    options = parser.parse_args(arguments)
    policy = WaypointPolicyTorch(WaypointPolicyConfig(str(options.checkpoint)))
    again = DriveEnvConfig(distinct_drives=options.distinct_drives)
    for seed in range(options.distinct_drives):
        new_drive(seed, again, again.towns)
    worlds = {
        "new drives": DriveWorld(policy, DriveEnvConfig(), CARS),
        "drives that come again": DriveWorld(policy, again, CARS),
    }
    for world in worlds.values():
        for seed in range(3):  # towns, renderers and kernels are made outside the measured time
            drive(world, 5, seed + 100)
    clock = Clock(SPENT)
    figures = {name: Measured() for name in worlds}
    for seed in range(1, options.rounds + 1):
        for name, world in worlds.items():
            figures[name].add(world, options.steps, seed, clock)
    print(f"{CARS} drives, one 320x180 camera, {again.ticks} ticks per step, one thread")
    return show([figure for name, measured in figures.items() for figure in measured.figures(name)])


if __name__ == "__main__":
    main()
