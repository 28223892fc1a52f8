"""Calls about traffic lights."""

from __future__ import annotations

from typing import Any

from carla_lite.engine import TrafficLight
from carla_lite.maps import head_box
from carla_lite.scene import Lamp
from carla_lite.wire import readers, records
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable

TABLE = MethodTable()
read_lamp = readers.whole_between(min(Lamp), max(Lamp))
_SECONDS = readers.number_between(0.0, readers.MAX_NUMBER)


@TABLE.void(readers.actor_id, read_lamp)
def set_traffic_light_state(simulation: Simulation, actor_id: int, state: int) -> None:
    """Switch one light; it keeps the state until its controller switches next."""
    simulation.actor_of(TrafficLight, actor_id).lamp = Lamp(state)


@TABLE.void(readers.actor_id, _SECONDS)
def set_traffic_light_green_time(simulation: Simulation, actor_id: int, seconds: float) -> None:
    """Set how long the light's controller shows green."""
    simulation.actor_of(TrafficLight, actor_id).set_time(Lamp.GREEN, seconds)


@TABLE.void(readers.actor_id, _SECONDS)
def set_traffic_light_yellow_time(simulation: Simulation, actor_id: int, seconds: float) -> None:
    """Set how long the light's controller shows yellow."""
    simulation.actor_of(TrafficLight, actor_id).set_time(Lamp.YELLOW, seconds)


@TABLE.void(readers.actor_id, _SECONDS)
def set_traffic_light_red_time(simulation: Simulation, actor_id: int, seconds: float) -> None:
    """Set how long all lights stay red after the controller's yellow."""
    simulation.actor_of(TrafficLight, actor_id).set_time(Lamp.RED, seconds)


@TABLE.void(readers.actor_id, readers.flag)
def freeze_traffic_light(simulation: Simulation, actor_id: int, frozen: bool) -> None:
    """Stop or go on with the cycle of a light's junction."""
    simulation.actor_of(TrafficLight, actor_id).group.frozen = frozen


@TABLE.void(readers.flag)
def freeze_all_traffic_lights(simulation: Simulation, frozen: bool) -> None:
    """Stop or go on with all cycles."""
    for group in simulation.world.signals.groups:
        group.frozen = frozen


@TABLE.void(readers.actor_id)
def reset_traffic_light_group(simulation: Simulation, actor_id: int) -> None:
    """Begin the cycle of a light's junction anew."""
    simulation.actor_of(TrafficLight, actor_id).group.reset()


@TABLE.void()
def reset_all_traffic_lights(simulation: Simulation) -> None:
    """Begin all cycles anew."""
    simulation.world.signals.reset()


@TABLE.value(readers.actor_id)
def get_group_traffic_lights(simulation: Simulation, actor_id: int) -> list[int]:
    """Return the lights of a light's junction."""
    return [light.id for light in simulation.actor_of(TrafficLight, actor_id).group.lights]


@TABLE.value(readers.actor_id)
def get_light_boxes(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return the boxes of a light's heads, in map coordinates."""
    light = simulation.actor_of(TrafficLight, actor_id)
    box = head_box(light.post)
    return [records.bounding_box(box.center_m, box.half_extent_m, light.id, box.yaw_rad)]
