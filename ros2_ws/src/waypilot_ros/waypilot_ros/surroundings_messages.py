"""Messages <-> what is around the vehicle. No value loses a bit on the way; a number that is unknown is NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from waypilot_msgs.msg import RoadSample as RoadMessage
from waypilot_msgs.msg import RoadUser as RoadUserMessage
from waypilot_msgs.msg import SceneInfo as SceneMessage
from waypilot_msgs.msg import SignalState as SignalStateMessage
from waypilot_msgs.msg import StopLine as StopLineMessage
from waypilot_msgs.msg import Surroundings as SurroundingsMessage

from waypilot.geometry import SE2
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
from waypilot.types import ActorKind
from waypilot_ros.conversions import MAP_FRAME, MalformedMessageError, header, stamp_from_msg

V = TypeVar("V")

_SIGNAL_NUMBERS = {
    SignalKind.TRAFFIC_LIGHT: StopLineMessage.TRAFFIC_LIGHT,
    SignalKind.STOP_SIGN: StopLineMessage.STOP_SIGN,
}
_LIGHT_NUMBERS = {
    LightState.RED: SignalStateMessage.RED,
    LightState.YELLOW: SignalStateMessage.YELLOW,
    LightState.GREEN: SignalStateMessage.GREEN,
    LightState.OFF: SignalStateMessage.OFF,
    LightState.UNKNOWN: SignalStateMessage.UNKNOWN,
}
_USER_NUMBERS = {
    ActorKind.VEHICLE: RoadUserMessage.VEHICLE,
    ActorKind.PEDESTRIAN: RoadUserMessage.PEDESTRIAN,
    ActorKind.STATIC: RoadUserMessage.STATIC,
}
_ROAD_NUMBERS = {
    RoadType.DRIVING: RoadMessage.DRIVING,
    RoadType.SHOULDER: RoadMessage.SHOULDER,
    RoadType.PARKING: RoadMessage.PARKING,
    RoadType.SIDEWALK: RoadMessage.SIDEWALK,
    RoadType.OTHER: RoadMessage.OTHER,
    RoadType.OFF_ROAD: RoadMessage.OFF_ROAD,
}


def _meanings(numbers: Mapping[V, int]) -> dict[int, V]:
    return {number: value for value, number in numbers.items()}


_SIGNALS, _LIGHTS = _meanings(_SIGNAL_NUMBERS), _meanings(_LIGHT_NUMBERS)
_USERS, _ROADS = _meanings(_USER_NUMBERS), _meanings(_ROAD_NUMBERS)


def scene_to_msg(scene: SceneInfo, stamp_ns: int) -> SceneMessage:
    """Write what stays the same during a drive that is set up at ``stamp_ns``."""
    return SceneMessage(
        header=header(stamp_ns, MAP_FRAME),
        ego_half_length_m=float(scene.ego.half_length_m),
        ego_half_width_m=float(scene.ego.half_width_m),
        ego_centre_x_m=float(scene.ego.centre_x_m),
        stop_lines=[_line_to_msg(line) for line in scene.stop_lines],
    )


def scene_from_msg(message: SceneMessage) -> SceneInfo:
    """Read what stays the same during a drive; MalformedMessageError for an unknown kind of signal."""
    ego = Footprint(message.ego_half_length_m, message.ego_half_width_m, message.ego_centre_x_m)
    return SceneInfo(ego, tuple(_line_from_msg(line) for line in message.stop_lines))


def surroundings_to_msg(surroundings: Surroundings) -> SurroundingsMessage:
    """Write what is around the vehicle on one frame."""
    message = SurroundingsMessage(
        header=header(surroundings.stamp_ns, MAP_FRAME),
        actors=[_actor_to_msg(actor) for actor in surroundings.actors],
        lights=[
            SignalStateMessage(signal_id=int(number), state=_LIGHT_NUMBERS[state])
            for number, state in surroundings.lights
        ],
        road_known=surroundings.road is not None,
    )
    if surroundings.road is not None:
        message.road = _road_to_msg(surroundings.road)
    return message


def surroundings_from_msg(message: SurroundingsMessage) -> Surroundings:
    """Read what is around the vehicle on one frame; MalformedMessageError for unknown kinds and states."""
    return Surroundings(
        stamp_ns=stamp_from_msg(message.header.stamp),
        actors=tuple(_actor_from_msg(actor) for actor in message.actors),
        lights=tuple((light.signal_id, _meaning(_LIGHTS, light.state, "light state")) for light in message.lights),
        road=_road_from_msg(message.road) if message.road_known else None,
    )


def _line_to_msg(line: StopLine) -> StopLineMessage:
    return StopLineMessage(
        signal_id=int(line.signal_id),
        kind=_SIGNAL_NUMBERS[line.kind],
        left_m=[float(line.left_m[0]), float(line.left_m[1])],
        right_m=[float(line.right_m[0]), float(line.right_m[1])],
        heading_rad=float(line.heading_rad),
    )


def _line_from_msg(message: StopLineMessage) -> StopLine:
    (left_x, left_y), (right_x, right_y) = message.left_m.tolist(), message.right_m.tolist()
    kind = _meaning(_SIGNALS, message.kind, "kind of signal")
    return StopLine(message.signal_id, kind, (left_x, left_y), (right_x, right_y), message.heading_rad)


def _actor_to_msg(actor: ActorState) -> RoadUserMessage:
    pose = actor.pose_map_from_box
    return RoadUserMessage(
        actor_id=int(actor.actor_id),
        kind=_USER_NUMBERS[actor.kind],
        type_id=actor.type_id,
        x_m=float(pose.x_m),
        y_m=float(pose.y_m),
        yaw_rad=float(pose.yaw_rad),
        velocity_x_mps=float(actor.velocity_mps[0]),
        velocity_y_mps=float(actor.velocity_mps[1]),
        half_length_m=float(actor.half_length_m),
        half_width_m=float(actor.half_width_m),
    )


def _actor_from_msg(message: RoadUserMessage) -> ActorState:
    return ActorState(
        actor_id=message.actor_id,
        kind=_meaning(_USERS, message.kind, "kind of road user"),
        type_id=message.type_id,
        pose_map_from_box=SE2(message.x_m, message.y_m, message.yaw_rad),
        velocity_mps=(message.velocity_x_mps, message.velocity_y_mps),
        half_length_m=message.half_length_m,
        half_width_m=message.half_width_m,
    )


def _road_to_msg(road: RoadSample) -> RoadMessage:
    return RoadMessage(
        type=_ROAD_NUMBERS[road.type],
        road_id=int(road.road_id),
        lane_id=int(road.lane_id),
        in_junction=bool(road.in_junction),
        lane_width_m=float(road.lane_width_m),
        lane_lateral_m=_number_or_nan(road.lane_lateral_m),
        lane_heading_rad=_number_or_nan(road.lane_heading_rad),
        corners=[_ROAD_NUMBERS[corner] for corner in road.corners],
        speed_limit_mps=_number_or_nan(road.speed_limit_mps),
    )


def _road_from_msg(message: RoadMessage) -> RoadSample:
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


def _number_or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _number_or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
