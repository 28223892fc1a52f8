"""Several clients, dying clients, slow clients and bytes that are no protocol at all."""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

import carla
import msgpack
import pytest

from carla_lite.wire.simulation import MAX_ACTORS
from carla_lite.wire.streams import ANNOUNCEMENT_TIMEOUT_S
from tests.contract.wire.conftest import TIMEOUT_S, RawRpc, make_synchronous

JUNK = [
    b"\xc1",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00" * 1000,
    bytes(range(256)) * 8,
    msgpack.packb([0, 1, "version"]),
    msgpack.packb([0, "id", "version", [[False]]]),
    msgpack.packb({"method": "version"}),
    msgpack.packb([5, 1, None, None]),
    b"\x91" * 5000,
    b"\xdd\xff\xff\xff\xff",
    b"\xdd\x03\xff\xff\xff" * 900,
    b"\xdf\x00\x0f\xff\xff" + b"\xa1x\xc0" * 1000,
    b"\xc7\x04\x05abcd",
]


def wait_until(condition, timeout_s=TIMEOUT_S):
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def resident_mib(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def settings_with(fixed_delta_s):
    return [True, False, [True, fixed_delta_s], True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True]


def imu_with(name, value):
    return [0, "sensor.other.imu", [[name, 4, value]]]


def alive(world):
    return world.tick() == world.get_snapshot().frame


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("port_name", ["port", "streaming_port"])
def test_junk_harms_nobody(server, world, junk, port_name):
    with socket.create_connection(("127.0.0.1", getattr(server, port_name)), timeout=TIMEOUT_S) as connection:
        connection.sendall(junk)
        assert alive(world)
    assert alive(world)


def test_a_call_without_metadata_is_an_error(raw):
    raw.send(msgpack.packb([0, 1, "version", []]))
    assert "metadata" in raw.receive()[3][0][1][0]


def test_wrong_arguments_are_errors_with_a_reason(raw, world):
    nan, huge = float("nan"), 1e300
    for method, arguments, reason in (
        ("set_weather_parameters", [[nan] * 14], "finite"),
        ("set_weather_parameters", [[0.0] * 13], "expected 14"),
        ("set_actor_transform", [1, [[0.0, 0.0, huge], [0.0, 0.0, 0.0]]], "finite"),
        ("set_actor_transform", [1], "expected 2 arguments"),
        ("set_actor_transform", [-1, [[0.0] * 3, [0.0] * 3]], "whole number"),
        ("set_actor_transform", ["one", [[0.0] * 3, [0.0] * 3]], "whole number"),
        ("destroy_actor", [2**40], "whole number"),
        ("destroy_actor", [1], "not found"),
        ("load_new_episode", ["x" * 10000, True, 65535], "at most 4096"),
        ("spawn_actor", [[1, "a.b", []], None], "Transform"),
        ("get_environment_objects", [300], "[0, 255]"),
        ("project_point", [[0.0] * 3, [0.0] * 3, 1.0], "no length"),
        ("set_episode_settings", [settings_with(1e-300)], "fixed_delta_seconds"),
        ("spawn_actor", [imu_with("sensor_tick", "1e308"), [[0.0] * 3, [0.0] * 3]], "sensor_tick"),
        ("spawn_actor", [imu_with("noise_seed", "9" * 4000), [[0.0] * 3, [0.0] * 3]], "noise_seed"),
        ("spawn_actor", [imu_with("role_name", "x" * 5000), [[0.0] * 3, [0.0] * 3]], "at most 4096"),
        ("spawn_actor", [imu_with("role_name", "x"), [[nan] * 3, [0.0] * 3]], "finite"),
    ):
        error, result = raw.call(method, *arguments)
        assert error is None, method
        assert reason in result[0][1][0], (method, result)
    assert alive(world)


def test_no_more_actors_are_spawned_than_a_step_can_carry(raw, world):
    sensor = [[0, [[0, "sensor.other.imu", []], [[0.0] * 3, [0.0] * 3], [False], 0, "", []]]]
    answers = raw.call("apply_batch", [sensor] * MAX_ACTORS, False)[1]
    refused = [answer[0][1][0] for answer in answers if answer[0][0] == 0]
    assert len(refused) == 1  # the spectator counts as well
    assert "destroy some" in refused[0]
    assert alive(world)


def test_cameras_cannot_ask_for_more_pixels_than_memory_holds(world):
    blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
    blueprint.set_attribute("image_size_x", "4096")
    blueprint.set_attribute("image_size_y", "4096")
    cameras = [world.spawn_actor(blueprint, carla.Transform()) for _ in range(8)]
    with pytest.raises(RuntimeError, match="128 megapixels"):
        world.spawn_actor(blueprint, carla.Transform())
    assert alive(world)  # a tick: the client sends no destroy for an actor that no state has shown yet
    assert cameras[0].destroy()
    world.spawn_actor(blueprint, carla.Transform())
    assert alive(world)


def test_a_car_pushed_out_of_the_world_ends_only_itself(world, listeners):
    """The push is told to the one that stays, if at all: nobody can look up the one that is gone."""
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    edge = [world.spawn_actor(blueprint, carla.Transform(carla.Location(x, 0.0, 1.0))) for x in (999999.0, 999994.0)]
    listeners.attach("sensor.other.collision", edge[1])
    world.tick()
    edge[1].set_target_velocity(carla.Vector3D(60.0, 0.0, 0.0))
    for _ in range(3):
        assert alive(world)
    assert {car.id for car in world.get_actors().filter("vehicle.*")} == {edge[1].id}


def test_many_calls_at_once_neither_pile_up_answers_nor_keep_others_waiting(server, raw, world):
    before_mib = resident_mib(server.pid)
    hasty = RawRpc(server.port)
    hasty.send(b"".join(msgpack.packb([0, i, "get_map_data", [[False]]]) for i in range(2000)))  # 700 MB of answers
    assert raw.call("version") == (None, [[1, "0.9.16"]])
    assert alive(world)
    assert resident_mib(server.pid) < before_mib + 100.0
    hasty.close()


def test_others_are_served_while_a_tick_waits_for_a_subscriber(server, raw, world):
    other = RawRpc(server.port)

    def served_meanwhile(token):
        raw.call("get_sensor_token", token)
        held = threading.Thread(target=raw.call, args=("tick_cue",))
        held.start()
        assert other.call("version") == (None, [[1, "0.9.16"]])
        was_held = held.is_alive()
        held.join(timeout=ANNOUNCEMENT_TIMEOUT_S + TIMEOUT_S)
        assert not held.is_alive()
        return was_held

    # A tick waits for a second only, and a busy machine may let this thread stand for longer than that.
    assert any(served_meanwhile(token) for token in range(778, 788))
    other.close()


def test_an_endless_message_ends_its_own_connection_only(server, world):
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT_S) as connection:
        endless = b"\xc6\xff\xff\xff\xff" + bytes(200 << 20)  # announces 4 GiB of bytes
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            connection.sendall(endless)
    assert alive(world)


