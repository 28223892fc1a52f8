"""Reaching a CARLA server, noticing when it is gone, and leaving it as it was found."""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import carla

from waypilot_carla.errors import SetupError, SimulatorError, SimulatorLost, SimulatorUnreachable

_LOG = logging.getLogger(__name__)
_RETRY_S = 0.25


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is and how patient to be with it.

    ``timeout_s`` bounds every answer but those to map loads, which may take ``load_timeout_s``; ``connect_timeout_s``
    is how long a server that is still starting is waited for.
    """

    host: str = "127.0.0.1"
    port: int = 2000
    timeout_s: float = 5.0
    load_timeout_s: float = 120.0
    connect_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("host is empty, give the server's name or address, such as 127.0.0.1")
        if not 0 < self.port < 65536:
            raise ValueError(f"port is {self.port}, give the server's RPC port, 1 to 65535 (usually 2000)")
        for name in ("timeout_s", "load_timeout_s", "connect_timeout_s"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, give a positive number of seconds")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Connection:
    """One ``carla.Client`` and the world settings that were in force when it connected.

    Every call to the simulator goes through ``asking``, which turns the client's errors into ours. Once an answer was
    missing, the connection counts as lost and nothing is asked any more, so that ending never hangs.
    Raises SimulatorUnreachable when no server answers.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.lost = False
        _await_listener(endpoint)
        self.client = carla.Client(endpoint.host, endpoint.port)
        self.client.set_timeout(endpoint.timeout_s)
        try:
            self.server_version: str = self.client.get_server_version()
            world = self.client.get_world()
            self._original_settings: carla.WorldSettings = world.get_settings()
            self.simulator: str = world.get_spectator().attributes.get("simulator", "CARLA")
        except RuntimeError as error:
            raise SimulatorUnreachable(
                f"something listens on {endpoint} but does not answer as a CARLA server within "
                f"{endpoint.timeout_s:g} s: check that this is CARLA's RPC port, or allow a longer time-out"
            ) from error
        self.client_version: str = self.client.get_client_version()
        if self.client_version != self.server_version:
            _LOG.warning(
                "the carla client is %s and the server at %s is %s: field layouts differ between versions",
                self.client_version,
                endpoint,
                self.server_version,
            )

    @contextmanager
    def asking(self, what: str, timeout_s: float | None = None) -> Iterator[None]:
        """Bound and translate the client's calls inside the block; ``what`` completes "no answer to ...".

        Raises SimulatorLost when the simulator does not answer in time and SetupError when it refuses.
        """
        if self.lost:
            raise SimulatorLost(f"the simulator at {self.endpoint} was lost before: {what} was not tried")
        bound_s = self.endpoint.timeout_s if timeout_s is None else timeout_s
        self.client.set_timeout(bound_s)
        try:
            yield
        except SimulatorError:
            raise
        except RuntimeError as error:
            # The client has one exception type for everything; only its text tells a time-out from a refusal.
            if "time-out" not in str(error):
                raise SetupError(f"the simulator at {self.endpoint} refused {what}: {error}") from error
            raise self.lose(
                f"no answer to {what} from the simulator at {self.endpoint} within {bound_s:g} s"
            ) from error

    def lose(self, why: str) -> SimulatorLost:
        """Mark the connection as lost and return the error to raise."""
        self.lost = True
        return SimulatorLost(f"{why}: see whether the server still runs, restart it and run this scenario again")

    def restore_settings(self) -> None:
        """Put the world settings back that were in force at the start."""
        with self.asking("restoring the world settings"):
            self.client.get_world().apply_settings(self._original_settings)


def exit_process(code: int) -> NoReturn:
    """End the process now, after flushing its output, without the interpreter's clean-up.

    For processes that lost their simulator: the client's background threads keep reconnecting, and about every third
    ordinary exit then aborts inside the client (``terminate called without an active exception``), which would replace
    the exit code by 134. Everything that must survive has to be written before.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _await_listener(endpoint: Endpoint) -> None:
    """Wait until something accepts connections: the client itself would only report a time-out."""
    deadline = time.monotonic() + endpoint.connect_timeout_s
    while True:
        try:
            socket.create_connection((endpoint.host, endpoint.port), timeout=endpoint.timeout_s).close()
            return
        except OSError as error:
            if time.monotonic() + _RETRY_S >= deadline:
                raise SimulatorUnreachable(
                    f"no simulator at {endpoint} after {endpoint.connect_timeout_s:g} s ({error}): start one with "
                    f"`python -m carla_lite --port {endpoint.port}` or CARLA 0.9.16, or correct host and port; "
                    "a carla_lite that starts for the first time compiles before it answers"
                ) from error
            time.sleep(_RETRY_S)
