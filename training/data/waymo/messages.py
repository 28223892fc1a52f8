"""The few Waymo messages that an import needs, declared at run time from their public field numbers.

Numbers and meanings: ``dataset.proto`` and ``end_to_end_driving_data.proto`` of waymo-research/waymo-open-dataset.
Fields that are not declared here are skipped. Protobuf takes repeated numbers packed or unpacked, whatever the
declaration says. Enumerations are declared as int32, so that values of the future are kept as numbers, and texts as
bytes, because protobuf's text fields give either text or bytes, depending on their content.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "waypilot.waymo"
_FieldType = descriptor_pb2.FieldDescriptorProto

# Message -> field -> (number, type). A leading "*" means repeated; a capital letter starts a message's name.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Transform": {"transform": (1, "*double")},
    "Velocity": {
        **{name: (i, "float") for i, name in enumerate(("v_x", "v_y", "v_z"), start=1)},
        **{name: (i, "double") for i, name in enumerate(("w_x", "w_y", "w_z"), start=4)},
    },
    "CameraImage": {
        "name": (1, "int32"),
        "image": (2, "bytes"),
        "pose": (3, "Transform"),
        "velocity": (4, "Velocity"),
        "pose_timestamp": (5, "double"),
    },
    "CameraCalibration": {
        "name": (1, "int32"),
        "intrinsic": (2, "*double"),
        "extrinsic": (3, "Transform"),
        "width": (4, "int32"),
        "height": (5, "int32"),
    },
    "Stats": {"time_of_day": (2, "bytes"), "location": (3, "bytes"), "weather": (4, "bytes")},
    "Context": {"name": (1, "bytes"), "camera_calibrations": (2, "*CameraCalibration"), "stats": (4, "Stats")},
    "Frame": {"context": (1, "Context"), "timestamp_micros": (2, "int64"), "images": (4, "*CameraImage")},
    "EgoTrajectoryStates": {
        "pos_x": (1, "*float"),
        "pos_y": (2, "*float"),
        "vel_x": (4, "*float"),
        "vel_y": (5, "*float"),
        "preference_score": (8, "float"),
    },
    "E2EDFrame": {
        "frame": (1, "Frame"),
        "future_states": (5, "EgoTrajectoryStates"),
        "past_states": (6, "EgoTrajectoryStates"),
        "intent": (7, "int32"),
        "preference_trajectories": (8, "*EgoTrajectoryStates"),
    },
}


class CameraName(IntEnum):
    """``CameraName.Name``; perception v1 has the first five."""

    FRONT = 1
    FRONT_LEFT = 2
    FRONT_RIGHT = 3
    SIDE_LEFT = 4
    SIDE_RIGHT = 5
    REAR_LEFT = 6
    REAR = 7
    REAR_RIGHT = 8


class Intent(IntEnum):
    """``EgoIntent.Intent``."""

    UNKNOWN = 0
    GO_STRAIGHT = 1
    GO_LEFT = 2
    GO_RIGHT = 3


def _declare_field(field: Any, name: str, number: int, kind: str) -> None:
    field.name, field.number = name, number
    field.label = _FieldType.LABEL_REPEATED if kind.startswith("*") else _FieldType.LABEL_OPTIONAL
    kind = kind.removeprefix("*")
    if kind[0].isupper():
        field.type, field.type_name = _FieldType.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = _FieldType.Type.Value(f"TYPE_{kind.upper()}")


def _declare() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="waypilot_waymo.proto", package=_PACKAGE, syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, (number, kind) in fields.items():
            _declare_field(message.field.add(), name, number, kind)
    pool = descriptor_pool.DescriptorPool()  # our own: the default one may hold Waymo's classes
    pool.Add(file)
    return pool


_POOL = _declare()


def _message_class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


Frame = _message_class("Frame")
E2EDFrame = _message_class("E2EDFrame")
