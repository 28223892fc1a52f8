"""Arguments that are only known when a run starts: the automatic port, absolute paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from waypilot.supervisor.reserve import free_port
from waypilot.supervisor.table import Scalar, TableError

AUTOMATIC = "auto"
CARLA_DEFAULT_PORT = 2000


def resolve(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the argument values with ``port`` as a number and the paths absolute, those of them that the table has.

    A path is looked up from the working directory; no delta head stays none. TableError when the port is no number.
    """
    resolved = dict(values)
    if "port" in values:
        resolved["port"] = _port(values)
    for name in ("output_dir", "checkpoint", "delta_checkpoint"):
        if name in values and (values[name] or name != "delta_checkpoint"):
            resolved[name] = str(Path(str(values[name])).absolute())
    return resolved


def _port(values: Mapping[str, Scalar]) -> int:
    port = str(values["port"])
    if port == AUTOMATIC:
        return free_port(str(values["host"])) if values["simulator"] == "carla_lite" else CARLA_DEFAULT_PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise TableError(f"port:={port} must be a TCP port number or {AUTOMATIC!r}")
    return int(port)
