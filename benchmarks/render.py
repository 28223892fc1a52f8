"""Frames per second of the software camera: ``python -m benchmarks.render [--town Lite01] [--cars 20]``.

Drives past the spawn points of a town and prints the time per frame for each image size and weather, and how
it splits. All times are CPU seconds of the one thread that draws, so that a busy machine tells the truth too.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.figures import Figure, show
from carla_lite.maps import load_town
from carla_lite.render import Renderer, renderer, warm_up
from carla_lite.scene import Camera, DynamicScene, SceneActor, Shape, Weather
from waypilot.geometry import Pose

SIZES = ((320, 180), (640, 360), (800, 600))
WEATHERS = {
    "clear": Weather(),
    "cloudy": Weather(cloudiness=80.0),
    "night": Weather(sun_altitude_angle=-60.0),
    "rain": Weather(cloudiness=100.0, precipitation=80.0, precipitation_deposits=70.0, wetness=80.0),
}
STAGES = {"draw_rows": "objects, sky, ground", "find_seen": "culling", "draw_effects": "glow, rain"}
RUNS = 5
FRAMES = 40


def place(spawn: Pose, ahead_m: float, up_m: float) -> Pose:
    """Return a level pose in front of and above a spawn point."""
    yaw = spawn.orientation.yaw_rad
    x_m, y_m = spawn.x_m + ahead_m * math.cos(yaw), spawn.y_m + ahead_m * math.sin(yaw)
    return Pose.from_xyz_rpy(x_m, y_m, up_m, yaw_rad=yaw)


def drive(
    camera_renderer: Renderer,
    spawns: tuple[Pose, ...],
    cars: tuple[SceneActor, ...],
    size: tuple[int, int],
    weather: Weather,
) -> list[float]:
    """Return the seconds per frame of each run."""
    cameras = [Camera(*size, math.radians(100.0), place(spawns[k % len(spawns)], 1.3, 2.0)) for k in range(FRAMES)]
    seconds = []
    for _ in range(RUNS):
        start = time.thread_time()
        for frame, camera in enumerate(cameras):
            camera_renderer.rgb(camera, DynamicScene(frame, 0.05 * frame, weather, cars))
        seconds.append((time.thread_time() - start) / FRAMES)
    return seconds


def timed(kernel: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    """Wrap a kernel so that its time is added to a stage."""

    def call(*arguments: Any) -> Any:
        start = time.thread_time()
        result = kernel(*arguments)
        spent[stage] += time.thread_time() - start
        return result

    return call


def shares(camera_renderer: Renderer, spawns: tuple[Pose, ...], cars: tuple[SceneActor, ...]) -> list[Figure]:
    """Return how the time of a clear frame splits. Wraps the kernels for the rest of the process."""
    spent: dict[str, float] = defaultdict(float)
    for kernel, stage in STAGES.items():
        setattr(renderer, kernel, timed(getattr(renderer, kernel), stage, spent))
    total_s = sum(drive(camera_renderer, spawns, cars, SIZES[0], WEATHERS["clear"])) * FRAMES
    spent["rest"] = total_s - sum(spent.values())
    return [Figure.of(f"320x180 clear: {stage}", "%", [100.0 * part / total_s]) for stage, part in spent.items()]


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.render", description="Speed of the software camera")
    parser.add_argument("--town", default="Lite01", help="where to drive (default: %(default)s)")
    parser.add_argument("--cars", type=int, default=20, help="cars in the town (default: %(default)s)")
    options = parser.parse_args(arguments)
    start = time.thread_time()
    warm_up()
    warm = time.thread_time()
    town = load_town(options.town)
    camera_renderer = Renderer(town.scene)
    built = time.thread_time()
    start_up = [
        Figure.of("kernels ready after", "s", [warm - start]),
        Figure.of(f"{options.town} ready after", "s", [built - warm]),
    ]
    spawns = town.spawn_points
    cars = tuple(
        SceneActor(
            k, Shape.CAR, place(spawns[k % len(spawns)], 14.0, 0.0), (2.4, 1.0, 0.75), (40 + 9 * k % 200, 60, 90)
        )
        for k in range(options.cars)
    )
    frames = [
        Figure.of(
            f"{size[0]}x{size[1]} {name}",
            "ms",
            [1e3 * seconds for seconds in drive(camera_renderer, spawns, cars, size, weather)],
        )
        for size in SIZES
        for name, weather in WEATHERS.items()
    ]
    return show([*start_up, *frames, *shares(camera_renderer, spawns, cars)])


if __name__ == "__main__":
    main()
