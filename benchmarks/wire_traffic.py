"""Ticks per second with traffic and cameras, through the genuine client: ``python -m benchmarks.wire_traffic``.

Server and client share the machine; every tick waits for the images of every camera. The figures are medians of several
runs in one fresh world per case. The targets are those of docs/results/performance.md. Then, per case, where the
processor time of a tick goes: the client without its main thread, which spins while it waits; in the server physics,
renderer, and the rest, which is the wire: reading and answering calls, states, sockets.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import carla

from benchmarks.figures import Figure, show
from benchmarks.timed_server import PHYSICS, RENDERER, TIMES_FILE
from benchmarks.wire import attach_camera, make_synchronous, measure
from carla_lite.wire.process import ServerProcess

_TIMEOUT_S = 60.0
_TOWN = "Lite04"
_SMALL, _LARGE = (320, 180), (800, 600)


@dataclass(frozen=True, slots=True)
class Case:
    """What is in the world: cars, who drives them, and the sizes of the cameras on the first car."""

    name: str
    cars: int = 1
    driven_by: str = "nobody"
    cameras: tuple[tuple[int, int], ...] = ()


CASES = (
    Case("20 cars of the Traffic Manager, one 320x180 camera", 20, "traffic manager", (_SMALL,)),
    Case("20 cars by apply_batch, one 320x180 camera", 20, "batch", (_SMALL,)),
    Case("three 320x180 cameras", cameras=(_SMALL,) * 3),
    Case("one 800x600 camera", cameras=(_LARGE,)),
    Case("100 cars of the Traffic Manager", 100, "traffic manager"),
    Case("20 cars of the Traffic Manager", 20, "traffic manager"),
    Case("20 cars by apply_batch", 20, "batch"),
)


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire_traffic", description="Speed with traffic")
    parser.add_argument("--runs", type=int, default=5, help="runs per figure (default: %(default)s)")
    parser.add_argument("--ticks", type=int, default=200, help="ticks per run (default: %(default)s)")
    options = parser.parse_args(arguments)
    figures = [Figure.of("start to first answered tick", "s", [_start_s() for _ in range(options.runs)])]
    with ServerProcess(map=_TOWN, extra_arguments=("--log-level", "error")) as server:
        client = carla.Client(server.host, server.port)
        client.set_timeout(_TIMEOUT_S)
        for case in CASES:
            with world_of(client, case) as tick:
                figures.append(Figure.of(case.name, "ticks/s", measure(options.runs, options.ticks, tick)))
    show(figures)
    return figures + show([figure for case in CASES for figure in _shares(case, options.ticks)])


def _start_s() -> float:
    """Time from starting a server (its kernels compiled before) to its first answered tick."""
    begin_s = time.monotonic()
    with ServerProcess(map=_TOWN, extra_arguments=("--log-level", "error")) as server:
        client = carla.Client(server.host, server.port)
        client.set_timeout(_TIMEOUT_S)
        world = client.get_world()
        make_synchronous(world)
        world.tick()
        return time.monotonic() - begin_s


def _shares(case: Case, ticks: int) -> list[Figure]:
    """Processor time per tick of the client and of the server's parts, with their shares."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder) / "times.json"
        os.environ[TIMES_FILE] = str(times)
        arguments = ("--log-level", "error")
        with ServerProcess(map=_TOWN, extra_arguments=arguments, module="benchmarks.timed_server") as server:
            client = carla.Client(server.host, server.port)
            client.set_timeout(_TIMEOUT_S)
            with world_of(client, case) as tick:
                for _ in range(ticks // 4):
                    tick()
                before, own_s = _server_s(server.pid, times), time.process_time() - time.thread_time()
                for _ in range(ticks):
                    tick()
                own_s = time.process_time() - time.thread_time() - own_s
                spent = {part: value - before[part] for part, value in _server_s(server.pid, times).items()}
    parts = {"client": own_s, PHYSICS: spent[PHYSICS], RENDERER: spent[RENDERER]}
    parts["wire"] = spent["all"] - spent[PHYSICS] - spent[RENDERER]
    whole = sum(parts.values())
    return [
        Figure.of(f"{case.name}: {part} ({seconds / whole:.0%})", "ms/tick", [1e3 * seconds / ticks])
        for part, seconds in parts.items()
    ]


def _server_s(pid: int, times: Path) -> dict[str, float]:
    """Ask a timed server for its processor seconds."""
    times.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    while not times.exists():
        time.sleep(0.01)
    return dict(json.loads(times.read_text(encoding="utf-8")))


@contextmanager
def world_of(client: carla.Client, case: Case) -> Iterator[Callable[[], None]]:
    """Begin a world; gives what one tick does."""
    world = client.load_world(_TOWN)
    make_synchronous(world)
    cars = _spawn_cars(world, case.cars)
    seeing = [attach_camera(world, cars[0], size) for size in case.cameras]
    manager = _hand_over(client, cars) if case.driven_by == "traffic manager" else None

    def tick() -> None:
        if case.driven_by == "batch":
            control = carla.VehicleControl(throttle=0.3)
            client.apply_batch_sync([carla.command.ApplyVehicleControl(car, control) for car in cars], False)
        frame = world.tick()
        for _, waiting in seeing:
            while waiting.get(timeout=_TIMEOUT_S).frame < frame:
                pass

    yield tick
    for camera, _ in seeing:
        camera.stop()
    if manager is not None:
        manager.set_synchronous_mode(False)
        manager.shut_down()


def _spawn_cars(world: carla.World, count: int) -> list[carla.Actor]:
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    points = world.get_map().get_spawn_points()
    random.Random(0).shuffle(points)
    cars: list[carla.Actor] = []
    for point in points:
        if len(cars) < count and (car := world.try_spawn_actor(blueprint, point)) is not None:
            cars.append(car)
    if len(cars) < count:
        raise RuntimeError(f"{_TOWN} has room for {len(cars)} of {count} cars only")
    return cars


def _hand_over(client: carla.Client, cars: Sequence[carla.Actor]) -> carla.TrafficManager:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    manager = client.get_trafficmanager(port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(0)
    for car in cars:
        car.set_autopilot(True, port)
    return manager


if __name__ == "__main__":
    main()
