"""Open-loop errors of checkpoints on a recorded drive, without a simulator and without ROS.

    python -m training.eval.eval_bag --bag BAG --checkpoint PT [--checkpoint PT ...] --output DIR

The future that was driven is the ground truth: odometry, linear between its stamps, in the vehicle's frame at the
image's stamp. Two conventions are reported by horizon T: ``ade_m`` averages over all waypoints up to T (ST-P3, VAD),
``fde_m`` is the error at T (UniAD). A frame counts for T when its whole future up to T is known. Exit codes: 0 some was
evaluated, 1 nothing could be, 2 the bag, a checkpoint or an option cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.data.bag_options import add_topic_options, layout_options
from training.models.checkpoint import CheckpointError
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.bags import Bag
from waypilot.bags.frames import Frame, FrameOptions, FrameReader, Motioned, Restarted, first_route
from waypilot.bags.layout import LayoutOptions, detect
from waypilot.bags.motion import Motion
from waypilot.files import write_json_atomic
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.types import Observation

FORMAT = "waypilot.bag_evaluation/1"
HORIZONS_S = (1.0, 2.0, 3.0, 5.0)
BATCH = 32


@dataclass(slots=True)
class Sums:
    """Sums over frames for each horizon, from which means are made."""

    frames: Counter[float] = field(default_factory=Counter)
    ade_m: Counter[float] = field(default_factory=Counter)
    fde_m: Counter[float] = field(default_factory=Counter)
    misses: Counter[float] = field(default_factory=Counter)

    def add(self, error_m: NDArray[np.float64], known: NDArray[np.bool_], dt_s: float, miss_m: float) -> None:
        """Add a frame: distances (N,) to the driven future and which of it is known (N,)."""
        for horizon_s in HORIZONS_S:
            count = round(horizon_s / dt_s)
            if 1 <= count <= len(error_m) and known[:count].all():
                self.frames[horizon_s] += 1
                self.ade_m[horizon_s] += float(error_m[:count].mean())
                self.fde_m[horizon_s] += float(error_m[count - 1])
                self.misses[horizon_s] += int(error_m[count - 1] > miss_m)

    def means(self) -> dict[str, Any]:
        """Give the means by horizon; a horizon without frames is absent."""
        return {
            f"{horizon_s:g}s": {
                "frames": frames,
                "ade_m": self.ade_m[horizon_s] / frames,
                "fde_m": self.fde_m[horizon_s] / frames,
                "miss_rate": self.misses[horizon_s] / frames,
            }
            for horizon_s, frames in self.frames.items()
        }


class BagEvaluation:
    """Evaluates one checkpoint while the bag is read; keeps only frames whose future is still to come."""

    def __init__(self, policy: WaypointPolicyTorch, max_gap_ns: int, miss_m: float) -> None:
        self._policy, self._miss_m = policy, miss_m
        self._future = Motion(max_gap_ns)
        self._batch: list[Observation] = []
        self._plans: list[tuple[Observation, NDArray[np.float64]]] = []
        self.sums, self.by_command = Sums(), dict[str, Sums]()
        self.counts: Counter[str] = Counter()

    def on_motion(self, event: Motioned) -> None:
        """Take the next ego state, and judge what has its whole future now."""
        self._future.add(event.ego)
        horizon_ns = self._policy.model.config.num_waypoints * self._policy.waypoint_dt_ns
        if self._batch and event.ego.stamp_ns - self._batch[0].stamp_ns > horizon_ns:
            self._infer()
        while self._plans and self._plans[0][0].stamp_ns + horizon_ns <= event.ego.stamp_ns:
            self._judge(*self._plans.pop(0))
        oldest = self._plans or [(observation, None) for observation in self._batch]
        if oldest:
            self._future.forget_before(oldest[0][0].stamp_ns)

    def on_observation(self, observation: Observation) -> None:
        """Take the next frame."""
        if not any(observation.image_valid.values()):
            self.counts["frames without a usable image"] += 1
            return
        self._batch.append(observation)
        if len(self._batch) >= BATCH:
            self._infer()

    def finish(self) -> None:
        """Judge what is left, as far as its future is known."""
        self._infer()
        for observation, plan_m in self._plans:
            self._judge(observation, plan_m)
        self._plans.clear()
        self._future.clear()

    def _infer(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        names = self._policy.model.config.cameras
        blank = {
            camera.name: np.zeros((camera.height_px, camera.width_px, 3), np.uint8) for camera in self._policy.cameras
        }
        plans_m = self._policy(
            {name: np.stack([o.images.get(name, blank[name]) for o in batch]) for name in names},
            {name: [o.image_valid.get(name, False) for o in batch] for name in names},
            [o.ego.speed_mps for o in batch],
            [int(o.command) for o in batch],
            [o.target_point_m for o in batch],
        )
        self._plans += zip(batch, plans_m.cpu().numpy().astype(np.float64), strict=True)

    def _judge(self, observation: Observation, plan_m: NDArray[np.float64]) -> None:
        dt_ns = self._policy.waypoint_dt_ns
        stamps_ns = observation.stamp_ns + dt_ns * np.arange(1, len(plan_m) + 1, dtype=np.int64)
        driven_m, known = self._future.positions_at(stamps_ns)
        label_m = observation.ego.pose_map_from_base_link.planar.inverse().transform_points(driven_m)
        error_m = np.linalg.norm(plan_m - label_m, axis=1)
        self.counts["frames"] += 1
        self.counts["frames whose whole future is known"] += bool(known.all())
        group = self.by_command.setdefault(observation.command.name.lower(), Sums())
        for sums in (self.sums, group):
            sums.add(error_m, known, dt_ns / 1e9, self._miss_m)


def evaluate(bag: Bag, options: LayoutOptions, checkpoint: Path, miss_m: float) -> dict[str, Any]:
    """Evaluate one checkpoint on a bag. Raises BagError, CheckpointError, or ValueError without a route."""
    policy = WaypointPolicyTorch(WaypointPolicyConfig(str(checkpoint)))
    layout = detect(bag.topics, options)
    cameras, notes = layout.choose_cameras(tuple(camera.name for camera in policy.cameras))
    route = first_route(bag, layout)
    if route is None:
        raise ValueError("no route in the bag (nav_msgs/Path in frame map): name its topic with --route")
    frames = FrameReader(bag, layout, cameras, FrameOptions(), route)
    evaluation = BagEvaluation(policy, FrameOptions().max_gap_ns, miss_m)
    for observation in _observations(frames, evaluation, ObservationConfig(policy.cameras)):
        evaluation.on_observation(observation)
    evaluation.finish()
    return {
        "checkpoint": {"name": checkpoint.name, "sha256": policy.checkpoint.sha256},
        "all": evaluation.sums.means(),
        "by_command": {name: sums.means() for name, sums in sorted(evaluation.by_command.items())},
        "counts": dict(evaluation.counts + frames.counts),
        "notes": [*layout.notes, *notes],
    }


def _observations(frames: FrameReader, evaluation: BagEvaluation, config: ObservationConfig) -> Iterator[Observation]:
    builder: ObservationBuilder | None = None
    route = None
    for event in frames.events():
        if isinstance(event, Motioned):
            evaluation.on_motion(event)
        elif isinstance(event, Restarted):
            evaluation.finish()
            builder = None
        elif isinstance(event, Frame) and event.route is not None:
            if builder is None or event.route is not route:
                route, builder = event.route, ObservationBuilder(event.route, config)
            yield builder.build(event.ego, event.images)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.eval.eval_bag", description="Open-loop errors on a bag.")
    parser.add_argument("--bag", required=True, type=Path, help="bag folder or storage file")
    parser.add_argument("--checkpoint", required=True, type=Path, action="append", help="SFT checkpoint; repeatable")
    parser.add_argument("--output", required=True, type=Path, help="folder for metrics.json")
    add_topic_options(parser)
    parser.add_argument("--miss-m", type=float, default=2.0, help="an error at T beyond this is a miss")
    options = parser.parse_args(argv)
    layout = layout_options(options)
    try:
        with Bag(options.bag) as bag:
            results = [evaluate(bag, layout, path, options.miss_m) for path in options.checkpoint]
            problems = bag.problems
    except (CheckpointError, ValueError, OSError) as error:
        print(f"{options.bag}: {error}", file=sys.stderr)
        return 2
    write_json_atomic(
        options.output / "metrics.json",
        {"format": FORMAT, "bag": options.bag.name, "problems": problems, "results": results},
    )
    for result in results:
        for text in (*problems, *result["notes"]):
            print(f"note: {text}", file=sys.stderr)
        for horizon, values in result["all"].items():
            print(
                f"{result['checkpoint']['name']} {horizon}: ADE {values['ade_m']:.3f} m, FDE {values['fde_m']:.3f} m, "
                f"missed {100 * values['miss_rate']:.1f} %, {values['frames']} frames"
            )
    return 0 if any(result["all"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
