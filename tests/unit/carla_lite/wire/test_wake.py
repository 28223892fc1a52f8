import asyncio
import contextlib

import msgpack
import pytest

from carla_lite.maps import load_town
from carla_lite.wire import wake
from carla_lite.wire.recordings_folder import RecordingsFolder
from carla_lite.wire.simulation import EpisodeSettings, Simulation
from carla_lite.wire.streams import StreamHub
from carla_lite.wire.towns import TownLibrary
from carla_lite.wire.wake import TrafficManagerWatch


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(wake, "PATIENCE_S", 0.02)
    monkeypatch.setattr(wake, "_CALL_TIMEOUT_S", 60.0)  # it ends no call of a test


class Sleeper:
    """What listens on a Traffic Manager's RPC port, and answers."""

    def __init__(self):
        self.calls = []
        self.woken = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        unpacker = msgpack.Unpacker()
        while data := await reader.read(1024):
            unpacker.feed(data)
            for kind, number, method, params in unpacker:
                self.calls.append((kind, method, params))
                writer.write(msgpack.packb([1, number, None, None]))
        writer.close()
        self.woken.set()


def test_who_took_the_step_before_and_is_silent_now_is_woken_once():
    async def scenario():
        sleeper = Sleeper()
        async with sleeper.listening() as port:
            watch = TrafficManagerWatch({port: "127.0.0.1"})
            watch.state_sent()
            watch.lights_asked()
            watch.state_sent()
            await asyncio.wait_for(sleeper.woken.wait(), 30.0)
            assert sleeper.calls == [(0, "set_synchronous_mode", [False]), (0, "set_synchronous_mode", [True])]
            watch.state_sent()
            await asyncio.sleep(5.0 * wake.PATIENCE_S)
            assert len(sleeper.calls) == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("what_happens", ["nothing before", "a step", "another tick", "steps before and after"])
def test_nobody_is_woken_who_steps_or_is_not_told_of_ticks(what_happens):
    async def scenario():
        sleeper = Sleeper()
        async with sleeper.listening() as port:
            watch = TrafficManagerWatch({port: "127.0.0.1"})
            if what_happens != "nothing before":
                watch.lights_asked()
            watch.state_sent()
            if what_happens == "another tick":
                watch.state_sent()
            elif what_happens != "nothing before":
                watch.lights_asked()
            if what_happens == "steps before and after":
                watch.state_sent()
                watch.lights_asked()
            await asyncio.sleep(5.0 * wake.PATIENCE_S)
        assert sleeper.calls == []

    asyncio.run(scenario())


def test_one_that_is_gone_or_answers_nonsense_is_told_in_the_log(caplog):
    async def scenario():
        async def talk_nonsense(_, writer):
            writer.write(b"\xc1")

        server = await asyncio.start_server(talk_nonsense, "127.0.0.1", 0)
        async with server:
            watch = TrafficManagerWatch(
                {server.sockets[0].getsockname()[1]: "127.0.0.1", 1: "127.0.0.1", 2: "no\x00host"}
            )
            watch.lights_asked()
            watch.state_sent()
            while sum("cannot be woken" in message for message in caplog.messages) < 3:
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(scenario(), 30.0))


def test_only_the_state_of_a_tick_asks_a_traffic_manager_for_a_step(tmp_path, monkeypatch):
    simulation = Simulation(load_town("Lite01"), TownLibrary(), RecordingsFolder(tmp_path), StreamHub(), 2001)
    simulation.traffic_managers[8000] = "127.0.0.1"
    frames = []
    monkeypatch.setattr(simulation.watch, "state_sent", lambda: frames.append(simulation.frame))

    async def scenario():
        simulation.apply_settings(EpisodeSettings(synchronous=True, fixed_delta_s=0.05))
        simulation.load(load_town("Lite01"), reset_settings=False)
        simulation.lead.release()
        assert frames == []
        frame = await simulation.tick()
        simulation.lead.release()
        assert frames == [frame]

    asyncio.run(scenario())
    simulation.close()
