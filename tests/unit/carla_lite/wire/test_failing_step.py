"""A step that fails must not end the server: clients can still change what is wrong."""

import asyncio

import pytest

from carla_lite.maps import load_town
from carla_lite.wire import simulation as module
from carla_lite.wire.recordings_folder import RecordingsFolder
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.streams import StreamHub
from carla_lite.wire.towns import TownLibrary


@pytest.fixture
def simulation(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_REST_S", 0.2)
    simulation = Simulation(load_town("Lite01"), TownLibrary(), RecordingsFolder(tmp_path), StreamHub(), 2001)
    yield simulation
    simulation.close()


def test_a_world_left_to_itself_goes_on_after_steps_that_failed(simulation, caplog):
    step = simulation.world.step
    tries = []

    def fail(dt_s):
        tries.append(dt_s)
        if len(tries) > 2:
            simulation.world.step = step
        raise ZeroDivisionError("division by zero")

    async def leave_alone():
        simulation.world.step = fail
        before = simulation.frame
        clock = asyncio.create_task(simulation.run_freely())
        while simulation.frame == before:
            await asyncio.sleep(0.01)
        assert not clock.done()
        clock.cancel()

    asyncio.run(asyncio.wait_for(leave_alone(), 60.0))
    assert len(tries) == 3
    assert caplog.text.count("a step failed") == 3
