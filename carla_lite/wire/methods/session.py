"""Calls about the server, the episode, its map, settings, weather and time."""

from __future__ import annotations

from typing import Any

from carla_lite.scene import Weather
from carla_lite.wire import readers, records
from carla_lite.wire.errors import CallError
from carla_lite.wire.rpc import MAX_MESSAGE_BYTES
from carla_lite.wire.settings import EpisodeSettings, read_settings
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable
from carla_lite.wire.tokens import stream_meant_by, world_state_alias
from carla_lite.wire.towns import client_map_name, navigation_file

PROTOCOL_VERSION = "0.9.16"
TABLE = MethodTable()

_xodr_text = readers.text_of(MAX_MESSAGE_BYTES)


@TABLE.value()
def version(simulation: Simulation) -> str:
    """Return the version of CARLA that is spoken."""
    return PROTOCOL_VERSION


@TABLE.value()
def get_episode_info(simulation: Simulation) -> list[Any]:
    """Return the episode's id and the token of its world states."""
    return [simulation.episode_id, [simulation.token(world_state_alias(simulation.episode_id))]]


@TABLE.value(readers.u32)
def get_sensor_token(simulation: Simulation, stream_id: int) -> list[bytes]:
    """Return where to subscribe to a stream; unknown ones exist too and stay silent."""
    simulation.hub.announce(stream_meant_by(stream_id))
    return [simulation.token(stream_id)]


@TABLE.value()
def get_episode_settings(simulation: Simulation) -> list[Any]:
    """Return the world settings."""
    simulation.lead.settings_asked()
    return simulation.settings.to_wire()


@TABLE.value(read_settings)
def set_episode_settings(simulation: Simulation, settings: EpisodeSettings) -> int:
    """Change the world settings; returns the number of a published frame."""
    simulation.apply_settings(settings)
    return simulation.frame


@TABLE.value()
def tick_cue(simulation: Simulation) -> Any:
    """Step a synchronous world; returns the frame number."""
    return simulation.tick()


@TABLE.value()
def get_map_info(simulation: Simulation) -> list[Any]:
    """Return the map's name and spawn points."""
    town = simulation.world.town
    return [client_map_name(town), [records.transform(pose) for pose in town.spawn_points]]


@TABLE.value()
def get_map_data(simulation: Simulation) -> str:
    """Return the OpenDRIVE document."""
    return simulation.world.town.xodr


@TABLE.value(readers.text)
def get_required_files(simulation: Simulation, folder: str) -> list[str]:
    """Name the files a client should fetch: the navigation mesh, which is in folder ``Nav``."""
    return [navigation_file(simulation.world.town)] if folder in ("", "Nav") else []


@TABLE.value(readers.text)
def request_file(simulation: Simulation, name: str) -> bytes:
    """Return the content of a file that a client should fetch."""
    if name != navigation_file(simulation.world.town):
        raise CallError(f"there is no file '{name[:200]}'; get_required_files names those of the present map")
    return simulation.navigation


@TABLE.value()
def get_available_maps(simulation: Simulation) -> list[str]:
    """Name the maps that can be loaded."""
    return simulation.towns.names()


@TABLE.void(readers.text, readers.flag, readers.u16)
def load_new_episode(simulation: Simulation, name: str, reset_settings: bool, layers: int) -> None:
    """Load a map, or the present one again for an empty name. Layers do not exist here: towns are always whole."""
    town = simulation.towns.find(name) if name else simulation.world.town
    simulation.load(town, reset_settings)


def _read_generation_parameters(value: Any) -> list[Any]:
    number, flag = readers.number, readers.flag
    return readers.record(value, "OpendriveGenerationParameters", number, number, number, number, flag, flag, flag)


@TABLE.void(_xodr_text, _read_generation_parameters)
def copy_opendrive_to_file(simulation: Simulation, xodr: str, parameters: list[Any]) -> None:
    """Keep a client's map for the load that follows. The parameters shape Unreal meshes, of which there are none."""
    simulation.towns.add_opendrive(xodr)


@TABLE.void(readers.u16)
def load_map_layer(simulation: Simulation, layers: int) -> None:
    """Accept: every layer of a town is always there."""


@TABLE.value()
def get_weather_parameters(simulation: Simulation) -> list[float]:
    """Return the weather."""
    return records.weather(simulation.world.weather)


@TABLE.void(records.read_weather)
def set_weather_parameters(simulation: Simulation, weather: Weather) -> None:
    """Change the weather from the next frame on."""
    simulation.world.weather = weather


@TABLE.value()
def get_imui_gravity(simulation: Simulation) -> float:
    """Return the gravity that IMU sensors feel, m/s^2."""
    return simulation.world.imu_gravity_mps2


@TABLE.void(readers.number)
def set_imui_gravity(simulation: Simulation, gravity_mps2: float) -> None:
    """Change the gravity that IMU sensors feel; bodies stay on the ground."""
    simulation.world.imu_gravity_mps2 = gravity_mps2
