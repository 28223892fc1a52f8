"""What the examples share: the command line, and a synchronous world that is left as it was found."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

import carla

STEP_S = 0.05


def arguments(description: str, ticks: int) -> argparse.ArgumentParser:
    """Return the parser that every example starts from."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=2000)
    parser.add_argument("--ticks", type=int, default=ticks, help=f"steps of {STEP_S} s to run")
    return parser


def connect(options: argparse.Namespace) -> carla.Client:
    """Return a client that waits up to ten seconds for answers."""
    client = carla.Client(options.host, options.port)
    client.set_timeout(10.0)
    return client


@contextmanager
def synchronous(world: carla.World) -> Iterator[None]:
    """Step the world by ``world.tick()`` while the block runs."""
    before = world.get_settings()
    settings = world.get_settings()
    settings.synchronous_mode = True
    settings.fixed_delta_seconds = STEP_S
    world.apply_settings(settings)
    try:
        yield
    finally:
        world.apply_settings(before)


def spawn(world: carla.World, type_id: str, place: carla.Transform) -> carla.Actor:
    """Spawn a blueprint with its default attributes."""
    return world.spawn_actor(world.get_blueprint_library().find(type_id), place)
