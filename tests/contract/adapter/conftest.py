from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from carla_lite.wire.process import ServerProcess
from waypilot.scenarios import Scenario, load_suite, select
from waypilot_carla import SessionConfig, SimulatorSession


@pytest.fixture(scope="package")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(map="Lite01", ready_timeout_s=240.0) as process:
        yield process


@pytest.fixture
def session(server: ServerProcess) -> Iterator[SimulatorSession]:
    with SimulatorSession(SessionConfig(port=server.port, timeout_s=60.0)) as opened:
        yield opened


@pytest.fixture(scope="session")
def straight() -> Scenario:
    return select(load_suite("standard"), ["straight_clear"])[0]


@pytest.fixture(scope="session")
def rain(straight: Scenario) -> Scenario:
    rainy = select(load_suite("standard"), ["straight_rain"])[0]
    return replace(straight, name="rain", weather=rainy.weather)
