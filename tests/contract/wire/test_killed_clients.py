"""Genuine clients that are killed in the middle of something, tick at once, or come in crowds: the next one is served.

Every client is a process of its own: the genuine client may abort when others load maps under it.
"""

import signal
import socket
import subprocess
import sys
import threading

import pytest

from carla_lite.wire.process import ServerProcess
from tests.contract.wire.conftest import RawRpc

PATIENCE_S = 120.0
BEGIN = """
import carla, os, signal, socket, sys, threading
client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(30.0)
world = client.get_world()
settings = world.get_settings()
settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
world.apply_settings(settings)
"""
KILLED = "threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()\n"
STATES = {
    "tick": "while True: world.tick()",
    "load_world": "while True: client.load_world('Lite01')",
    "traffic manager": """
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    manager = client.get_trafficmanager(free.getsockname()[1])
manager.set_synchronous_mode(True)
car_type = world.get_blueprint_library().find("vehicle.audi.a2")
for point in world.get_map().get_spawn_points()[:8]:
    car = world.try_spawn_actor(car_type, point)
    if car is not None:
        car.set_autopilot(True, manager.get_port())
while True: world.tick()
""",
}
NEXT = """
world = client.load_world("Lite01")
world.apply_settings(settings)
frames = [world.tick() for _ in range(20)]
assert frames == list(range(frames[0], frames[0] + 20)), frames
print("served", flush=True)
os._exit(0)
"""
TICKING = """
frames = [world.tick() for _ in range(100)]
assert frames == sorted(set(frames)), frames
print("served", flush=True)
os._exit(0)
"""


@pytest.fixture(scope="module")
def own_server():
    with ServerProcess(map="Lite01", ready_timeout_s=240.0, extra_arguments=("--log-level", "error")) as server:
        yield server
        assert "Traceback" not in server.log, server.log


def run(server, script, *arguments):
    command = [sys.executable, "-c", BEGIN + script, str(server.port), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)


@pytest.mark.parametrize("delay_s", [0.05, 0.3])
@pytest.mark.parametrize("state", STATES)
def test_a_client_killed_in_the_middle_leaves_a_server_for_the_next(own_server, state, delay_s):
    killed = run(own_server, KILLED + STATES[state], delay_s)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    following = run(own_server, NEXT)
    assert (following.returncode, following.stdout) == (0, "served\n"), following.stderr
    assert own_server.exit_code is None


def test_two_clients_that_tick_at_once_both_get_frames(own_server):
    results = []
    threads = [threading.Thread(target=lambda: results.append(run(own_server, TICKING))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(result.returncode, result.stdout) for result in results] == [(0, "served\n")] * 2, results


def test_a_crowd_that_connects_and_vanishes_harms_nobody(own_server):
    for number in range(600):
        port = own_server.streaming_port if number % 3 == 0 else own_server.port
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as visitor:
            visitor.sendall(b"\x94\x00\x01"[: number % 4])
    healthy = RawRpc(own_server.port)
    assert healthy.call("version") == (None, [[1, "0.9.16"]])
    healthy.close()
