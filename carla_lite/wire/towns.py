"""The maps that a server can load, and the views of those in use."""

from __future__ import annotations

import hashlib
import logging
import re
from collections import OrderedDict
from dataclasses import replace
from functools import cached_property

from carla_lite.maps import SEEDED_TOWNS, OpenDriveError, TownMap, available_towns, load_town, town_from_xodr
from carla_lite.maps.detour import mesh_set
from carla_lite.maps.walkways import find_walkways
from carla_lite.render import Perception, Renderer
from carla_lite.wire.errors import CallError
from carla_lite.wire.maps_folder import OPTIMISED, MapsFolder

_LOG = logging.getLogger(__name__)
STAND_INS = {
    **dict.fromkeys(("Town01", "Town02", "Town03", "Town10", "Town10HD"), "Lite04"),
    **dict.fromkeys(("Town04", "Town05", "Town06"), "Lite05"),
    **dict.fromkeys(("Town07", "Town11", "Town12", "Town13", "Town15"), "Lite06"),
}
"""Which of our towns is most like which of CARLA's: small town, ring road, country road."""
OPENDRIVE_TOWN = "OpenDriveMap"
"""The name under which CARLA's client loads the document that it sent before."""
_SEEDED_PREFIXES = tuple(name.removesuffix("<seed>") for name in SEEDED_TOWNS)
_CLIENT_PREFIX = "Carla/Maps/"
_SERVER_PREFIX = "/Game/Carla/Maps/"
_TOWNS_KEPT = 2
# Counted up when meshes change: clients keep the files.
_NAVIGATION_VERSION = 1


class TownViews:
    """What sensors see a town with and clients navigate by, each part made when first asked for: it takes time."""

    def __init__(self, town: TownMap) -> None:
        self.town = town

    @cached_property
    def renderer(self) -> Renderer:
        """The colour camera."""
        return Renderer(self.town.scene)

    @cached_property
    def perception(self) -> Perception:
        """Depth, labels and rays."""
        return Perception(self.town.scene)

    @cached_property
    def navigation(self) -> bytes:
        """The navigation mesh of pedestrians, empty where there is nowhere to walk."""
        town = self.town
        return mesh_set(find_walkways(town.lanes, town.crosswalks_m, town.scene.boxes, town.scene.bounds_m))


class TownLibrary:
    """Finds towns by the names that clients use. Views are kept for the towns used last, as they are large."""

    def __init__(
        self, custom: TownMap | None = None, folder: MapsFolder | None = None, alias_towns: bool = False
    ) -> None:
        """Offer the built-in towns, ``custom`` under its own name, a folder's maps, and stand-ins for CARLA's towns."""
        self._custom = {custom.name: custom} if custom else {}
        self._folder = folder
        self._stand_ins = STAND_INS if alias_towns else {}
        self._renamed: dict[str, TownMap] = {}
        self._views: OrderedDict[int, TownViews] = OrderedDict()

    def short_names(self) -> list[str]:
        """Return the names of everything that can be loaded."""
        in_folder = self._folder.names() if self._folder else []
        return list(dict.fromkeys([*available_towns(), *self._custom, *in_folder, *self._stand_ins]))

    def names(self) -> list[str]:
        """Return all names in the form that ``get_available_maps`` gives."""
        return [_SERVER_PREFIX + name for name in self.short_names()]

    def find(self, name: str) -> TownMap:
        """Return a town by its short name or any path that ends in it; raises CallError when there is none."""
        short = name.rsplit("/", 1)[-1]
        if short in self._custom:
            return self._custom[short]
        try:
            found = self._folder.find(short) if self._folder else None
            return found or self._stand_in(short) or load_town(short)
        except (ValueError, OpenDriveError) as error:
            raise CallError(f"map '{name[:200]}' not found: {self._explain(short, error)}") from error

    def _stand_in(self, name: str) -> TownMap | None:
        """Return our town that stands in for one of CARLA's, or None; it goes by the name that scripts compare."""
        ours = self._stand_ins.get(name.removesuffix(OPTIMISED))
        if ours is None:
            return None
        _LOG.warning("%s is not here, %s stands in for it (--alias-towns): another town altogether", name, ours)
        if name not in self._renamed:
            self._renamed[name] = replace(load_town(ours), name=name)
        return self._renamed[name]

    def _explain(self, short: str, error: Exception) -> str:
        if isinstance(error, OpenDriveError) or short.startswith(_SEEDED_PREFIXES):
            return str(error)
        hint = ""
        if short.removesuffix(OPTIMISED) in STAND_INS:
            hint = (
                ". CARLA's towns are not included: start carla_lite with --maps-dir and a folder of your own copies "
                "of their OpenDRIVE files, or with --alias-towns to have ours stand in"
            )
        return f"there are {', '.join([*self.short_names(), *SEEDED_TOWNS])}{hint}"

    def add_opendrive(self, xodr: str) -> None:
        """Keep a client's document for the next load of ``OpenDriveMap``; raises CallError when it is no usable map."""
        try:
            self._custom[OPENDRIVE_TOWN] = town_from_xodr(OPENDRIVE_TOWN, xodr)
        except OpenDriveError as error:
            raise CallError(f"the OpenDRIVE document cannot be used: {error}") from error

    def views(self, town: TownMap) -> TownViews:
        """Return what sensors see ``town`` with."""
        key = id(town)
        if key not in self._views:
            self._views[key] = TownViews(town)
        self._views.move_to_end(key)
        while len(self._views) > _TOWNS_KEPT:
            self._views.popitem(last=False)
        return self._views[key]


def navigation_file(town: TownMap) -> str:
    """Return the name of a town's navigation mesh; clients keep files by name, so it changes with the content."""
    known_by = hashlib.sha256(f"{_NAVIGATION_VERSION} {town.xodr} {town.scene.boxes}".encode()).hexdigest()[:16]
    return f"{_CLIENT_PREFIX}Nav/{re.sub('[^A-Za-z0-9_-]', '_', town.name)[:80]}-{known_by}.bin"


def client_map_name(town: TownMap) -> str:
    """Return the name that ``world.get_map().name`` shows."""
    return _CLIENT_PREFIX + town.name
