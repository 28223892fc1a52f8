"""One checkpoint judged on the frames of a bag while it is read, in batches and in constant memory."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from training.eval.bag_errors import PlanError, Sums, errors_by_horizon, speed_bin
from training.rl.predictions import PredictionsWriter
from training.rl.waypoint_policy_torch import WaypointPolicyTorch
from waypilot.bags.frames import Motioned
from waypilot.bags.motion import Motion
from waypilot.types import Observation

BATCH = 32


class BagEvaluation:
    """Evaluates one checkpoint while the bag is read; keeps only frames whose future is still to come."""

    def __init__(
        self, policy: WaypointPolicyTorch, max_gap_ns: int, miss_m: float, predictions: PredictionsWriter | None = None
    ) -> None:
        self._policy, self._miss_m, self._predictions = policy, miss_m, predictions
        self._future = Motion(max_gap_ns)
        self._batch: list[Observation] = []
        self._plans: list[tuple[Observation, NDArray[np.float64]]] = []
        self._drive = 0
        self.sums = Sums()
        self.by_command, self.by_speed = dict[str, Sums](), dict[int, Sums]()
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
        """Judge what is left, as far as its future is known; what comes is another drive."""
        self._infer()
        for observation, plan_m in self._plans:
            self._judge(observation, plan_m)
        self._plans.clear()
        self._future.clear()
        self._drive += 1

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
        errors = errors_by_horizon(PlanError.of(plan_m, label_m, known), dt_ns / 1e9, self._miss_m)
        self.counts["frames"] += 1
        self.counts["frames whose whole future is known"] += bool(known.all())
        if known.all() and self._predictions is not None:
            self._predictions.add(f"{self._drive}:{observation.stamp_ns}", plan_m, label_m)
        command = self.by_command.setdefault(observation.command.name.lower(), Sums())
        speed = self.by_speed.setdefault(speed_bin(observation.ego.speed_mps), Sums())
        for sums in (self.sums, command, speed):
            sums.add(errors)
