"""A user's own OpenDRIVE files, served under the names of the files."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from carla_lite.maps import OpenDriveError, TownMap, available_towns, town_from_xodr

_LOADED_KEPT = 4
OPTIMISED = "_Opt"
"""CARLA offers most towns a second time, in layers, under a name that ends so; the roads are the same."""


class MapsFolder:
    """The files ``*.xodr`` of a folder; ``<name>_Opt`` is served from the file of ``<name>`` where it has none."""

    def __init__(self, folder: Path) -> None:
        """Look into ``folder``; raises ValueError when it is none, holds no map, or one named as a built-in town."""
        if not folder.is_dir():
            raise ValueError(f"there is no folder {folder}")
        self._paths = {path.stem: path for path in sorted(folder.glob("*.xodr"))}
        if not self._paths:
            raise ValueError(f"the folder {folder} holds no file *.xodr")
        taken = sorted(self._paths.keys() & set(available_towns()))
        if taken:
            raise ValueError(f"{folder / taken[0]}.xodr has the name of a built-in town; rename it")

    def names(self) -> list[str]:
        """Return the names of the maps."""
        return list(self._paths)

    def find(self, name: str) -> TownMap | None:
        """Return the map of this name, or None; raises OpenDriveError for a file that is no usable map."""
        path = self._paths.get(name) or self._paths.get(name.removesuffix(OPTIMISED))
        return None if path is None else _load(name, path)


@lru_cache(maxsize=_LOADED_KEPT)
def _load(name: str, path: Path) -> TownMap:
    try:
        return town_from_xodr(name, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, OpenDriveError) as error:
        raise OpenDriveError(f"{path} cannot be used: {error}") from error
