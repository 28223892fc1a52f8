"""What is around the vehicle, written as messages; a number that is unknown is NaN. Read by ``waypilot.messages``."""

from __future__ import annotations

import math

from waypilot_msgs.msg import RoadSample as RoadMessage
from waypilot_msgs.msg import RoadUser as RoadUserMessage
from waypilot_msgs.msg import SceneInfo as SceneMessage
from waypilot_msgs.msg import SignalState as SignalStateMessage
from waypilot_msgs.msg import StopLine as StopLineMessage
from waypilot_msgs.msg import Surroundings as SurroundingsMessage

from waypilot.messages import (
    ACTOR_KIND_NUMBERS,
    LIGHT_NUMBERS,
    MAP_FRAME,
    ROAD_NUMBERS,
    SIGNAL_NUMBERS,
    scene_from_msg,
    surroundings_from_msg,
)
from waypilot.surroundings import ActorState, RoadSample, SceneInfo, StopLine, Surroundings
from waypilot_ros.conversions import header

__all__ = ["scene_from_msg", "scene_to_msg", "surroundings_from_msg", "surroundings_to_msg"]


def scene_to_msg(scene: SceneInfo, stamp_ns: int) -> SceneMessage:
    """Write what stays the same during a drive that is set up at ``stamp_ns``."""
    return SceneMessage(
        header=header(stamp_ns, MAP_FRAME),
        ego_half_length_m=float(scene.ego.half_length_m),
        ego_half_width_m=float(scene.ego.half_width_m),
        ego_centre_x_m=float(scene.ego.centre_x_m),
        stop_lines=[_line_to_msg(line) for line in scene.stop_lines],
    )


def surroundings_to_msg(surroundings: Surroundings) -> SurroundingsMessage:
    """Write what is around the vehicle on one frame."""
    message = SurroundingsMessage(
        header=header(surroundings.stamp_ns, MAP_FRAME),
        actors=[_actor_to_msg(actor) for actor in surroundings.actors],
        lights=[
            SignalStateMessage(signal_id=int(number), state=LIGHT_NUMBERS[state])
            for number, state in surroundings.lights
        ],
        road_known=surroundings.road is not None,
    )
    if surroundings.road is not None:
        message.road = _road_to_msg(surroundings.road)
    return message


def _line_to_msg(line: StopLine) -> StopLineMessage:
    return StopLineMessage(
        signal_id=int(line.signal_id),
        kind=SIGNAL_NUMBERS[line.kind],
        left_m=[float(line.left_m[0]), float(line.left_m[1])],
        right_m=[float(line.right_m[0]), float(line.right_m[1])],
        heading_rad=float(line.heading_rad),
    )


def _actor_to_msg(actor: ActorState) -> RoadUserMessage:
    pose = actor.pose_map_from_box
    return RoadUserMessage(
        actor_id=int(actor.actor_id),
        kind=ACTOR_KIND_NUMBERS[actor.kind],
        type_id=actor.type_id,
        x_m=float(pose.x_m),
        y_m=float(pose.y_m),
        yaw_rad=float(pose.yaw_rad),
        velocity_x_mps=float(actor.velocity_mps[0]),
        velocity_y_mps=float(actor.velocity_mps[1]),
        half_length_m=float(actor.half_length_m),
        half_width_m=float(actor.half_width_m),
    )


def _road_to_msg(road: RoadSample) -> RoadMessage:
    return RoadMessage(
        type=ROAD_NUMBERS[road.type],
        road_id=int(road.road_id),
        lane_id=int(road.lane_id),
        in_junction=bool(road.in_junction),
        lane_width_m=float(road.lane_width_m),
        lane_lateral_m=_number_or_nan(road.lane_lateral_m),
        lane_heading_rad=_number_or_nan(road.lane_heading_rad),
        corners=[ROAD_NUMBERS[corner] for corner in road.corners],
        speed_limit_mps=_number_or_nan(road.speed_limit_mps),
    )


def _number_or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
