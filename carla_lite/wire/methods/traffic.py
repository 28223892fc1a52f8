"""Calls about Traffic Managers, which run inside clients and only register here."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from carla_lite.wire import readers
from carla_lite.wire.errors import CallError
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable

TABLE = MethodTable()
_PROBE_TIMEOUT_S = 0.5
_PORT = readers.whole_between(1, 65535)


def _read_endpoint(value: Any) -> tuple[str, int]:
    host, port = readers.record(value, "Traffic Manager endpoint", readers.text, _PORT)
    return host, port


@TABLE.value(_PORT)
async def is_traffic_manager_running(simulation: Simulation, port: int) -> bool:
    """Tell whether a Traffic Manager answers on this port.

    One whose client was killed is still registered; it is forgotten here, or the next client would wait for it.
    """
    host = simulation.traffic_managers.get(port)
    if host is None:
        return False
    if not await _answers(host, port):
        simulation.traffic_managers.pop(port, None)
        return False
    return True


async def _answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError, UnicodeError, asyncio.TimeoutError):  # UnicodeError: no name of a host at all
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _PROBE_TIMEOUT_S)
        writer.close()
        return True
    return False


@TABLE.value(_PORT)
def get_traffic_manager_running(simulation: Simulation, port: int) -> list[Any]:
    """Return where the Traffic Manager of this port listens."""
    if port not in simulation.traffic_managers:
        raise CallError(f"no Traffic Manager runs on port {port}")
    return [simulation.traffic_managers[port], port]


@TABLE.value(_read_endpoint)
def add_traffic_manager_running(simulation: Simulation, endpoint: tuple[str, int]) -> bool:
    """Register a Traffic Manager; False when the port already has one."""
    host, port = endpoint
    return simulation.traffic_managers.setdefault(port, host) == host


@TABLE.void(_PORT)
def destroy_traffic_manager(simulation: Simulation, port: int) -> None:
    """Forget a Traffic Manager."""
    simulation.traffic_managers.pop(port, None)
