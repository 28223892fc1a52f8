"""End-to-end records (WOD-E2E): every frame brings its own past, future and routing command.

There are no global poses. A drive's map frame begins at its first frame; every further pose is chained from the frame
before by means of the past states, so it drifts like odometry. Labels do not depend on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.data.waymo.cameras import CameraModel, CameraOptions, camera_models
from training.data.waymo.drive import WAYPOINTS, Drive, drive_header
from training.data.waymo.index import RecordRef
from training.data.waymo.interpolation import hermite
from training.data.waymo.messages import Intent
from training.data.waymo.report import ImportReport, SkipError
from waypilot.episodes import EpisodeFrame, RatedTrajectory
from waypilot.geometry import SE2, FloatArray, Pose
from waypilot.types import EgoState, RouteCommand

PAST_STEPS = 16
STEP_S = 0.25
FRAME_NS = 100_000_000
_PAST_TIMES_S = STEP_S * np.arange(1 - PAST_STEPS, 1, dtype=np.float64)
_LONGEST_GAP_NS = round(STEP_S * (PAST_STEPS - 1) * 1e9)
# Below this speed the direction of travel says nothing about the heading.
_MIN_HEADING_SPEED_MPS = 0.5
_COMMANDS = {
    Intent.UNKNOWN: RouteCommand.VOID,
    Intent.GO_STRAIGHT: RouteCommand.STRAIGHT,
    Intent.GO_LEFT: RouteCommand.LEFT,
    Intent.GO_RIGHT: RouteCommand.RIGHT,
}


@dataclass(frozen=True, slots=True, eq=False)
class PastMotion:
    """The last 4 s in the vehicle frame of now: ``positions_m`` and ``velocities_mps`` (16, 2), the last row is now."""

    positions_m: FloatArray
    velocities_mps: FloatArray

    def headings_rad(self) -> FloatArray:
        """Headings (16,) relative to now, from the direction of travel: the rear axle does not slip sideways."""
        direction = np.arctan2(self.velocities_mps[:, 1], self.velocities_mps[:, 0])
        change = (np.diff(direction) + np.pi) % (2.0 * np.pi) - np.pi
        slow = np.hypot(*self.velocities_mps.T) < _MIN_HEADING_SPEED_MPS
        change[slow[:-1] | slow[1:]] = 0.0
        return np.append(-np.cumsum(change[::-1])[::-1], 0.0)

    def pose_now_from_before(self, age_s: float) -> SE2:
        """Where the vehicle was ``age_s`` ago (at most 3.75 s), seen from now."""
        then = np.array([-age_s])
        x_m, y_m = hermite(_PAST_TIMES_S, self.positions_m, self.velocities_mps, then)[0]
        return SE2(float(x_m), float(y_m), float(np.interp(-age_s, _PAST_TIMES_S, self.headings_rad())))


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """One record without its images; ``future_m`` (20, 2) is None in the test split."""

    ref: RecordRef
    past: PastMotion
    command: RouteCommand
    future_m: FloatArray | None
    ratings: tuple[RatedTrajectory, ...]


def plan_drives(
    segment: str, records: Iterable[tuple[RecordRef, Any]], options: CameraOptions, report: ImportReport
) -> list[Drive]:
    """Turn the records of one segment, in order, into drives: one, or more where over 3.75 s are missing.

    Raises SkipError when no frame is usable or the cameras asked for are not there.
    """
    moments: list[Moment] = []
    models: dict[str, CameraModel] = {}
    for ref, record in records:
        models = models or camera_models(record.frame.context.camera_calibrations, options)
        try:
            moments.append(_moment(ref, record, report))
        except SkipError as error:
            report.skip("frame", error.reason, f"{ref}: {error}")
    if not moments:
        raise SkipError("no usable frame")
    stamps_ns, time_source = _stamps(moments)
    breaks = [0, *(np.flatnonzero(np.diff(stamps_ns) > _LONGEST_GAP_NS) + 1).tolist(), len(moments)]
    return [
        _drive(segment, first, moments[first:end], stamps_ns[first:end], time_source, models)
        for first, end in itertools.pairwise(breaks)
    ]


def _moment(ref: RecordRef, record: Any, report: ImportReport) -> Moment:
    past = record.past_states
    motion = PastMotion(
        _points(past.pos_x, past.pos_y, PAST_STEPS, "past_states.pos"),
        _points(past.vel_x, past.vel_y, PAST_STEPS, "past_states.vel"),
    )
    future_m = None
    if len(record.future_states.pos_x) > 0:
        try:
            future_m = _points(record.future_states.pos_x, record.future_states.pos_y, WAYPOINTS, "future_states.pos")
        except SkipError as error:
            report.skip("label", error.reason, f"{ref}: {error}")
    known = record.intent in Intent._value2member_map_
    command = _COMMANDS[Intent(record.intent)] if known else RouteCommand.VOID
    return Moment(ref, motion, command, future_m, _ratings(ref, record, report))


def _points(xs: Any, ys: Any, length: int, what: str) -> FloatArray:
    if len(xs) != length or len(ys) != length:
        raise SkipError(f"{what} has not {length} points", f"{len(xs)} x and {len(ys)} y")
    points = np.array([xs, ys], dtype=np.float64).T
    if not bool(np.isfinite(points).all()):
        raise SkipError(f"{what} is not finite")
    return points


def _ratings(ref: RecordRef, record: Any, report: ImportReport) -> tuple[RatedTrajectory, ...]:
    """Take the rated futures; a score of -1 or none means that nobody rated it."""
    ratings = []
    for states in record.preference_trajectories:
        if not states.HasField("preference_score") or states.preference_score < 0.0:
            continue
        try:
            points = _points(states.pos_x, states.pos_y, max(len(states.pos_x), 1), "preference_trajectories.pos")
            ratings.append(RatedTrajectory(points, float(states.preference_score)))
        except SkipError as error:
            report.skip("rating", error.reason, f"{ref}: {error}")
    return tuple(ratings)


def _stamps(moments: list[Moment]) -> tuple[np.ndarray, str]:
    """Choose times in ns: the records' own if all have one and it increases, else sequence numbers at 10 Hz."""
    times_us = np.array([moment.ref.key.timestamp_us for moment in moments], dtype=np.int64)
    if bool((times_us > 0).all() and (np.diff(times_us) > 0).all()):
        return (times_us - times_us[0]) * 1000, "timestamp_micros"
    numbers = np.array([moment.ref.key.order for moment in moments], dtype=np.int64)
    return (numbers - numbers[0]) * FRAME_NS, "sequence number at 10 Hz"


