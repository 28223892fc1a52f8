"""Speed of the SFT trainer: ``python -m benchmarks.sft [--steps 10] [--rounds 3] [--episodes-glob PATTERN]``.

Without a pattern a drive is written first, of 320x180 images whose JPEG files are as large as those of carla_lite
(14 KB). Training computes on one thread, augmentation included, batches of 32. Where do images come from?

1. ``memory``: decoded before the first step, as the trainer does while they fit ``--cache-gib``.
2. ``worker``: decoded while training by one process, on the other one of two cores.
3. ``same core``: decoded between the steps by the trainer itself.

The shares say which part of a step goes into getting its batch. With images in memory that is copying; the last figure
is what decoding takes from one core that also trains. As long as decoding alone is faster than training, one worker
keeps up and loading is not what limits.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, show
from training.data.waypoint_dataset import WaypointDataset
from training.sft.config import SftConfig
from training.sft.trainer import SftTrainer
from waypilot.episodes import Episode, EpisodeFrame, EpisodeWriter, WaypointSource
from waypilot.geometry import Pose
from waypilot.rig import DEFAULT_RIG
from waypilot.types import EgoState, RouteCommand

BATCH = 32
FRAMES = 128
WARM_UP = 3


def write_drive(folder: Path) -> str:
    """Write a drive of images with random detail; return the pattern that finds it."""
    header = Episode(
        episode_id="benchmark",
        source="benchmark",
        town="benchmark",
        route_id="0",
        weather="clear",
        seed=0,
        cameras=DEFAULT_RIG,
        waypoint_dt_ns=250_000_000,
        waypoint_source=WaypointSource.EXPERT_PLAN,
        frames=(),
    )
    random = np.random.default_rng(0)
    label_m = np.stack([2.0 * np.arange(1, 21), np.zeros(20)], axis=1)
    writer = EpisodeWriter(folder / "drive", header)
    for number in range(FRAMES):
        pose = Pose.from_xyz_rpy(0.4 * number, 0.0, 0.0)
        ego = EgoState(50_000_000 * number, pose, (8.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        frame = EpisodeFrame(ego, RouteCommand.LANE_FOLLOW, (20.0, 0.0), None, {}, label_m)
        writer.add_frame(frame, {"front": _detailed_image(random)})
    writer.finish()
    return str(folder / "drive" / "episode.json")


def training_images_per_s(config: SftConfig) -> float:
    """Train; the median step counts, after those that fill caches and start workers."""
    ends: list[float] = []
    SftTrainer(config).run(lambda step, num_steps, loss: ends.append(time.perf_counter()))
    return config.batch_size / statistics.median(np.diff(ends[WARM_UP:]))


def fetching_images_per_s(dataset: WaypointDataset, steps: int) -> float:
    """Get batches without training."""
    random = np.random.default_rng(0)
    times_s = []
    for _ in range(steps):
        rows = random.permutation(len(dataset))[:BATCH]
        begin = time.perf_counter()
        dataset.__getitems__(rows)
        times_s.append((time.perf_counter() - begin) / len(rows))
    return 1.0 / statistics.median(times_s)


def measure_round(config: SftConfig, steps: int) -> dict[str, float]:
    """Measure every quantity once; keys are names and units of figures."""
    on_demand = replace(config, cache_gib=0.0)
    memory, decoding = (fetching_images_per_s(SftTrainer(which).train_set, steps) for which in (config, on_demand))
    in_memory = training_images_per_s(config)
    same_core = training_images_per_s(on_demand)
    return {
        "SFT training, images from memory|images/s": in_memory,
        "SFT training, decoded by one worker|images/s": training_images_per_s(replace(on_demand, num_workers=1)),
        "SFT training, decoded on the same core|images/s": same_core,
        "decoding alone, one core|images/s": decoding,
        "share of a step for its batch, from memory|%": 100.0 * in_memory / memory,
        "share of a step for decoding, same core|%": 100.0 * same_core / decoding,
    }


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Print and return the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sft", description="Speed of the SFT trainer.")
    parser.add_argument("--steps", type=int, default=10, help="steps per training, besides the first three")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions; medians are shown")
    parser.add_argument("--episodes-glob", help="recorded drives to train on instead of the made-up one")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        config = SftConfig(
            episodes_glob=options.episodes_glob or write_drive(Path(name)),
            out_dir=str(Path(name, "out")),
            batch_size=BATCH,
            num_steps=WARM_UP + options.steps,
            val_fraction=0.0,
            num_threads=1,
        )
        rounds = [measure_round(config, options.steps) for _ in range(options.rounds)]
    return show([Figure.of(*key.split("|"), [values[key] for values in rounds]) for key in rounds[0]])


def _detailed_image(random: np.random.Generator) -> np.ndarray:
    """Flat patches under fine noise: (180, 320, 3) uint8."""
    patches = np.kron(random.integers(0, 256, (9, 16, 3)), np.ones((20, 20, 1), dtype=int))
    noise = random.normal(0.0, 1.7, (180, 320, 1))
    return np.clip(patches + noise, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
