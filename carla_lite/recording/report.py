"""What is told of a recording: the three texts of CARLA's client, line by line as CARLA writes them.

Tools read them (scenario_runner's metrics do), so the words and the order are CARLA's.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import NamedTuple

from carla_lite.recording.log_file import Frame, LogReader
from carla_lite.recording.log_records import ActorAdded, ActorKind, CollisionRecord
from carla_lite.recording.packets import PacketId, RecordingError
from carla_lite.recording.record_text import EVENTS, STATES, lines_of

ANY, HERO = "a", "h"
CATEGORIES = {"o", "v", "w", "t", HERO, ANY}
"""What actors can be chosen by: other, vehicle, walker, traffic light, hero, any."""

MAX_TEXT = 64 << 20
"""Characters that a text may have; clients take no larger reply."""

_CATEGORY_OF_KIND: dict[int, str] = {ActorKind.VEHICLE: "v", ActorKind.WALKER: "w", ActorKind.TRAFFIC_LIGHT: "t"}
_MOVERS = (ActorKind.VEHICLE, ActorKind.WALKER)


def file_info(log: LogReader, show_all: bool) -> str:
    """Tell what happens in a recording: events, and with ``show_all`` also every state of every frame.

    Raises RecordingError when the text would be longer than ``MAX_TEXT``.
    """
    lines = _head(log)
    size = 0
    damage: list[str] = []
    for frame in _whole_frames(log, damage):
        told = _frame_lines(frame, show_all)
        size += sum(map(len, told))
        if size > MAX_TEXT:
            raise RecordingError(f"the text would be longer than {MAX_TEXT >> 20} MiB; ask for less than everything")
        lines += told
    return _text(log, lines, damage)


def collisions(log: LogReader, first: str, second: str) -> str:
    """List when collisions between two categories of actors begin, whichever of the two ran into the other.

    Raises RecordingError for a category that is none of ``CATEGORIES``.
    """
    for category in (first, second):
        if category not in CATEGORIES:
            raise RecordingError(f"there is no category '{category}' of actors; give one of {', '.join(CATEGORIES)}")
    lines = [*_head(log), f"{'Time':>8} {'Types':>6} {'Id':>6} {'Actor 1':<35} {'Id':>6} {'Actor 2':<35}"]
    actors: dict[int, ActorAdded] = {}
    touching: set[tuple[int, int]] = set()
    damage: list[str] = []
    for frame in _whole_frames(log, damage):
        actors.update((actor.actor_id, actor) for actor in frame.of(PacketId.EVENT_ADD))
        now = set()
        for collision in frame.of(PacketId.COLLISION):
            sides = _matching_sides(collision, actors, first, second)
            if sides is not None:
                now.add(collision[1:3])
                if collision[1:3] not in touching:
                    lines.append(_collision_line(frame.start.elapsed_s, actors, *sides))
        touching = now
    return _text(log, lines, damage)


def actors_blocked(log: LogReader, min_time_s: float, min_distance_cm: float) -> str:
    """List vehicles and walkers that moved less than a distance for at least a time, longest first."""
    lines = [*_head(log), f"{'Time':>8} {'Id':>6} {'Actor':<35} {'Duration':>10}"]
    rests = _Rests(min_time_s, min_distance_cm)
    damage: list[str] = []
    for frame in _whole_frames(log, damage):
        rests.see(frame)
    rests.end_all(log.duration_s)
    lines += [f"{s.since_s:>8.0f} {s.actor_id:>6} {s.name:<35} {s.duration_s:>10.0f}" for s in rests.longest_first()]
    return _text(log, lines, damage)


class _Rest(NamedTuple):
    """How long an actor stayed in one place."""

    actor_id: int
    name: str
    since_s: float
    duration_s: float


class _Rests:
    """Finds out which vehicles and walkers stay where they are for how long."""

    def __init__(self, min_time_s: float, min_distance_cm: float) -> None:
        self._min_time_s = min_time_s
        self._min_distance_cm = min_distance_cm
        self._names: dict[int, str] = {}
        self._resting: dict[int, tuple[tuple[float, float, float], float]] = {}  # id -> place, since when
        self._found: list[_Rest] = []

    def see(self, frame: Frame) -> None:
        """Take in the next frame."""
        now_s = frame.start.elapsed_s
        self._names.update((a.actor_id, a.type_id) for a in frame.of(PacketId.EVENT_ADD) if a.kind in _MOVERS)
        for position in frame.of(PacketId.POSITION):
            actor_id, place = position.actor_id, position[1:4]
            if actor_id in self._resting and self._has_left(actor_id, place):
                self._end(actor_id, now_s)
            if actor_id in self._names:
                self._resting.setdefault(actor_id, (place, now_s))
        for gone in frame.of(PacketId.EVENT_DEL):
            if gone.actor_id in self._resting:
                self._end(gone.actor_id, now_s)

    def _has_left(self, actor_id: int, place: tuple[float, float, float]) -> bool:
        return math.dist(self._resting[actor_id][0], place) >= self._min_distance_cm

    def _end(self, actor_id: int, now_s: float) -> None:
        _, since_s = self._resting.pop(actor_id)
        if now_s - since_s >= self._min_time_s:
            self._found.append(_Rest(actor_id, self._names[actor_id], since_s, now_s - since_s))

    def end_all(self, now_s: float) -> None:
        """Let those who still rest have rested until now."""
        for actor_id in list(self._resting):
            self._end(actor_id, now_s)

    def longest_first(self) -> list[_Rest]:
        """Return what was found."""
        return sorted(self._found, key=lambda rest: (-rest.duration_s, rest.actor_id))


def _head(log: LogReader) -> list[str]:
    date = time.strftime("%m/%d/%y %H:%M:%S", _local_time(log.head.date_s))
    return [f"Version: {log.head.version}", f"Map: {log.head.map_name}", f"Date: {date}", ""]


def _local_time(date_s: int) -> time.struct_time:
    try:
        return time.localtime(date_s)
    except (OverflowError, ValueError, OSError):
        return time.localtime(0)


def _whole_frames(log: LogReader, damage: list[str]) -> Iterator[Frame]:
    """Go through the frames up to the first that is damaged; adds what is wrong with the file to ``damage``."""
    try:
        yield from log
    except RecordingError as error:
        damage.append(str(error))
    if log.damage:
        damage.append(log.damage)


def _text(log: LogReader, lines: list[str], damage: list[str]) -> str:
    end = ["", f"Frames: {len(log)}", f"Duration: {log.duration_s:g} seconds"]
    return "\n".join([*lines, *end, *(f"The file is damaged: {each}" for each in damage), ""])


def _frame_lines(frame: Frame, show_all: bool) -> list[str]:
    events = [
        line for packet_id, records in frame.packets if packet_id in EVENTS for line in lines_of(packet_id, records)
    ]
    if not events and not show_all:
        return []
    lines = [f"Frame {frame.start.number} at {frame.start.elapsed_s:g} seconds", *events]
    for packet_id, records in frame.packets if show_all else ():
        if packet_id in STATES:
            lines += [f" {STATES[packet_id][0]}: {len(records)}", *lines_of(packet_id, records)]
    return lines


def _matching_sides(
    collision: CollisionRecord, actors: dict[int, ActorAdded], first: str, second: str
) -> tuple[tuple[int, str], tuple[int, str]] | None:
    """Return (id, category) of both sides in the order asked for, or None when they are of other categories."""
    one = (collision.first_id, _category(collision.first_id, actors), collision.first_is_hero)
    two = (collision.second_id, _category(collision.second_id, actors), collision.second_is_hero)
    for left, right in ((one, two), (two, one)):
        if _is_of(left, first) and _is_of(right, second):
            return left[:2], right[:2]
    return None


def _category(actor_id: int, actors: dict[int, ActorAdded]) -> str:
    return _CATEGORY_OF_KIND.get(actors[actor_id].kind, "o") if actor_id in actors else "o"


def _is_of(side: tuple[int, str, bool], category: str) -> bool:
    return category in (ANY, side[1]) or (category == HERO and side[2])


def _collision_line(
    elapsed_s: float, actors: dict[int, ActorAdded], first: tuple[int, str], second: tuple[int, str]
) -> str:
    def name(actor_id: int) -> str:
        return actors[actor_id].type_id if actor_id in actors else ""

    return (
        f"{elapsed_s:>8.0f}   {first[1]} {second[1]}  {first[0]:>6} {name(first[0]):<35} "
        f"{second[0]:>6} {name(second[0]):<35}"
    )
