"""Plays a recording in the present world, step by step."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carla_lite.recording import Frame, LogReader, RecordingError
from carla_lite.recording.log_records import Position
from carla_lite.recording.packets import PacketId
from carla_lite.wire.log_values import read_log_pose
from carla_lite.wire.replayed_actors import ReplayedActors
from waypilot.geometry import Pose, Vector3, wrap_angle

if TYPE_CHECKING:
    from carla_lite.wire.simulation import Simulation

_LOG = logging.getLogger(__name__)
# Times of frames are sums of steps: what differs by less is the same time.
_SAME_TIME_S = 1e-6


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What to play: from ``start_s`` (negative: so long before the end) for ``duration_s`` (0: to the end).

    The spectator follows the recorded actor ``follow_id`` at ``follow_offset`` in its axes (0: nobody).
    """

    start_s: float
    duration_s: float
    follow_id: int
    follow_offset: Pose
    with_sensors: bool


class Replayer:
    """Plays one recording at a time.

    At a time between two frames actors are between their two poses. ``time_factor`` is recorded time per simulated
    time; it may change while a recording plays, the other settings count when one starts.
    """

    def __init__(self, simulation: Simulation) -> None:
        self.time_factor = 1.0
        self.ignore_hero = False
        self.ignore_spectator = True
        self._simulation = simulation
        self._playing: _Playing | None = None

    @property
    def plays(self) -> bool:
        """Whether a recording is playing."""
        return self._playing is not None

    def start(self, log: LogReader, request: ReplayRequest) -> None:
        """Put the world into the state at the start of what is to be played."""
        self.stop(keep_actors=True)
        actors = ReplayedActors(self._simulation, self.ignore_hero, self.ignore_spectator, request.with_sensors)
        self._playing = _Playing(log, request, actors)
        self._guarded(lambda playing: playing.begin())

    def before_step(self, step_s: float) -> None:
        """Move the actors to where they are ``step_s`` of simulated time later; let them go when all is played."""
        if self._playing is not None and self._playing.is_over:
            self.stop(keep_actors=True)
        self._guarded(lambda playing: playing.advance(step_s * self.time_factor, self.time_factor))

    def after_step(self) -> None:
        """Show the traffic lights, which went on by themselves in the step."""
        self._guarded(lambda playing: playing.show_traffic_lights())

    def stop(self, keep_actors: bool) -> None:
        """End playing, if there is any: actors go on by themselves, or those made for the recording are removed."""
        if self._playing is not None:
            playing, self._playing = self._playing, None
            playing.end(keep_actors)

    def _guarded(self, action: Callable[[_Playing], None]) -> None:
        """Do something if a recording plays; one that turns out to be damaged ends there."""
        if self._playing is None:
            return
        try:
            action(self._playing)
        except (RecordingError, OSError) as error:
            _LOG.error("the recording %s ends here: %s", self._playing.log.path, error)
            self.stop(keep_actors=True)


class _Playing:
    """A recording at a time of its own."""

    def __init__(self, log: LogReader, request: ReplayRequest, actors: ReplayedActors) -> None:
        self.log = log
        self._request = request
        self._actors = actors
        self._time_s, self._stop_s = span(log, request)
        self._index = -1
        self._before: Frame | None = None
        self._now: Frame | None = None
        self._after: Frame | None = log.read(0)

    @property
    def is_over(self) -> bool:
        """Whether all that was asked for has been played."""
        return self._time_s >= self._stop_s - _SAME_TIME_S

    def begin(self) -> None:
        """Let everything happen that happened before the start."""
        self._seek()
        self._apply(0.0)
        self.show_traffic_lights()

    def advance(self, by_s: float, time_factor: float) -> None:
        """Go on by so much recorded time."""
        self._time_s = min(self._time_s + by_s, self._stop_s)
        self._seek()
        self._apply(time_factor)

    def show_traffic_lights(self) -> None:
        """Show what the traffic lights showed."""
        if self._now is not None:
            self._actors.take_traffic_lights(self._now)

    def end(self, keep_actors: bool) -> None:
        """Let go of actors and file."""
        self._actors.release(keep_actors)
        self.log.close()

    def _seek(self) -> None:
        """Go through the frames up to the one that has begun last."""
        while self._after is not None and self._after.start.elapsed_s <= self._time_s + _SAME_TIME_S:
            self._before, self._now = self._now, self._after
            self._actors.take_events(self._now)
            self._index += 1
            self._after = self.log.read(self._index + 1) if self._index + 1 < len(self.log) else None

    def _apply(self, time_factor: float) -> None:
        """Put everybody where they are now."""
        if self._now is None:
            return
        self._actors.take_controls(self._now)
        share, first, second = self._segment()
        span_s = second.start.elapsed_s - first.start.elapsed_s
        rate = time_factor / span_s if span_s > 0.0 else 0.0
        others = {position.actor_id: position for position in (second if share else first).of(PacketId.POSITION)}
        for position in self._now.of(PacketId.POSITION):
            other = others.get(position.actor_id, position)
            earlier, later = (position, other) if share else (other, position)
            velocity, yaw_rate = _rates(earlier, later, rate)
            self._actors.move(position.actor_id, between(position, other, share), velocity, yaw_rate)
        if self._request.follow_id:
            self._actors.follow(self._request.follow_id, self._request.follow_offset)

    def _segment(self) -> tuple[float, Frame, Frame]:
        """Return how far we are from one frame to the next, and the frames whose difference is the motion now."""
        assert self._now is not None
        start_s = self._now.start.elapsed_s
        if self._after is not None and self._time_s > start_s + _SAME_TIME_S:
            share = (self._time_s - start_s) / (self._after.start.elapsed_s - start_s)
            return share, self._now, self._after
        return 0.0, self._before or self._now, self._now


def span(log: LogReader, request: ReplayRequest) -> tuple[float, float]:
    """Return from when to when a request plays, s of the recording."""
    start_s = request.start_s if request.start_s >= 0.0 else max(log.duration_s + request.start_s, 0.0)
    end_s = start_s + request.duration_s if request.duration_s > 0.0 else log.duration_s
    return start_s, end_s


def between(first: Position, second: Position, share: float) -> Pose:
    """Return the pose at ``share`` of the way from one position to another, turning the shorter way."""
    turns = (_turn_deg(a, b) for a, b in zip(first[4:7], second[4:7], strict=True))
    moves = (b - a for a, b in zip(first[1:4], second[1:4], strict=True))
    return read_log_pose([a + share * change for a, change in zip(first[1:7], (*moves, *turns), strict=True)])


def _rates(first: Position, second: Position, per_s: float) -> tuple[Vector3, float]:
    """Return velocity (m/s, map axes) and yaw rate (rad/s) of the way from one position to another."""
    a, b = read_log_pose(first[1:7]), read_log_pose(second[1:7])
    velocity = ((b.x_m - a.x_m) * per_s, (b.y_m - a.y_m) * per_s, (b.z_m - a.z_m) * per_s)
    return velocity, wrap_angle(b.orientation.yaw_rad - a.orientation.yaw_rad) * per_s


def _turn_deg(first_deg: float, second_deg: float) -> float:
    return math.degrees(wrap_angle(math.radians(second_deg - first_deg)))
