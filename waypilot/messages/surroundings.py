"""What is around the vehicle, read from messages. A number that is unknown is NaN in the message."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeVar

from waypilot.geometry import SE2
from waypilot.messages.reading import ACTOR_KINDS, MalformedMessageError, stamp_from_msg
from waypilot.surroundings import (
    ActorState,
    Footprint,
    LightState,
    RoadSample,
    RoadType,
    SceneInfo,
    SignalKind,
    StopLine,
    Surroundings,
)

V = TypeVar("V")

#: Constants of waypilot_msgs: StopLine.kind, SignalState.state, RoadSample.type.
SIGNAL_NUMBERS = {SignalKind.TRAFFIC_LIGHT: 1, SignalKind.STOP_SIGN: 2}
LIGHT_NUMBERS = {
    LightState.RED: 1,
    LightState.YELLOW: 2,
    LightState.GREEN: 3,
    LightState.OFF: 4,
    LightState.UNKNOWN: 5,
}
ROAD_NUMBERS = {
    RoadType.DRIVING: 1,
    RoadType.SHOULDER: 2,
    RoadType.PARKING: 3,
    RoadType.SIDEWALK: 4,
    RoadType.OTHER: 5,
    RoadType.OFF_ROAD: 6,
}


def _meanings(numbers: Mapping[V, int]) -> dict[int, V]:
    return {number: value for value, number in numbers.items()}


_SIGNALS, _LIGHTS, _ROADS = _meanings(SIGNAL_NUMBERS), _meanings(LIGHT_NUMBERS), _meanings(ROAD_NUMBERS)


def scene_from_msg(message: Any) -> SceneInfo:
    """Read what stays the same during a drive; MalformedMessageError for an unknown kind of signal."""
    ego = Footprint(message.ego_half_length_m, message.ego_half_width_m, message.ego_centre_x_m)
    return SceneInfo(ego, tuple(_line_from_msg(line) for line in message.stop_lines))


def surroundings_from_msg(message: Any) -> Surroundings:
    """Read what is around the vehicle on one frame; MalformedMessageError for unknown kinds and states."""
    return Surroundings(
        stamp_ns=stamp_from_msg(message.header.stamp),
        actors=tuple(_actor_from_msg(actor) for actor in message.actors),
        lights=tuple((light.signal_id, _meaning(_LIGHTS, light.state, "light state")) for light in message.lights),
        road=_road_from_msg(message.road) if message.road_known else None,
    )


def _line_from_msg(message: Any) -> StopLine:
    (left_x, left_y), (right_x, right_y) = message.left_m.tolist(), message.right_m.tolist()
    kind = _meaning(_SIGNALS, message.kind, "kind of signal")
    return StopLine(message.signal_id, kind, (left_x, left_y), (right_x, right_y), message.heading_rad)


def _actor_from_msg(message: Any) -> ActorState:
    return ActorState(
        actor_id=message.actor_id,
        kind=_meaning(ACTOR_KINDS, message.kind, "kind of road user"),
        type_id=message.type_id,
        pose_map_from_box=SE2(message.x_m, message.y_m, message.yaw_rad),
        velocity_mps=(message.velocity_x_mps, message.velocity_y_mps),
        half_length_m=message.half_length_m,
        half_width_m=message.half_width_m,
    )


def _road_from_msg(message: Any) -> RoadSample:
    front_left, front_right, rear_right, rear_left = (_meaning(_ROADS, int(x), "type of road") for x in message.corners)
    return RoadSample(
        type=_meaning(_ROADS, message.type, "type of road"),
        road_id=message.road_id,
        lane_id=message.lane_id,
        in_junction=message.in_junction,
        lane_width_m=message.lane_width_m,
        lane_lateral_m=_number_or_none(message.lane_lateral_m),
        lane_heading_rad=_number_or_none(message.lane_heading_rad),
        corners=(front_left, front_right, rear_right, rear_left),
        speed_limit_mps=_number_or_none(message.speed_limit_mps),
    )


def _meaning(meanings: Mapping[int, V], number: int, what: str) -> V:
    if number not in meanings:
        raise MalformedMessageError(f"unknown {what} {number}")
    return meanings[number]


def _number_or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
