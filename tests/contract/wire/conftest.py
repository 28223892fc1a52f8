"""One server for all contract tests of the wire; every test gets a fresh, synchronous episode in Lite01."""

import itertools
import queue
import socket

import carla
import msgpack
import pytest

from carla_lite.wire.process import ServerProcess

STEP_S = 0.05
TIMEOUT_S = 30.0


class RawRpc:
    """A bare msgpack-RPC client, for what the genuine one never sends."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self._unpacker = msgpack.Unpacker(raw=False)
        self._ids = itertools.count()

    def call(self, method, *arguments):
        """Return (error, result)."""
        message_id = next(self._ids)
        self.send(msgpack.packb([0, message_id, method, [[False], *arguments]]))
        _, answered_id, error, result = self.receive()
        assert answered_id == message_id
        return error, result

    def send(self, data):
        self._socket.sendall(data)

    def receive(self):
        """Return the next message, or None when the server closed the connection."""
        while True:
            for message in self._unpacker:
                return message
            data = self._socket.recv(1 << 16)
            if not data:
                return None
            self._unpacker.feed(data)

    def close(self):
        self._socket.close()


class Listeners:
    """Attaches sensors, collects their data in queues, and stops them at the end."""

    def __init__(self, world):
        self._world = world
        self._sensors = []

    def attach(self, type_id, parent=None, transform=None, **attributes):
        """Spawn a sensor and listen; returns (sensor, queue)."""
        blueprint = self._world.get_blueprint_library().find(type_id)
        for name, value in attributes.items():
            blueprint.set_attribute(name, str(value))
        sensor = self._world.spawn_actor(blueprint, transform or carla.Transform(), attach_to=parent)
        received = queue.Queue()
        sensor.listen(received.put)
        self._sensors.append(sensor)
        return sensor, received

    def stop(self):
        for sensor in self._sensors:
            sensor.stop()


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    """The folder of the server's recordings."""
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="session")
def server(recordings):
    arguments = ("--log-level", "error", "--recordings", str(recordings))
    with ServerProcess(map="Lite01", extra_arguments=arguments) as server:
        yield server
        assert server.exit_code is None, server.log
        assert "Traceback" not in server.log, server.log


@pytest.fixture(scope="session")
def client(server):
    client = carla.Client("127.0.0.1", server.port)
    client.set_timeout(TIMEOUT_S)
    return client


def make_synchronous(world):
    settings = world.get_settings()
    settings.synchronous_mode = True
    settings.fixed_delta_seconds = STEP_S
    world.apply_settings(settings)


@pytest.fixture
def world(client):
    world = client.load_world("Lite01")
    make_synchronous(world)
    return world


@pytest.fixture
def listeners(world):
    listeners = Listeners(world)
    yield listeners
    listeners.stop()


@pytest.fixture
def ego(world):
    """A standing Tesla on the first spawn point, already in the world state."""
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    blueprint.set_attribute("role_name", "ego_vehicle")
    vehicle = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[0])
    world.tick()
    return vehicle


@pytest.fixture
def raw(server):
    raw = RawRpc(server.port)
    yield raw
    raw.close()
