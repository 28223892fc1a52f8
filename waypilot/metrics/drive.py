"""One drive laid out for measuring: the log's frames up to the end, with their places on the route."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.alerts import Alert
from waypilot.boxes import Boxes
from waypilot.geometry import FloatArray, wrap_angle
from waypilot.metrics import observed
from waypilot.metrics.log import DriveLog
from waypilot.metrics.observed import Traffic
from waypilot.metrics.progress import RouteProgress
from waypilot.metrics.values import Termination
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.surroundings import SceneInfo, Surroundings
from waypilot.types import (
    NANOSECONDS_PER_SECOND,
    CollisionEvent,
    Control,
    EgoState,
    LaneInvasionEvent,
    Trajectory,
)

# A step of more than this many usual steps means that frames are missing.
GAP_FACTOR = 1.5


@dataclass(frozen=True, slots=True)
class Drive:
    """N frames in order of stamps; every array has shape (N,), N may be 0.

    ``heading_error_rad`` is the vehicle's heading minus the route's. ``controls``, ``plans`` and ``surroundings`` hold
    None where a frame has none; ``scene`` is None where surroundings are not observed at all. ``traffic`` is the table
    of the road users in ``surroundings``. The last frame ends the drive, so what was planned or commanded on it had no
    effect and is left out: whether it still arrives is a matter of chance. Events before the first frame belong to the
    set-up.
    """

    scenario: Scenario
    termination: Termination
    route: Route
    completion: float
    egos: tuple[EgoState, ...]
    stamps_ns: NDArray[np.int64]
    s_m: FloatArray
    lateral_m: FloatArray
    heading_error_rad: FloatArray
    controls: tuple[Control | None, ...]
    plans: tuple[Trajectory | None, ...]
    collisions: tuple[CollisionEvent, ...]
    lane_invasions: tuple[LaneInvasionEvent, ...]
    observes_collisions: bool
    observes_lane_invasions: bool
    scene: SceneInfo | None
    surroundings: tuple[Surroundings | None, ...]
    traffic: Traffic
    alerts: tuple[Alert, ...]

    @staticmethod
    def from_log(log: DriveLog, route: Route, scenario: Scenario, termination: Termination) -> Drive:
        """Lay out what the log holds up to the end of the drive; later stamps are ignored."""
        end_ns = termination.stamp_ns
        egos = log.egos(end_ns)
        stamps = [ego.stamp_ns for ego in egos]
        first_ns = stamps[0] if stamps else end_ns + 1
        progress = RouteProgress(scenario, route)
        s_m, lateral_m, heading_error_rad = _along_route(egos, progress)
        surroundings = tuple(log.surroundings_at(stamp) for stamp in stamps)
        return Drive(
            scenario=scenario,
            termination=termination,
            route=route,
            completion=progress.completion,
            egos=egos,
            stamps_ns=np.array(stamps, dtype=np.int64),
            s_m=s_m,
            lateral_m=lateral_m,
            heading_error_rad=heading_error_rad,
            controls=tuple(log.control_at(stamp) if stamp < end_ns else None for stamp in stamps),
            plans=tuple(log.plan_at(stamp) if stamp < end_ns else None for stamp in stamps),
            collisions=tuple(e for e in log.collisions(end_ns) if e.stamp_ns >= first_ns),
            lane_invasions=tuple(e for e in log.lane_invasions(end_ns) if e.stamp_ns >= first_ns),
            observes_collisions=log.observes_collisions,
            observes_lane_invasions=log.observes_lane_invasions,
            scene=log.scene,
            surroundings=surroundings,
            traffic=Traffic.of(surroundings),
            alerts=tuple(alert for alert in log.alerts(end_ns - 1) if alert.stamp_ns >= first_ns),
        )

    @property
    def time_s(self) -> FloatArray:
        """Seconds since the first frame."""
        elapsed: FloatArray = (self.stamps_ns - self.stamps_ns[:1]) / NANOSECONDS_PER_SECOND
        return elapsed

    @property
    def xy_m(self) -> FloatArray:
        """Positions of base_link in the map frame, shape (N, 2)."""
        poses = (ego.pose_map_from_base_link for ego in self.egos)
        return np.array([(pose.x_m, pose.y_m) for pose in poses], dtype=np.float64).reshape(-1, 2)

    @property
    def speed_mps(self) -> FloatArray:
        """Signed forward speed."""
        return np.array([ego.speed_mps for ego in self.egos], dtype=np.float64)

    @property
    def yaw_rad(self) -> FloatArray:
        """Headings in the map frame, in [-pi, pi]."""
        poses = (ego.pose_map_from_base_link for ego in self.egos)
        return np.array([pose.orientation.yaw_rad for pose in poses], dtype=np.float64)

    @property
    def velocity_mps(self) -> FloatArray:
        """Velocity of base_link's origin in base_link axes, forward and left, shape (N, 2)."""
        return np.array([ego.linear_velocity_mps[:2] for ego in self.egos], dtype=np.float64).reshape(-1, 2)

    @property
    def steps_m(self) -> FloatArray:
        """Length of the straight step that led to each frame; 0 for the first."""
        steps = np.diff(self.xy_m, axis=0, prepend=self.xy_m[:1])
        length: FloatArray = np.hypot(steps[:, 0], steps[:, 1])
        return length

    @property
    def surroundings_fault(self) -> str | None:
        """Why nothing can be judged by what was around the vehicle; None when every frame has its surroundings."""
        return observed.fault(self.scene, self.egos, self.surroundings)

    @property
    def ego_boxes(self) -> Boxes:
        """The vehicle's rectangle on every frame. Raises ValueError without a scene, which holds its size."""
        if self.scene is None:
            raise ValueError("the vehicle's size is not known: surroundings were not observed")
        return observed.ego_boxes(self.scene.ego, [ego.pose_map_from_base_link.planar for ego in self.egos])

    @property
    def frames_missing(self) -> int:
        """How many frames the stamps skip, taking the median step as the usual one."""
        steps = np.diff(self.stamps_ns)
        if steps.size == 0:
            return 0
        usual = float(np.median(steps))
        return int(sum(round(step / usual) - 1 for step in steps.tolist() if step > GAP_FACTOR * usual))

    def index_at(self, stamp_ns: int) -> int:
        """Return the index of the last frame stamped no later than ``stamp_ns`` (0 when there is none)."""
        return max(int(np.searchsorted(self.stamps_ns, stamp_ns, side="right")) - 1, 0)


def _along_route(egos: tuple[EgoState, ...], progress: RouteProgress) -> tuple[FloatArray, FloatArray, FloatArray]:
    rows = np.empty((len(egos), 3))
    for row, ego in zip(rows, egos, strict=True):
        pose = ego.pose_map_from_base_link.planar
        position = progress.update(pose.x_m, pose.y_m)
        row[:] = position.s_m, position.lateral_m, wrap_angle(pose.yaw_rad - position.heading_rad)
    return rows[:, 0], rows[:, 1], rows[:, 2]
