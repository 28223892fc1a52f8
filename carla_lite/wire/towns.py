"""The maps that a server can load, and the renderers of those in use."""

from __future__ import annotations

from collections import OrderedDict

from carla_lite.maps import OpenDriveError, TownMap, available_towns, load_town, town_from_xodr
from carla_lite.render import Renderer
from carla_lite.wire.errors import CallError

OPENDRIVE_TOWN = "OpenDriveMap"
"""The name under which CARLA's client loads the document that it sent before."""
_CLIENT_PREFIX = "Carla/Maps/"
_SERVER_PREFIX = "/Game/Carla/Maps/"
_RENDERERS_KEPT = 2


class TownLibrary:
    """Finds towns by the names that clients use. Renderers are kept for the towns used last, as they are large."""

    def __init__(self, custom: TownMap | None = None) -> None:
        """Offer the built-in towns, and ``custom`` under its own name."""
        self._custom = {custom.name: custom} if custom else {}
        self._renderers: OrderedDict[int, tuple[TownMap, Renderer]] = OrderedDict()

    def names(self) -> list[str]:
        """Return all names in the form that ``get_available_maps`` gives."""
        return [_SERVER_PREFIX + name for name in (*available_towns(), *self._custom)]

    def find(self, name: str) -> TownMap:
        """Return a town by its short name or any path that ends in it; raises CallError when there is none."""
        short = name.rsplit("/", 1)[-1]
        if short in self._custom:
            return self._custom[short]
        try:
            return load_town(short)
        except ValueError as error:
            raise CallError(f"map '{name[:200]}' not found: {error}") from error

    def add_opendrive(self, xodr: str) -> None:
        """Keep a client's document for the next load of ``OpenDriveMap``; raises CallError when it is no usable map."""
        try:
            self._custom[OPENDRIVE_TOWN] = town_from_xodr(OPENDRIVE_TOWN, xodr)
        except OpenDriveError as error:
            raise CallError(f"the OpenDRIVE document cannot be used: {error}") from error

    def renderer(self, town: TownMap) -> Renderer:
        """Return the renderer of a town, made when first asked for."""
        key = id(town)
        if key not in self._renderers:
            self._renderers[key] = (town, Renderer(town.scene))
        self._renderers.move_to_end(key)
        while len(self._renderers) > _RENDERERS_KEPT:
            self._renderers.popitem(last=False)
        return self._renderers[key][1]


def client_map_name(town: TownMap) -> str:
    """Return the name that ``world.get_map().name`` shows."""
    return _CLIENT_PREFIX + town.name
