"""A tick that a Traffic Manager sleeps through is set going again, and nothing else is touched."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import msgpack
import pytest

from waypilot.scenarios.actors import Traffic
from waypilot.types import Control
from waypilot_carla.tick_watch import TickWatch

PATIENCE_S = 0.2
WAIT_S = 60.0


class SleepingTrafficManager:
    """Listens as a Traffic Manager does; a tick of it returns once both calls of the wake-up have come."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.heard: list[tuple[str, bool]] = []
        self.awake = threading.Event()
        self._thread = threading.Thread(target=self._answer, daemon=True)
        self._thread.start()

    def tick(self) -> bool:
        return self.awake.wait(WAIT_S)

    def close(self) -> None:
        self._listening.close()

    def _answer(self) -> None:
        connection, _ = self._listening.accept()
        calls = msgpack.Unpacker()
        with connection:
            while data := connection.recv(1 << 10):
                calls.feed(data)
                for _, number, method, (mode,) in calls:
                    self.heard.append((method, mode))
                    connection.sendall(msgpack.packb([1, number, None, None]))
                if len(self.heard) == 2:
                    self.awake.set()


@pytest.fixture
def sleeping() -> Iterator[SleepingTrafficManager]:
    manager = SleepingTrafficManager()
    yield manager
    manager.close()


def test_a_tick_that_does_not_return_is_woken(sleeping, caplog):
    watch = TickWatch(sleeping.port)
    with watch.watching(PATIENCE_S):
        assert sleeping.tick()
    watch.close()
    assert sleeping.heard == [("set_synchronous_mode", False), ("set_synchronous_mode", True)]
    assert "slept through a tick" in caplog.text


def test_nothing_is_said_between_ticks(sleeping):
    patience_s = 10 * PATIENCE_S  # no busy machine makes a tick of nothing as long as that
    watch = TickWatch(sleeping.port)
    for _ in range(20):
        with watch.watching(patience_s):
            pass
    assert not sleeping.awake.wait(patience_s + 1.0)
    watch.close()
    assert sleeping.heard == []


def test_a_traffic_manager_that_is_gone_is_reported_and_ends_nothing(caplog):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    watch = TickWatch(port)
    deadline_s = time.monotonic() + WAIT_S
    with watch.watching(PATIENCE_S):
        while "could not be woken" not in caplog.text:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
    watch.close()


def test_the_genuine_traffic_manager_understands_the_call_and_drives_on(session, straight):
    """Woken between two ticks, when nothing had been lost: it goes on driving, in step."""
    prepared = session.prepare(replace(straight, traffic=Traffic(vehicles=6, within_m=150.0)), seed=5)
    session.tick()
    session._episode.stage._traffic._watch._wake()
    everybody = session._connection.client.get_world().get_actors().filter("vehicle.*")
    others = [actor for actor in everybody if actor.id != prepared.vehicle.actor_id]
    before = [actor.get_location() for actor in others]
    for _ in range(100):
        session.tick()
        session.apply(Control(brake=1.0))
    travelled = [actor.get_location().distance(place) for actor, place in zip(others, before, strict=True)]
    assert sum(way_m > 5.0 for way_m in travelled) >= 4
