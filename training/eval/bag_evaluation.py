"""One checkpoint judged on the frames of a bag while it is read, in batches and in constant memory."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from training.eval.bag_errors import HorizonErrors, PlanErrors, Sums, errors_by_horizon, speed_bin
from training.eval.plan_scores import JudgedPlan, PlanScores
from training.rl.predictions import PredictionsWriter
from training.rl.waypoint_policy_torch import WaypointPolicyTorch
from waypilot.bags.events import MapTold, Motioned, Staged, Surrounded
from waypilot.bags.frames import LATE_NS
from waypilot.bags.motion import Motion
from waypilot.geometry import SE2, FloatArray
from waypilot.types import EgoState, Observation, RouteCommand

BATCH = 32


@dataclass(frozen=True, slots=True, eq=False)
class PlannedFrame:
    """A frame whose future is still to come: ``plan_m`` (N, 2) in base_link, where that was, and what it counts for."""

    ego: EgoState
    command: RouteCommand
    plan_m: NDArray[np.float64]

    @property
    def stamp_ns(self) -> int:
        """Stamp of the frame."""
        return self.ego.stamp_ns

    @property
    def pose(self) -> SE2:
        """Where base_link was in the map."""
        return self.ego.pose_map_from_base_link.planar


class BagEvaluation:
    """Evaluates one checkpoint while the bag is read; keeps only frames whose future is still to come."""

    def __init__(
        self,
        policy: WaypointPolicyTorch,
        max_gap_ns: int,
        miss_m: float,
        predictions: PredictionsWriter | None = None,
        scores: PlanScores | None = None,
    ) -> None:
        """Leave plans in ``predictions`` and have some judged by ``scores``, where given."""
        self._policy, self._miss_m, self._predictions, self._scores = policy, miss_m, predictions, scores
        self._future = Motion(max_gap_ns)
        self._batch: list[Observation] = []
        self._plans: deque[PlannedFrame] = deque()
        self._drive = 0
        self.sums = Sums()
        self.by_command, self.by_speed = dict[str, Sums](), dict[int, Sums]()
        self.counts: Counter[str] = Counter()

    def on_motion(self, event: Motioned) -> None:
        """Take the next ego state; infer and judge when a block of frames has its whole future now."""
        now_ns = event.ego.stamp_ns
        self._future.add(event.ego)
        horizon_ns = self._policy.model.config.num_waypoints * self._policy.waypoint_dt_ns
        if self._batch and now_ns - self._batch[0].stamp_ns > horizon_ns:
            self._infer()
        if len(self._plans) >= BATCH and self._plans[BATCH - 1].stamp_ns + horizon_ns <= now_ns:
            self._judge([self._plans.popleft() for _ in range(BATCH)])
        waiting_ns = [*(frame.stamp_ns for frame in islice(self._plans, 1)), *(o.stamp_ns for o in self._batch[:1])]
        oldest_ns = min(waiting_ns, default=now_ns - LATE_NS)
        self._future.forget_before(oldest_ns)
        if self._scores is not None:
            self._scores.forget_before(oldest_ns)

    def on_world(self, event: Staged | MapTold | Surrounded) -> None:
        """Take what the bag tells of the world around."""
        if self._scores is not None:
            self._scores.on_event(event)

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
        self._judge(list(self._plans))
        self._plans.clear()
        self._future.clear()
        if self._scores is not None:
            self._scores.finish()
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
        for o, plan_m in zip(batch, plans_m.cpu().numpy().astype(np.float64), strict=True):
            self._plans.append(PlannedFrame(o.ego, o.command, plan_m))

    def _judge(self, frames: list[PlannedFrame]) -> None:
        if not frames:
            return
        dt_ns = self._policy.waypoint_dt_ns
        plans_m = np.stack([frame.plan_m for frame in frames])
        begins_ns = np.array([frame.stamp_ns for frame in frames], dtype=np.int64)
        stamps_ns = begins_ns[:, None] + dt_ns * np.arange(1, plans_m.shape[1] + 1, dtype=np.int64)
        driven_m, flat_known = self._future.positions_at(stamps_ns.ravel())
        driven_m, known = driven_m.reshape(plans_m.shape), flat_known.reshape(stamps_ns.shape)
        labels_m = np.stack([f.pose.inverse().transform_points(d) for f, d in zip(frames, driven_m, strict=True)])
        whole = known.all(axis=1)
        self.counts["frames"] += len(frames)
        self.counts["frames whose whole future is known"] += int(whole.sum())
        if self._predictions is not None:
            for index in np.flatnonzero(whole).tolist():
                case = f"{self._drive}:{frames[index].stamp_ns}"
                self._predictions.add(case, plans_m[index], labels_m[index])
        if self._scores is not None:
            self._score(self._scores, frames, driven_m, known)
        self._sum(frames, errors_by_horizon(PlanErrors.of(plans_m, labels_m, known), dt_ns / 1e9, self._miss_m))

    def _score(
        self, scores: PlanScores, frames: list[PlannedFrame], driven_m: FloatArray, known: NDArray[np.bool_]
    ) -> None:
        count = scores.count
        for frame, way_m, is_known in zip(frames, driven_m, np.all(known[:, :count], axis=1).tolist(), strict=True):
            if is_known and len(frame.plan_m) >= count and scores.wants(frame.stamp_ns):
                scores.add(JudgedPlan(frame.ego, frame.plan_m[:count], way_m[:count]))

    def _sum(self, frames: list[PlannedFrame], errors: dict[float, HorizonErrors]) -> None:
        self.sums.add(errors, np.ones(len(frames), dtype=np.bool_))
        commands = np.array([int(frame.command) for frame in frames])
        for command in np.unique(commands).tolist():
            sums = self.by_command.setdefault(RouteCommand(command).name.lower(), Sums())
            sums.add(errors, commands == command)
        speeds = np.array([speed_bin(frame.ego.speed_mps) for frame in frames])
        for speed in np.unique(speeds).tolist():
            self.by_speed.setdefault(speed, Sums()).add(errors, speeds == speed)
