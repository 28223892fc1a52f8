"""Interoperability with carla_ros_bridge needs the same names, order and types of fields as carla_msgs 1.3.0."""

import json

import carla_msgs.msg
import pytest
from ament_index_python.packages import get_package_share_path
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

CONTROL = "carla_msgs/CarlaEgoVehicleControl"
HEADER = "std_msgs/Header"
VECTOR = "geometry_msgs/Vector3"

FIELDS = {
    "CarlaEgoVehicleControl": [
        ("header", HEADER),
        ("throttle", "float"),
        ("steer", "float"),
        ("brake", "float"),
        ("hand_brake", "boolean"),
        ("reverse", "boolean"),
        ("gear", "int32"),
        ("manual_gear_shift", "boolean"),
    ],
    "CarlaEgoVehicleStatus": [
        ("header", HEADER),
        ("velocity", "float"),
        ("acceleration", "geometry_msgs/Accel"),
        ("orientation", "geometry_msgs/Quaternion"),
        ("control", CONTROL),
    ],
    "CarlaEgoVehicleInfo": [
        ("id", "uint32"),
        ("type", "string"),
        ("rolename", "string"),
        ("wheels", "sequence<carla_msgs/CarlaEgoVehicleInfoWheel>"),
        ("max_rpm", "float"),
        ("moi", "float"),
        ("damping_rate_full_throttle", "float"),
        ("damping_rate_zero_throttle_clutch_engaged", "float"),
        ("damping_rate_zero_throttle_clutch_disengaged", "float"),
        ("use_gear_autobox", "boolean"),
        ("gear_switch_time", "float"),
        ("clutch_strength", "float"),
        ("mass", "float"),
        ("drag_coefficient", "float"),
        ("center_of_mass", VECTOR),
    ],
    "CarlaEgoVehicleInfoWheel": [
        ("tire_friction", "float"),
        ("damping_rate", "float"),
        ("max_steer_angle", "float"),
        ("radius", "float"),
        ("max_brake_torque", "float"),
        ("max_handbrake_torque", "float"),
        ("position", VECTOR),
    ],
    "CarlaCollisionEvent": [("header", HEADER), ("other_actor_id", "uint32"), ("normal_impulse", VECTOR)],
    "CarlaLaneInvasionEvent": [("header", HEADER), ("crossed_lane_markings", "sequence<int32>")],
    "CarlaWorldInfo": [("map_name", "string"), ("opendrive", "string")],
    "CarlaStatus": [
        ("frame", "uint64"),
        ("fixed_delta_seconds", "float"),
        ("synchronous_mode", "boolean"),
        ("synchronous_mode_running", "boolean"),
    ],
}


@pytest.mark.parametrize("name", FIELDS)
def test_fields_are_those_of_upstream_in_their_order(name):
    fields = getattr(carla_msgs.msg, name).get_fields_and_field_types()
    assert list(fields.items()) == FIELDS[name]


@pytest.fixture(scope="module")
def upstream():
    """Jazzy's types and carla_msgs as documented above, by an implementation of the type system that is not ROS'."""
    idl_to_msg = {"float": "float32", "boolean": "bool", "sequence<int32>": "int32[]"}
    idl_to_msg["sequence<carla_msgs/CarlaEgoVehicleInfoWheel>"] = "CarlaEgoVehicleInfoWheel[]"
    store = get_typestore(Stores.ROS2_JAZZY)
    types = {}
    for name, fields in FIELDS.items():
        text = "\n".join(f"{idl_to_msg.get(kind, kind)} {field}" for field, kind in fields)
        types |= get_types_from_msg(text, f"carla_msgs/msg/{name}")
    store.register(types)
    return store


@pytest.mark.parametrize("name", FIELDS)
def test_type_hashes_are_those_of_upstream(name, upstream):
    description = get_package_share_path("carla_msgs") / "msg" / f"{name}.json"
    hashes = {entry["type_name"]: entry["hash_string"] for entry in json.loads(description.read_text())["type_hashes"]}
    type_name = f"carla_msgs/msg/{name}"
    assert hashes[type_name] == upstream.hash_rihs01(type_name)


def test_constants_of_lane_markings():
    event = carla_msgs.msg.CarlaLaneInvasionEvent
    assert (event.LANE_MARKING_OTHER, event.LANE_MARKING_BROKEN, event.LANE_MARKING_SOLID) == (0, 1, 2)
