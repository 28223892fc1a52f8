"""Calls of CARLA's that the server refuses, so that scripts read which and why."""

from __future__ import annotations

from typing import Any

from carla_lite.wire.table import value_failure, void_failure

_ASKS = ("get_", "is_", "are_")
_WHY = {
    "apply_ackermann_controller_settings": "gains are fixed",
    "apply_color_texture_to_objects": "no textures",
    "apply_float_color_texture_to_objects": "no textures",
    "are_gbuffers_enabled": "no GBuffers",
    "clear_debug_shape": "nothing is drawn",
    "clear_debug_string": "nothing is drawn",
    "disable_sensor_for_ros": "no native ROS 2; use the ROS bridge",
    "enable_carsim": "",
    "enable_chrono_physics": "",
    "enable_environment_objects": "",
    "enable_gbuffers": "no GBuffers",
    "enable_sensor_for_ros": "no native ROS 2; use the ROS bridge",
    "get_actor_component_relative_transform": "actors have no components or sockets",
    "get_actor_component_world_transform": "actors have no components or sockets",
    "get_actor_socket_relative_transforms": "actors have no components or sockets",
    "get_actor_socket_world_transforms": "actors have no components or sockets",
    "get_gbuffer_token": "no GBuffers",
    "get_ignored_vehicles": "",
    "get_vehicle_bone_world_transforms": "",
    "get_wheel_pitch_angle": "",
    "is_sensor_enabled_for_ros": "no native ROS 2; use the ROS bridge",
    "restore_physx_physics": "",
    "send": "no V2X",
    "set_annotations_traverse_translucency": "",
    "set_ignored_vehicles": "",
    "set_wheel_pitch_angle": "",
    "set_wheel_steer_direction": "",
    "unload_map_layer": "towns are always whole",
    "update_day_night_cycle": "",
    "use_carsim_road": "",
}


def refusal(name: str) -> Any:
    """Return the answer to a call that CARLA has and carla_lite has not, or None for a name that CARLA has not either.

    It comes in the envelope of calls that return something or nothing: clients show the words of no other error.
    """
    if name not in _WHY:
        return None
    words = f"carla_lite has no '{name}'" + (f": {_WHY[name]}" if _WHY[name] else "")
    return (value_failure if name.startswith(_ASKS) else void_failure)(words)
