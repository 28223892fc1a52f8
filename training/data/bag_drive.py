"""One drive of a bag on its way into an episode: frames wait until the vehicle has driven their labels."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from waypilot.bags.events import Commanded, Frame
from waypilot.bags.frames import LATE_NS
from waypilot.bags.motion import Motion
from waypilot.episodes import EpisodeFrame, EpisodeWriter
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.rig import CameraSpec
from waypilot.route import Route
from waypilot.types import Control, EgoState, RgbImage

#: How far a command's stamp may be from the frame that it is taken to answer.
COMMAND_NS = 50_000_000
#: How many commands may wait for the frames that they answer.
MAX_COMMANDS = 2000
#: By how much a frame may come before it is due: stamps of real cameras tremble.
EARLY_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """Every frame ``every_ns`` after the last one gets ``waypoints`` labels ``waypoint_dt_ns`` apart."""

    every_ns: int = 200_000_000
    waypoints: int = 20
    waypoint_dt_ns: int = 250_000_000
    max_gap_ns: int = 500_000_000

    def __post_init__(self) -> None:
        for name in ("every_ns", "waypoints", "waypoint_dt_ns", "max_gap_ns"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")

    @property
    def horizon_ns(self) -> int:
        """How far labels reach."""
        return self.waypoints * self.waypoint_dt_ns


@dataclass(slots=True)
class _Waiting:
    frame: EpisodeFrame
    images: Mapping[str, RgbImage]


@dataclass(slots=True)
class BagDrive:
    """Writes the frames of one drive; only those whose label is not driven yet are kept in memory.

    Without a ``route`` the command is VOID (unknown) and there is no target point. ``counts`` has what was left out.
    """

    writer: EpisodeWriter
    route: Route | None
    cameras: tuple[CameraSpec, ...]
    config: LabelConfig
    counts: Counter[str]
    _builder: ObservationBuilder = field(init=False)
    _future: Motion = field(init=False)
    _waiting: deque[_Waiting] = field(default_factory=deque)
    _commands: deque[Commanded] = field(default_factory=deque)
    _start_ns: int | None = None
    _last_ns: int | None = None

    def __post_init__(self) -> None:
        self._future = Motion(self.config.max_gap_ns)
        self._builder = ObservationBuilder(self.route, ObservationConfig(self.cameras))

    def on_motion(self, ego: EgoState) -> None:
        """Take the next ego state, and write what has its whole label now."""
        self._future.add(ego)
        self._write_driven(ego.stamp_ns)
        oldest_ns = self._waiting[0].frame.ego.stamp_ns if self._waiting else ego.stamp_ns - LATE_NS
        self._future.forget_before(oldest_ns)

    def on_command(self, command: Commanded) -> None:
        """Take what the driver commanded."""
        self._commands.append(command)
        if len(self._commands) > MAX_COMMANDS:
            self._commands.popleft()
            self.counts["commands too far ahead of their frames"] += 1

    def on_frame(self, frame: Frame) -> None:
        """Take the next frame, when one is due."""
        stamp_ns = frame.ego.stamp_ns
        # Every frame is looked at, also those that are not due: black and frozen pictures show over time.
        seen = self._builder.build(frame.ego, frame.images)
        if self._last_ns is not None and stamp_ns - self._last_ns < self.config.every_ns - EARLY_NS:
            return
        if not seen.images:
            self.counts["frames without a usable image"] += 1
        else:
            self._last_ns = stamp_ns
            target_m = None if self.route is None else seen.target_point_m
            waiting = EpisodeFrame(frame.ego, seen.command, target_m, control=None, images={}, waypoints_m=None)
            self._waiting.append(_Waiting(waiting, seen.images))
            # Images may come long after the odometry; then their future is known already.
            self._write_driven(self._future.newest_ns or 0)

    def finish(self) -> None:
        """Leave out what has no whole label."""
        while self._waiting:
            self._write(self._waiting.popleft())

    def _write_driven(self, now_ns: int) -> None:
        while self._waiting and self._waiting[0].frame.ego.stamp_ns + self.config.horizon_ns <= now_ns:
            self._write(self._waiting.popleft())

    def _write(self, waiting: _Waiting) -> None:
        ego = waiting.frame.ego
        ahead_ns = self.config.waypoint_dt_ns * np.arange(1, self.config.waypoints + 1, dtype=np.int64)
        driven_m, known = self._future.positions_at(ego.stamp_ns + ahead_ns)
        if not known.all():
            self.counts["frames whose future is not known"] += 1
            return
        label_m = ego.pose_map_from_base_link.planar.inverse().transform_points(driven_m)
        self._start_ns = ego.stamp_ns if self._start_ns is None else self._start_ns
        frame = replace(
            waiting.frame,
            ego=replace(ego, stamp_ns=ego.stamp_ns - self._start_ns),
            control=self._control_at(ego.stamp_ns),
            waypoints_m=label_m,
        )
        self.writer.add_frame(frame, waiting.images)

    def _control_at(self, stamp_ns: int) -> Control | None:
        while len(self._commands) > 1 and self._commands[1].stamp_ns <= stamp_ns:
            self._commands.popleft()
        near = [command for command in list(self._commands)[:2] if abs(command.stamp_ns - stamp_ns) <= COMMAND_NS]
        return min(near, key=lambda command: abs(command.stamp_ns - stamp_ns)).control if near else None
