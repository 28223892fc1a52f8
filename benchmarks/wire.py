"""Ticks per second of carla_lite through the genuine client: ``python -m benchmarks.wire``.

Server and client share the machine. Each figure is the median of several runs after a warm-up.
"""

from __future__ import annotations

import argparse
import queue
import time
from collections.abc import Callable, Sequence

import carla

from benchmarks.figures import Figure, show
from carla_lite.wire.process import ServerProcess

_TIMEOUT_S = 20.0


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.wire", description="Speed of carla_lite's server")
    parser.add_argument("--runs", type=int, default=5, help="runs per figure (default: %(default)s)")
    parser.add_argument("--ticks", type=int, default=400, help="ticks per run (default: %(default)s)")
    options = parser.parse_args(arguments)
    start_s = time.monotonic()
    with ServerProcess(map="Lite01") as server:
        ready = Figure.of("server ready after", "s", [time.monotonic() - start_s])
        client = carla.Client(server.host, server.port)
        client.set_timeout(_TIMEOUT_S)
        world = client.get_world()
        make_synchronous(world)
        library = world.get_blueprint_library()
        car = world.spawn_actor(library.find("vehicle.tesla.model3"), world.get_map().get_spawn_points()[0])
        bare = measure(options.runs, options.ticks, world.tick)
        camera, images = attach_camera(world, car)

        def tick_and_wait() -> None:
            frame = world.tick()
            while images.get(timeout=_TIMEOUT_S).frame < frame:
                pass

        seeing = measure(options.runs, options.ticks, tick_and_wait)
        camera.stop()
        camera.destroy()
    rates = {"no sensors": bare, "one 320x180 RGB camera": seeing}
    return show([ready, *(Figure.of(name, "ticks/s", values) for name, values in rates.items())])


def measure(runs: int, ticks: int, tick: Callable[[], object]) -> list[float]:
    """Return ticks per second of each run."""
    for _ in range(ticks // 4):
        tick()
    rates = []
    for _ in range(runs):
        start_s = time.perf_counter()
        for _ in range(ticks):
            tick()
        rates.append(ticks / (time.perf_counter() - start_s))
    return rates


def make_synchronous(world: carla.World) -> None:
    """Let the world step by ticks of 0.05 s only."""
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)


def attach_camera(
    world: carla.World, car: carla.Actor, size_px: tuple[int, int] = (320, 180)
) -> tuple[carla.Sensor, queue.Queue[carla.Image]]:
    """Put a camera behind the windscreen and listen to it."""
    blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
    for name, value in (("image_size_x", size_px[0]), ("image_size_y", size_px[1]), ("fov", 100)):
        blueprint.set_attribute(name, str(value))
    camera = world.spawn_actor(blueprint, carla.Transform(carla.Location(x=1.3, z=2.0)), attach_to=car)
    images: queue.Queue[carla.Image] = queue.Queue()
    camera.listen(images.put)
    return camera, images


if __name__ == "__main__":
    main()
