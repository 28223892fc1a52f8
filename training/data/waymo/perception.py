"""Perception v1 records: a segment has global poses, from which labels and commands are derived.

All times and poses are those of the FRONT image: ``Frame.timestamp_micros`` belongs to the lidar, not to the pose.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.data.waymo.cameras import CameraModel, CameraOptions, camera_models
from training.data.waymo.drive import WAYPOINT_DT_NS, WAYPOINTS, Drive, drive_header
from training.data.waymo.index import RecordRef
from training.data.waymo.interpolation import hermite, velocities_from_points
from training.data.waymo.messages import CameraName
from training.data.waymo.report import ImportReport, SkipError
from training.data.waymo.transforms import pose_of, transform_matrix
from waypilot.episodes import EpisodeFrame
from waypilot.geometry import FloatArray
from waypilot.route import Route, RouteTracker
from waypilot.types import EgoState, RouteCommand

# Two and a half frames of 10 Hz: over more, interpolated positions are guesses.
_LONGEST_GAP_S = 0.25
_ROUTE_SPACING_M = 1.0
# Times come from a double that counts seconds since 1970: whole microseconds are all it holds.
_TIME_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One record without its images.

    ``matrix`` (4, 4) vehicle to global; ``velocity`` (3,) m/s and ``rates`` (3,) rad/s in global axes, None if absent.
    """

    ref: RecordRef
    time_s: float
    matrix: FloatArray
    velocity: FloatArray | None
    rates: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How the vehicle moved during a segment.

    ``times_s`` (N,) since its first frame, ``positions_m`` (N, 3) from the first position, ``rotations``
    (N, 3, 3) vehicle to global, ``velocities_mps`` and ``rates_radps`` (N, 3) in global axes.
    """

    times_s: FloatArray
    positions_m: FloatArray
    rotations: FloatArray
    velocities_mps: FloatArray
    rates_radps: FloatArray

    def future_m(self, index: int) -> FloatArray | None:
        """Waypoints (20, 2) in the vehicle frame of frame ``index``; None where the recording ends or has a gap."""
        query_s = self.times_s[index] + WAYPOINT_DT_NS / 1e9 * np.arange(1, WAYPOINTS + 1)
        if query_s[-1] > self.times_s[-1] + _TIME_TOLERANCE_S:
            return None
        last = int(np.searchsorted(self.times_s, query_s[-1] - _TIME_TOLERANCE_S))
        if float(np.diff(self.times_s[index : last + 1]).max()) > _LONGEST_GAP_S:
            return None
        slopes = velocities_from_points(self.times_s, self.positions_m)
        away_m = hermite(self.times_s, self.positions_m, slopes, query_s) - self.positions_m[index]
        waypoints_m: FloatArray = (away_m @ self.rotations[index])[:, :2]
        return waypoints_m


def plan_drives(
    segment: str, records: Iterable[tuple[RecordRef, Any]], options: CameraOptions, report: ImportReport
) -> list[Drive]:
    """Turn the records of one segment, in order, into a drive.

    Raises SkipError when no frame is usable or the cameras asked for are not there.
    """
    moments: list[Moment] = []
    models: dict[str, CameraModel] = {}
    stats: Any = None
    for ref, record in records:
        if not models:
            models = camera_models(record.context.camera_calibrations, options)
            stats = record.context.stats
        try:
            moments.append(_moment(ref, record, moments))
        except SkipError as error:
            report.skip("frame", error.reason, f"{ref}: {error}")
    if not moments:
        raise SkipError("no usable frame")
    return [_drive(segment, moments, models, stats)]


def _moment(ref: RecordRef, record: Any, before: Sequence[Moment]) -> Moment:
    front = next((image for image in record.images if image.name == CameraName.FRONT), None)
    if front is None or not front.HasField("pose"):
        raise SkipError("no FRONT image with a pose")
    if not front.pose_timestamp > 0.0:
        raise SkipError("the FRONT image has no pose_timestamp")
    if before and front.pose_timestamp <= before[-1].time_s:
        raise SkipError("pose_timestamp does not increase", f"{front.pose_timestamp} after {before[-1].time_s}")
    velocity = rates = None
    if front.HasField("velocity"):
        v = front.velocity
        velocity, rates = np.array([v.v_x, v.v_y, v.v_z]), np.array([v.w_x, v.w_y, v.w_z])
        if not bool(np.isfinite([velocity, rates]).all()):
            raise SkipError("velocity is not finite")
    return Moment(ref, front.pose_timestamp, transform_matrix(front.pose, "pose of the FRONT image"), velocity, rates)


def _motion(moments: Sequence[Moment]) -> Motion:
    """Gather the motion; what has no velocity gets it from the poses. Raises SkipError for a lone frame without one."""
    times_s = np.array([moment.time_s for moment in moments]) - moments[0].time_s
    matrices = np.stack([moment.matrix for moment in moments])
    # Positions are tens of kilometres long: the difference is taken before anything rounds them.
    positions_m = matrices[:, :3, 3] - matrices[0, :3, 3]
    velocities = [moment.velocity for moment in moments]
    rates = [moment.rates for moment in moments]
    if any(velocity is None for velocity in velocities):
        if len(moments) < 2:
            raise SkipError("no velocity, and no second frame to derive it from")
        yaw_rad = np.unwrap(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
        derived = velocities_from_points(times_s, np.column_stack([positions_m, yaw_rad]))
        for i in (i for i, velocity in enumerate(velocities) if velocity is None):
            velocities[i], rates[i] = derived[i, :3], np.array([0.0, 0.0, derived[i, 3]])
    # None is left by now, which the types do not know.
    moved, turned = [v for v in velocities if v is not None], [r for r in rates if r is not None]
    return Motion(times_s, positions_m, matrices[:, :3, :3], np.stack(moved), np.stack(turned))


def derived_commands(positions_m: FloatArray) -> list[RouteCommand]:
    """Commands for a driven path (N, 2): turns of over 45 degrees, announced as the simulator's routes announce them.

    A turn that the recording does not show to its end may be missed.
    """
    kept = [positions_m[0]]
    for point in positions_m[1:]:
        if float(np.hypot(*(point - kept[-1]))) >= _ROUTE_SPACING_M:
            kept.append(point)
    if len(kept) < 2:
        return [RouteCommand.LANE_FOLLOW] * len(positions_m)
    route = Route(np.array(kept))
    tracker = RouteTracker(route)
    return [route.command_at(tracker.update(float(x_m), float(y_m)).s_m) for x_m, y_m in positions_m]


def _drive(segment: str, moments: list[Moment], models: dict[str, CameraModel], stats: Any) -> Drive:
    motion = _motion(moments)
    commands = derived_commands(motion.positions_m[:, :2])
    frames = tuple((moment.ref, _frame(motion, i, commands[i])) for i, moment in enumerate(moments))
    recorder = {
        "segment": segment,
        "first_pose_timestamp_s": moments[0].time_s,
        "map_origin_m": moments[0].matrix[:3, 3].tolist(),
        "time_source": "pose_timestamp of the FRONT image",
        "pose_source": "pose of the FRONT image, moved so that the first frame is at the origin",
        "frames_with_velocity_from_poses": sum(moment.velocity is None for moment in moments),
        "command_source": "derived from the heading of the driven path",
    }
    conditions = [text.decode("utf-8", "replace") for text in (stats.weather, stats.time_of_day) if text]
    weather = " ".join(conditions) or "unknown"
    place = f"waymo_{stats.location.decode('utf-8', 'replace')}" if stats.location else "waymo"
    header = drive_header(segment, "waymo_perception", place, segment, weather, "waymo_vehicle_frame", models, recorder)
    return Drive(header, frames, models)


def _frame(motion: Motion, index: int, command: RouteCommand) -> EpisodeFrame:
    rotation = motion.rotations[index]
    vx, vy, vz = (motion.velocities_mps[index] @ rotation).tolist()
    wx, wy, wz = (motion.rates_radps[index] @ rotation).tolist()
    ego = EgoState(
        stamp_ns=round(float(motion.times_s[index]) * 1e9),
        pose_map_from_base_link=pose_of(rotation, motion.positions_m[index]),
        linear_velocity_mps=(vx, vy, vz),
        angular_velocity_radps=(wx, wy, wz),
    )
    return EpisodeFrame(ego, command, None, None, {}, motion.future_m(index))
