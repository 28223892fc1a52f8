"""Memory of carla_lite's server over many ticks: ``python -m benchmarks.wire_memory --ticks 200000 --output FILE.csv``.

Vehicles, walkers and a listened camera come and go all the time. The file gets a line per sample: tick, resident MiB.
"""

from __future__ import annotations

import argparse
import os
import queue
from collections.abc import Iterator, Sequence
from pathlib import Path

import carla

from benchmarks.wire import make_synchronous
from carla_lite.wire.process import ServerProcess

_TIMEOUT_S = 60.0
_CHANGE_TICKS = 20
_CAMERA_ATTRIBUTES = {"image_size_x": "64", "image_size_y": "36"}


def run(options: argparse.Namespace) -> None:
    """Tick, exchange actors, and write the curve as it grows."""
    with (
        ServerProcess(map="Lite01", extra_arguments=("--log-level", "error")) as server,
        options.output.open("w") as out,
    ):
        out.write("tick,resident_mib\n")
        client = carla.Client(server.host, server.port)
        client.set_timeout(_TIMEOUT_S)
        world = client.get_world()
        make_synchronous(world)
        changes = _changes(world)
        samples = []
        for tick in range(options.ticks + 1):
            if tick % _CHANGE_TICKS == 0:
                next(changes)
            world.tick()
            if tick % max(1, options.ticks // 200) == 0:
                samples.append(_resident_mib(server.pid))
                out.write(f"{tick},{samples[-1]:.2f}\n")
                out.flush()
    tenth = len(samples) // 10
    print(f"after a tenth {samples[tenth]:.1f} MiB, at the end {samples[-1]:.1f} MiB: "
          f"{100.0 * (samples[-1] / samples[tenth] - 1.0):+.2f} % in {options.ticks} ticks")  # fmt: skip


def _changes(world: carla.World) -> Iterator[None]:
    """Replace a car, a walker and a camera with its subscription at every step."""
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    cars, walkers = library.filter("vehicle.*"), library.filter("walker.pedestrian.*")
    camera_blueprint = library.find("sensor.camera.rgb")
    for name, value in _CAMERA_ATTRIBUTES.items():
        camera_blueprint.set_attribute(name, value)
    number = 0
    while True:
        point = points[number % len(points)]
        car = world.spawn_actor(cars[number % len(cars)], point)
        beside = carla.Transform(point.location + 6.0 * point.get_right_vector())
        walker = world.try_spawn_actor(walkers[number % len(walkers)], beside)
        camera = world.spawn_actor(camera_blueprint, carla.Transform(carla.Location(z=3.0)), attach_to=car)
        images: queue.Queue[carla.Image] = queue.Queue()
        camera.listen(images.put)
        yield
        images.get(timeout=_TIMEOUT_S)
        camera.stop()
        for actor in (camera, walker, car):
            if actor is not None:
                actor.destroy()
        number += 1


def _resident_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire_memory", description="Memory of carla_lite")
    parser.add_argument("--ticks", type=int, default=200_000, help="how many (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("wire_memory.csv"), help="the curve (default: %(default)s)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    run(_options(None))