def _drive(
    segment: str,
    first: int,
    moments: list[Moment],
    stamps_ns: np.ndarray,
    time_source: str,
    models: dict[str, CameraModel],
) -> Drive:
    frames: list[tuple[RecordRef, EpisodeFrame]] = []
    pose = SE2(0.0, 0.0, 0.0)
    ages_s = np.diff(stamps_ns, prepend=stamps_ns[0]) / 1e9
    for moment, stamp_ns, age_s in zip(moments, stamps_ns - stamps_ns[0], ages_s, strict=True):
        if frames:
            pose = pose.compose(moment.past.pose_now_from_before(float(age_s)).inverse())
        frames.append((moment.ref, _frame(moment, int(stamp_ns), pose)))
    name = segment if first == 0 else f"{segment}_{moments[0].ref.key.order:06d}"
    recorder = {
        "segment": segment,
        "first_sequence_number": moments[0].ref.key.order,
        "time_source": time_source,
        "pose_source": "chained from past_states; the first frame is the origin",
        "command_source": "intent",
    }
    header = drive_header(name, "waymo_e2e", "waymo_e2e", segment, "unknown", "rear_axle", models, recorder)
    return Drive(header, tuple(frames), models)


def _frame(moment: Moment, stamp_ns: int, pose: SE2) -> EpisodeFrame:
    vx, vy = moment.past.velocities_mps[-1]
    yaw_rate = float(-moment.past.headings_rad()[-2]) / STEP_S
    ego = EgoState(
        stamp_ns=stamp_ns,
        pose_map_from_base_link=Pose.from_xyz_rpy(pose.x_m, pose.y_m, 0.0, yaw_rad=pose.yaw_rad),
        linear_velocity_mps=(float(vx), float(vy), 0.0),
        angular_velocity_radps=(0.0, 0.0, yaw_rate),
    )
    return EpisodeFrame(ego, moment.command, None, None, {}, moment.future_m, moment.ratings)
