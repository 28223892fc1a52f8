"""Frames per second of the software camera: ``python benchmarks/render.py [--town Lite01] [--cars 20]``.

Drives past the spawn points of a town and prints, for each image size and weather, the median over several runs, and
how the time splits. All times are CPU seconds of the one thread that draws, so that a busy machine tells the truth too.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

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
STAGES = {"draw_instances": "objects", "find_visible": "objects", "draw_background": "sky+ground"}
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
) -> float:
    """Return the median seconds per frame of several runs."""
    cameras = [Camera(*size, math.radians(100.0), place(spawns[k % len(spawns)], 1.3, 2.0)) for k in range(FRAMES)]
    seconds = []
    for _ in range(RUNS):
        start = time.thread_time()
        for frame, camera in enumerate(cameras):
            camera_renderer.rgb(camera, DynamicScene(frame, 0.05 * frame, weather, cars))
        seconds.append((time.thread_time() - start) / FRAMES)
    return statistics.median(seconds)


def timed(kernel: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    """Wrap a kernel so that its time is added to a stage."""

    def call(*arguments: Any) -> Any:
        start = time.thread_time()
        result = kernel(*arguments)
        spent[stage] += time.thread_time() - start
        return result

    return call


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--town", default="Lite01")
    parser.add_argument("--cars", type=int, default=20)
    options = parser.parse_args()
    start = time.thread_time()
    warm_up()
    print(f"kernels ready after {time.thread_time() - start:.1f} s")
    town = load_town(options.town)
    start = time.thread_time()
    camera_renderer = Renderer(town.scene)
    print(f"{options.town}: ground and boxes ready after {time.thread_time() - start:.1f} s")
    spawns = town.spawn_points
    cars = tuple(
        SceneActor(
            k, Shape.CAR, place(spawns[k % len(spawns)], 14.0, 0.0), (2.4, 1.0, 0.75), (40 + 9 * k % 200, 60, 90)
        )
        for k in range(options.cars)
    )
    for size in SIZES:
        for name, weather in WEATHERS.items():
            frame_s = drive(camera_renderer, spawns, cars, size, weather)
            print(f"{size[0]}x{size[1]} {name:7s} {1e3 * frame_s:7.2f} ms  {1.0 / frame_s:7.0f} frames/s")
    spent: dict[str, float] = defaultdict(float)
    for kernel, stage in STAGES.items():
        setattr(renderer, kernel, timed(getattr(renderer, kernel), stage, spent))
    total = drive(camera_renderer, spawns, cars, SIZES[0], WEATHERS["clear"]) * FRAMES * RUNS
    shares = ", ".join(f"{stage} {100.0 * seconds / total:.0f} %" for stage, seconds in spent.items())
    print(f"320x180 clear: {shares}, rest {100.0 * (1.0 - sum(spent.values()) / total):.0f} %")


if __name__ == "__main__":
    main()
