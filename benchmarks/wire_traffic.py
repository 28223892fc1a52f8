"""Ticks per second with traffic and cameras, through the genuine client: ``python -m benchmarks.wire_traffic``.

Server and client share the machine; every tick waits for the images of every camera. The figures are medians of several
runs in one fresh world per case. The targets are those of docs/results/performance.md.
"""

from __future__ import annotations

import argparse
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import carla

from benchmarks.figures import Figure, show
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
    figures = []
    with ServerProcess(map=_TOWN, extra_arguments=("--log-level", "error")) as server:
        client = carla.Client(server.host, server.port)
        client.set_timeout(_TIMEOUT_S)
        for case in CASES:
            with _world_of(client, case) as tick:
                figures.append(Figure.of(case.name, "ticks/s", measure(options.runs, options.ticks, tick)))
    return show(figures)


@contextmanager
def _world_of(client: carla.Client, case: Case) -> Iterator[Callable[[], None]]:
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
