"""Writes the traffic lights, signs and controllers of a planned town as OpenDRIVE, with CARLA's codes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from carla_lite.maps.layout import STOP_LINE_DEPTH_M, STOP_LINE_FROM_END_M, Control, Crossing, Street
from carla_lite.maps.number_text import num
from waypilot.geometry import SE2

_LIGHT_FROM_END_M = 0.4
_LIMIT_FROM_END_M = 12.0
_FIRST_CONTROLLER_ID = 20_000
_FIRST_SIGNAL_ID = 1_000
LIGHT, STOP, LIMIT, YIELD = 0, 1, 2, 3
_CODE = {LIGHT: "1000001", STOP: "206", LIMIT: "274", YIELD: "205"}
_SIZE_M = {LIGHT: (0.44, 1.2), STOP: (0.8, 0.8), LIMIT: (0.8, 0.8), YIELD: (0.8, 0.8)}


@dataclass(frozen=True, slots=True)
class Roadside:
    """Poles stand ``pole_t_m`` beside the street's middle and speak to all ``lanes`` of their direction."""

    pole_t_m: float
    lanes: int


def _signal_id(street: int, at_end: bool, kind: int) -> int:
    return _FIRST_SIGNAL_ID + 10 * street + 2 * kind + int(at_end)


def street_signals(index: int, street: Street, ends: dict[bool, Crossing], side: Roadside) -> str:
    """Return the signals of one street: what guards its ends, and how fast one may drive in each direction.

    ``ends`` are the junctions at its start (False) and end (True).
    """
    written = []
    line = STOP_LINE_FROM_END_M + 0.5 * STOP_LINE_DEPTH_M
    for at_end, crossing in sorted(ends.items()):
        if crossing.control is Control.LIGHTS:
            written.append(_signal(index, street, at_end, LIGHT, line, _LIGHT_FROM_END_M, side))
        if crossing.control is Control.STOP and _must_stop(index, at_end, crossing):
            written.append(_signal(index, street, at_end, STOP, line, line, side))
        if crossing.control is Control.YIELD and _must_stop(index, at_end, crossing):
            written.append(_signal(index, street, at_end, YIELD, line, line, side))
        if street.limit_kph:
            written.append(_limit(index, street, at_end, side))
    return "".join(written)


def _must_stop(street: int, at_end: bool, crossing: Crossing) -> bool:
    """Tell whether an arm has to give way: every one of a crossing, at a T-junction the one that ends there."""
    directions = {arm.direction for arm in crossing.arms}
    own = next(arm for arm in crossing.arms if arm.street == street and arm.at_end == at_end)
    return len(directions) == 4 or (own.direction + 2) % 4 not in directions


def _signal(index: int, street: Street, at_end: bool, kind: int, line_m: float, pole_m: float, side: Roadside) -> str:
    """Write a signal for the traffic towards one end: its line and its pole lie so far before that end."""
    length = street.length_m
    s, pole_s = (length - line_m, length - pole_m) if at_end else (line_m, pole_m)
    return _element(_signal_id(index, at_end, kind), street, s, pole_s, at_end, kind, side, 0)


def _limit(index: int, street: Street, at_end: bool, side: Roadside) -> str:
    """Write a speed limit where the traffic towards one end comes in at the other."""
    s = _LIMIT_FROM_END_M if at_end else street.length_m - _LIMIT_FROM_END_M
    return _element(_signal_id(index, at_end, LIMIT), street, s, s, at_end, LIMIT, side, street.limit_kph)


def _element(
    number: int, street: Street, s_m: float, pole_s_m: float, forward: bool, kind: int, side: Roadside, value: int
) -> str:
    t = -side.pole_t_m if forward else side.pole_t_m
    pole = street.pose_at(pole_s_m).compose(SE2(0.0, t, 0.0 if forward else math.pi))
    lanes = (-side.lanes, -1) if forward else (1, side.lanes)
    return signal_text(number, kind, s_m, t, lanes, pole, value)


def signal_text(
    number: int, kind: int, s_m: float, t_m: float, lanes: tuple[int, int], pole: SE2, value: int = 0
) -> str:
    """Write a signal at road position ``s_m`` for lanes of one direction; ``pole`` is where it stands in the map."""
    forward = lanes[0] < 0
    turn = 0.0 if forward else math.pi
    name = {LIGHT: "Signal_3Light_Post01", STOP: "Sign_Stop", LIMIT: f"Speed_{value}", YIELD: "Sign_Yield"}[kind]
    width, height = _SIZE_M[kind]
    shown = f'value="{value}" unit="km/h"' if kind == LIMIT else 'value="-1" unit=""'
    return (
        f'<signal id="{number}" name="{name}" s="{num(s_m)}" t="{num(t_m)}" zOffset="0" hOffset="{num(turn)}" roll="0" '
        f'pitch="0" orientation="{"+" if forward else "-"}" dynamic="{"yes" if kind == LIGHT else "no"}" '
        f'country="OpenDRIVE" type="{_CODE[kind]}" subtype="{value if kind == LIMIT else -1}" {shown} '
        f'height="{num(height)}" width="{num(width)}" text=""><validity fromLane="{lanes[0]}" toLane="{lanes[1]}"/>'
        f'<positionInertial x="{num(pole.x_m)}" y="{num(pole.y_m)}" z="0" hdg="{num(pole.yaw_rad)}" pitch="0" '
        'roll="0"/></signal>'
    )


def _phases(crossing: Crossing) -> list[list[int]]:
    """Return the lights that are green together: those of opposite arms."""
    if crossing.control is not Control.LIGHTS:
        return []
    facing = [
        [_signal_id(arm.street, arm.at_end, LIGHT) for arm in crossing.arms if arm.direction % 2 == axis]
        for axis in (0, 1)
    ]
    return [lights for lights in facing if lights]


def controllers_of(number: int, crossing: Crossing) -> Iterator[str]:
    """Return the controllers of a junction: one per phase."""
    return controller_texts(number, _phases(crossing))


def controller_references(number: int, crossing: Crossing) -> list[str]:
    """Return what a junction says of its controllers."""
    return reference_texts(number, len(_phases(crossing)))


def controller_texts(number: int, phases: list[list[int]]) -> Iterator[str]:
    """Write a controller for each phase of a junction: the ids of its lights."""
    for phase, lights in enumerate(phases):
        controls = "".join(f'<control signalId="{light}" type="0"/>' for light in lights)
        controller = _FIRST_CONTROLLER_ID + 10 * number + phase
        yield f'<controller id="{controller}" name="ctrl{controller}" sequence="{phase}">{controls}</controller>'


def reference_texts(number: int, phases: int) -> list[str]:
    """Write a junction's references to its controllers."""
    return [
        f'<controller id="{_FIRST_CONTROLLER_ID + 10 * number + phase}" type="0" sequence="{phase}"/>'
        for phase in range(phases)
    ]