def test_two_clients_share_a_world(server, client, world, ego):
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(TIMEOUT_S)
    their_world = other.get_world()
    ids = {actor.id for actor in world.get_actors()}
    assert wait_until(lambda: {actor.id for actor in their_world.get_actors()} == ids)
    seen = []
    callback = their_world.on_tick(lambda snapshot: seen.append(snapshot.frame))
    frames = [world.tick(), their_world.tick(), world.tick()]
    assert wait_until(lambda: set(frames) <= set(seen))
    their_world.remove_on_tick(callback)
    assert frames == sorted(set(frames))
    their_world.get_actor(ego.id).apply_control(carla.VehicleControl(throttle=0.5))
    their_world.tick()
    world.tick()
    assert ego.get_control().throttle == 0.5


def test_the_other_client_learns_that_a_map_was_loaded(server, client, world):
    other = carla.Client("127.0.0.1", server.port)
    other.set_timeout(TIMEOUT_S)
    their_world = other.get_world()
    make_synchronous(client.load_world("Lite02"))
    assert wait_until(lambda: their_world.get_snapshot().id == client.get_world().id)
    assert other.get_world().get_map().name == "Carla/Maps/Lite02"


KILLED_CLIENT = """
import carla, os, queue, signal, sys
client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(30.0)
world = client.get_world()
library = world.get_blueprint_library()
car = world.spawn_actor(library.find("vehicle.audi.a2"), world.get_map().get_spawn_points()[7])
images = queue.Queue()
camera = world.spawn_actor(library.find("sensor.camera.rgb"), carla.Transform(), attach_to=car)
camera.listen(images.put)
world.tick()
images.get(timeout=30.0)
print("driving", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_client_leaves_its_cars_and_no_trouble(server, world):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_CLIENT, str(server.port)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert killed.stdout == "driving\n"
    for _ in range(20):
        assert alive(world)
    assert len(world.get_actors().filter("vehicle.audi.a2")) == 1


def test_a_subscriber_that_never_reads_holds_nobody_up_for_long(server, world, ego, listeners):
    camera, _ = listeners.attach("sensor.camera.rgb", ego, image_size_x=640, image_size_y=360)
    with socket.create_connection(("127.0.0.1", server.streaming_port)) as lazy:
        lazy.sendall(struct.pack("<I", camera.id))
        start = time.monotonic()
        for _ in range(40):  # 37 MB, far more than what may wait
            world.tick()
        assert time.monotonic() - start < 70.0  # every tick would wait two seconds
        lazy.settimeout(TIMEOUT_S)
        (length,) = struct.unpack("<I", lazy.recv(4, socket.MSG_WAITALL))
        assert length == 48 + 12 + 640 * 360 * 4
    assert alive(world)


def test_a_token_that_nobody_uses_costs_one_pause_only(raw, world):
    raw.call("get_sensor_token", 777)
    assert alive(world)
    start = time.monotonic()
    for _ in range(60):
        world.tick()
    assert time.monotonic() - start < 50.0  # every tick would wait a second


def test_many_connections_come_and_go(server, world):
    def visit():
        visitor = RawRpc(server.port)
        assert visitor.call("version") == (None, [[1, "0.9.16"]])
        visitor.close()

    threads = [threading.Thread(target=visit) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=TIMEOUT_S)
    assert not any(thread.is_alive() for thread in threads)
    assert alive(world)


RELOADING_CLIENT = """
import carla, sys
client = carla.Client("127.0.0.1", int(sys.argv[1]))
client.set_timeout(30.0)
for _ in range(40):
    world = client.load_world("Lite01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    car = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.audi.a2"), world.get_map().get_spawn_points()[0]
    )
    world.tick()
    assert car.get_location().distance(world.get_map().get_spawn_points()[0].location) < 1.0
print("done")
"""


def test_maps_can_be_loaded_again_and_again(server):
    """Without care for the closing subscription, the client's process aborts within some twenty to seventy loads."""
    command = [sys.executable, "-c", RELOADING_CLIENT, str(server.port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr
