"""Bringing a world into the state a scenario asks for: map, time step, weather."""

from __future__ import annotations

from collections.abc import Callable

import carla

from waypilot.scenarios import WeatherParameters
from waypilot_carla import convert
from waypilot_carla.connection import Connection
from waypilot_carla.errors import SetupError

XodrProvider = Callable[[str], str | None]
_GENERATED_MAP = "OpenDriveMap"


class MapLoader:
    """Loads maps by name, always afresh, so that every run starts from the same world.

    Settings survive: a world that steps synchronously does so from its first frame on, with no frame left to chance.

    A map that the server does not have is uploaded as OpenDRIVE when ``provider`` knows its text.
    Uploading is not verified on CARLA 0.9.16.
    """

    def __init__(self, connection: Connection, provider: XodrProvider | None) -> None:
        self._connection = connection
        self._provider = provider
        self._uploaded: str | None = None

    def load(self, name: str) -> carla.World:
        """Load ``name`` and return its world. Raises SetupError when neither server nor provider has it."""
        wanted = last_part(name)
        client, patience_s = self._connection.client, self._connection.endpoint.load_timeout_s
        with self._connection.asking("a question for its map"):
            current = last_part(client.get_world().get_map().name)
        loaded = self._uploaded if current == _GENERATED_MAP else current
        try:
            with self._connection.asking(f"loading map {wanted}", patience_s):
                return client.reload_world(False) if wanted == loaded else client.load_world(wanted, False)
        except SetupError as refusal:
            return self._upload(wanted, refusal)

    def _upload(self, name: str, refusal: SetupError) -> carla.World:
        client, patience_s = self._connection.client, self._connection.endpoint.load_timeout_s
        text = self._provider(name) if self._provider else None
        if text is None:
            with self._connection.asking("a question for its maps"):
                available = sorted({last_part(path) for path in client.get_available_maps()})
            raise SetupError(
                f"the simulator cannot load map {name!r}; it lists: {', '.join(available) or 'none'}. "
                "Choose one of these in the scenario, or start a server that has it"
            ) from refusal
        with self._connection.asking(f"uploading map {name}", patience_s):
            world = client.generate_opendrive_world(text, carla.OpendriveGenerationParameters(), False)
        self._uploaded = name
        return world


def last_part(map_name: str) -> str:
    """Cut a map's name to its last part: servers report ``Carla/Maps/Town01`` for ``Town01``."""
    return map_name.rsplit("/", 1)[-1]


def step_synchronously(world: carla.World, delta_s: float) -> None:
    """Let the world advance by ``delta_s`` per tick, and only when told to; the client ticks once or twice for it."""
    settings = world.get_settings()
    settings.synchronous_mode = True
    settings.fixed_delta_seconds = delta_s
    world.apply_settings(settings)


def set_weather(world: carla.World, weather: WeatherParameters) -> None:
    """Set all 14 weather parameters."""
    world.set_weather(convert.weather(weather))
