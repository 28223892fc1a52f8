"""Where the vehicle was: a window of odometry, looked up at times between its stamps."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray, Pose, Quaternion, Vector3
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState

#: Faster than any vehicle drives, and farther than a localization corrects itself.
MAX_SPEED_MPS, MAX_CORRECTION_M = 100.0, 5.0


def is_out_of_reach(before: EgoState, after: EgoState) -> bool:
    """Whether a vehicle cannot have driven from one state to the other: it was put elsewhere in between."""
    p, q = before.pose_map_from_base_link, after.pose_map_from_base_link
    time_s = abs(after.stamp_ns - before.stamp_ns) / NANOSECONDS_PER_SECOND
    return math.hypot(q.x_m - p.x_m, q.y_m - p.y_m) > MAX_CORRECTION_M + MAX_SPEED_MPS * time_s


class Motion:
    """Ego states in order of their stamps, the newest at the end. Nothing is told across a gap of ``max_gap_ns``."""

    def __init__(self, max_gap_ns: int) -> None:
        self._max_gap_ns = max_gap_ns
        self._states: deque[EgoState] = deque()

    @property
    def newest_ns(self) -> int | None:
        """Stamp of the newest state."""
        return self._states[-1].stamp_ns if self._states else None

    @property
    def oldest_ns(self) -> int | None:
        """Stamp of the oldest state that is kept."""
        return self._states[0].stamp_ns if self._states else None

    def is_elsewhere(self, state: EgoState) -> bool:
        """Whether the vehicle cannot have driven from the newest state to this later one."""
        return bool(self._states) and is_out_of_reach(self._states[-1], state)

    def add(self, state: EgoState) -> bool:
        """Add the next state; one that is not newer than the last is refused (False)."""
        if self._states and state.stamp_ns <= self._states[-1].stamp_ns:
            return False
        self._states.append(state)
        return True

    def forget_before(self, stamp_ns: int) -> None:
        """Drop what is not needed to tell states from ``stamp_ns`` on."""
        while len(self._states) > 2 and self._states[1].stamp_ns <= stamp_ns:
            self._states.popleft()

    def clear(self) -> None:
        """Forget everything."""
        self._states.clear()

    def state_at(self, stamp_ns: int) -> EgoState | None:
        """Tell the state at a time: the recorded one, or in between; None outside of what is known."""
        before = None
        for state in reversed(self._states):
            if state.stamp_ns == stamp_ns:
                return state
            if state.stamp_ns < stamp_ns:
                return None if before is None else self._between(state, before, stamp_ns)
            before = state
        return None

    def positions_at(self, stamps_ns: NDArray[np.int64]) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Tell positions (N, 2) in map at N times, linear in between, and which of them are known (N,)."""
        if not self._states:
            return np.zeros((len(stamps_ns), 2)), np.zeros(len(stamps_ns), dtype=bool)
        known = np.array([state.stamp_ns for state in self._states], dtype=np.int64)
        poses = (state.pose_map_from_base_link for state in self._states)
        points = np.array([(pose.x_m, pose.y_m) for pose in poses], dtype=np.float64)
        after = np.searchsorted(known, stamps_ns)
        inside = after < len(known)
        after = np.minimum(after, len(known) - 1)
        before = np.maximum(after - 1, 0)
        exact = known[after] == stamps_ns
        step = np.maximum(known[after] - known[before], 1)
        share = ((stamps_ns - known[before]) / step)[:, None]
        found = points[before] + share * (points[after] - points[before])
        found[exact] = points[after[exact]]
        near = (known[after] - known[before] <= self._max_gap_ns) & (stamps_ns > known[0])
        return found, inside & (exact | near)

    def _between(self, a: EgoState, b: EgoState, stamp_ns: int) -> EgoState | None:
        step_ns = b.stamp_ns - a.stamp_ns
        if step_ns > self._max_gap_ns:
            return None
        u = (stamp_ns - a.stamp_ns) / step_ns
        p, q = a.pose_map_from_base_link, b.pose_map_from_base_link
        pose = Pose(
            *_mix((p.x_m, p.y_m, p.z_m), (q.x_m, q.y_m, q.z_m), u), _mix_rotations(p.orientation, q.orientation, u)
        )
        return EgoState(
            stamp_ns,
            pose,
            _mix(a.linear_velocity_mps, b.linear_velocity_mps, u),
            _mix(a.angular_velocity_radps, b.angular_velocity_radps, u),
        )


def _mix(a: Vector3, b: Vector3, u: float) -> Vector3:
    return (a[0] + u * (b[0] - a[0]), a[1] + u * (b[1] - a[1]), a[2] + u * (b[2] - a[2]))


def _mix_rotations(a: Quaternion, b: Quaternion, u: float) -> Quaternion:
    """Interpolate linearly and normalise: for the small turns between two stamps as good as along the arc."""
    first, second = (a.x, a.y, a.z, a.w), (b.x, b.y, b.z, b.w)
    sign = 1.0 if sum(x * y for x, y in zip(first, second, strict=True)) >= 0.0 else -1.0
    mixed = [x + u * (sign * y - x) for x, y in zip(first, second, strict=True)]
    norm = math.sqrt(sum(x * x for x in mixed)) or 1.0
    return Quaternion(*(x / norm for x in mixed))
