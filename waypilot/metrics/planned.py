"""A plan judged as if it had been driven, in the world as it was recorded: the terms of ``pdms`` over 4 s.

As in NAVSIM the others do what they did, whatever the plan does. Different from there: no vehicle model follows the
plan, the vehicle is where its waypoints are; progress is measured against what was driven; walls, poles and kerbs are
not recorded, so leaving the road shows in the drivable area only.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from waypilot.boxes import meeting_time_s
from waypilot.geometry import SE2, FloatArray, Pose
from waypilot.metrics import pdms
from waypilot.metrics.drive import Drive
from waypilot.metrics.log import DriveLog
from waypilot.metrics.values import Metric, Termination
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.surroundings import RoadSample, SceneInfo, Surroundings
from waypilot.types import NANOSECONDS_PER_SECOND, CollisionEvent, EgoState

HORIZON_S = 4.0  # NAVSIM
#: Where less was driven, progress tells nothing and counts as made (NAVSIM).
MIN_PROGRESS_M = 5.0
#: A recorded frame this near to a waypoint's time stands for it: half a step at 10 Hz.
NEAR_NS = 50_000_000
#: Slower than this a plan has no direction of its own, and the vehicle keeps its heading.
_MIN_SPEED_MPS = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class RecordedPlace:
    """What a drive's plans are judged with. ``road`` tells the road under a pose; None where no map is known."""

    scenario: Scenario
    route: Route
    scene: SceneInfo | None
    road: Callable[[SE2], RoadSample] | None


def judge_plan(
    place: RecordedPlace,
    ego: EgoState,
    plan_m: FloatArray,
    driven_m: FloatArray,
    dt_ns: int,
    around: Mapping[int, Surroundings],
) -> tuple[Metric, ...]:
    """Return the terms and the score of ``pdms.SPECS`` of one plan.

    ``plan_m`` (K, 2) in base_link of ``ego`` and ``driven_m`` (K, 2) in the map are ``dt_ns`` apart, the first one
    ``dt_ns`` after ``ego``. ``around`` maps stamps to what was recorded there.
    """
    egos = planned_egos(ego, plan_m, dt_ns)
    known_ns = sorted(around)
    seen = [_seen_at(around, known_ns, state.stamp_ns) for state in egos]
    log = DriveLog(scene=place.scene)
    for state, recorded in zip(egos, seen, strict=True):
        log.add_ego(state)
        if recorded is not None:
            road = place.road(state.pose_map_from_base_link.planar) if place.road is not None else None
            log.add_surroundings(dataclasses.replace(recorded, stamp_ns=state.stamp_ns, road=road))
    drive = Drive.from_log(log, place.route, place.scenario, Termination("completed", "", egos[-1].stamp_ns))
    completion = progress_share(egos, driven_m)
    return pdms.compute(dataclasses.replace(drive, completion=completion, collisions=_contacts(drive)))


def planned_egos(ego: EgoState, plan_m: FloatArray, dt_ns: int) -> tuple[EgoState, ...]:
    """Return the vehicle's states (K + 1) if it followed the plan: the first as it is, velocities by differences."""
    start = ego.pose_map_from_base_link
    points_m = np.concatenate([[(start.x_m, start.y_m)], start.planar.transform_points(plan_m)])
    dt_s = dt_ns / NANOSECONDS_PER_SECOND
    steps_mps = np.diff(points_m, axis=0) / dt_s
    velocities_mps = np.concatenate([(steps_mps[1:] + steps_mps[:-1]) / 2.0, steps_mps[-1:]])
    states, yaw_rad = [ego], start.orientation.yaw_rad
    for k, (point_m, velocity_mps) in enumerate(zip(points_m[1:].tolist(), velocities_mps.tolist(), strict=True), 1):
        before_rad = yaw_rad
        if np.hypot(*velocity_mps) > _MIN_SPEED_MPS:
            yaw_rad = float(np.arctan2(velocity_mps[1], velocity_mps[0]))
        pose = Pose.from_xyz_rpy(point_m[0], point_m[1], start.z_m, yaw_rad=yaw_rad)
        along_mps = velocity_mps[0] * np.cos(yaw_rad) + velocity_mps[1] * np.sin(yaw_rad)
        turn_radps = float(np.angle(np.exp(1j * (yaw_rad - before_rad)))) / dt_s
        states.append(EgoState(ego.stamp_ns + k * dt_ns, pose, (float(along_mps), 0.0, 0.0), (0.0, 0.0, turn_radps)))
    return tuple(states)


def progress_share(egos: Sequence[EgoState], driven_m: FloatArray) -> float:
    """Return how far along the driven path the last state is, as a share (0..1) of that path's length."""
    start, end = egos[0].pose_map_from_base_link, egos[-1].pose_map_from_base_link
    path_m = np.concatenate([[(start.x_m, start.y_m)], driven_m])
    if np.hypot(*np.diff(path_m, axis=0).T).sum() < MIN_PROGRESS_M:
        return 1.0
    driven = Route(path_m)
    return min(max(driven.project(end.x_m, end.y_m).s_m / driven.length_m, 0.0), 1.0)


def _contacts(drive: Drive) -> tuple[CollisionEvent, ...]:
    """List the others that the plan touches; who was touched at the beginning already is left out, as in NAVSIM."""
    if drive.surroundings_fault is not None:
        return ()
    traffic = drive.traffic
    own = drive.ego_boxes.take(traffic.frame)
    touching = meeting_time_s(own, traffic.boxes, np.zeros_like(traffic.velocity_mps)) == 0.0
    before = set(traffic.actor_id[touching & (traffic.frame == 0)].tolist())
    kinds = {actor.actor_id: actor.kind for around in drive.surroundings if around for actor in around.actors}
    return tuple(
        CollisionEvent(int(drive.stamps_ns[frame]), actor, kinds[actor], (0.0, 0.0, 0.0))
        for frame, actor in zip(traffic.frame[touching].tolist(), traffic.actor_id[touching].tolist(), strict=True)
        if actor not in before
    )


def _seen_at(around: Mapping[int, Surroundings], known_ns: Sequence[int], stamp_ns: int) -> Surroundings | None:
    """Find what was recorded at a time, or next to it; ``known_ns`` are the stamps of ``around``, rising."""
    at = bisect_left(known_ns, stamp_ns)
    near_ns = min(known_ns[max(at - 1, 0) : at + 1], key=lambda known: abs(known - stamp_ns), default=None)
    return around[near_ns] if near_ns is not None and abs(near_ns - stamp_ns) <= NEAR_NS else None
