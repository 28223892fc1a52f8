"""A hand-made crossing with houses, trees and cars: the scene that renderer tests, golden images and benchmarks share.

The main road runs along x, two lanes 3.5 m wide, the crossing street along y at x = 40 m.
"""

from __future__ import annotations

import math

import numpy as np

from carla_lite.scene import (
    Box,
    Camera,
    DynamicScene,
    GroundPolygon,
    SceneActor,
    Shape,
    StaticScene,
    Surface,
    Weather,
)
from waypilot.geometry import Pose

HALF_ROAD_M = 3.5
WALK_M = 2.0
CROSSING_X_M = 40.0
BOUNDS_M = (-80.0, -120.0, 200.0, 120.0)

WEATHERS = {
    "clear": Weather(),
    "cloudy": Weather(cloudiness=80.0, fog_density=3.0),
    "night": Weather(sun_altitude_angle=-60.0, fog_density=10.0),
    "rain": Weather(
        cloudiness=100.0,
        precipitation=80.0,
        precipitation_deposits=70.0,
        wetness=80.0,
        wind_intensity=60.0,
        fog_density=7.0,
    ),
}

_CAR_COLORS = ((180, 30, 30), (30, 60, 160), (220, 220, 220), (25, 25, 28), (200, 170, 40), (60, 120, 70))
_WALL_COLORS = ((172, 120, 96), (190, 180, 160), (140, 150, 160), (200, 160, 110), (120, 128, 140))


def rectangle(surface: Surface, x0: float, y0: float, x1: float, y1: float) -> GroundPolygon:
    return GroundPolygon(surface, np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]))


def _ground() -> list[GroundPolygon]:
    x0, y0, x1, y1 = BOUNDS_M
    half, wide, cross = HALF_ROAD_M, HALF_ROAD_M + WALK_M, CROSSING_X_M
    patches = [
        rectangle(Surface.SIDEWALK, x0, -wide, x1, wide),
        rectangle(Surface.SIDEWALK, cross - wide, y0, cross + wide, y1),
        rectangle(Surface.CURB, x0, -half - 0.2, x1, half + 0.2),
        rectangle(Surface.CURB, cross - half - 0.2, y0, cross + half + 0.2, y1),
        rectangle(Surface.ROAD, x0, -half, x1, half),
        rectangle(Surface.ROAD, cross - half, y0, cross + half, y1),
    ]
    for start in np.arange(x0, x1, 6.0):
        if not cross - half - 4.0 < start < cross + half:
            patches.append(rectangle(Surface.MARK_YELLOW, start, -0.08, start + 3.0, 0.08))
    for y in (-half + 0.3, half - 0.3):
        patches.append(rectangle(Surface.MARK_WHITE, x0, y - 0.07, cross - half, y + 0.07))
        patches.append(rectangle(Surface.MARK_WHITE, cross + half, y - 0.07, x1, y + 0.07))
    patches.append(rectangle(Surface.MARK_WHITE, cross - half - 1.2, -half, cross - half - 0.8, 0.0))
    for k in range(7):
        y = -half + 0.25 + k
        patches.append(rectangle(Surface.CROSSWALK, cross - half - 4.0, y, cross - half - 1.8, y + 0.5))
    return patches


def _boxes() -> list[Box]:
    boxes = []
    for i in range(20):
        side = 1 if i % 2 else -1
        x = -60.0 + (i // 2) * 24.0
        if abs(x - CROSSING_X_M) < 14.0:
            x += 16.0
        height = 7.0 + (i * 37) % 14
        boxes.append(
            Box(Shape.BUILDING, (x, side * 14.0, height / 2), (7.0, 5.5, height / 2), 0.0, _WALL_COLORS[i % 5])
        )
    for i in range(14):
        side = 1 if i % 2 else -1
        x = -50.0 + i * 16.0
        if abs(x - CROSSING_X_M) > 7.0:
            boxes.append(Box(Shape.TREE, (x, side * 5.0, 2.6), (1.5, 1.5, 2.6), 0.3 * i, (62, 98, 46)))
            boxes.append(Box(Shape.POLE, (x + 6.0, side * 4.4, 3.0), (0.08, 0.08, 3.0), 0.0, (120, 124, 128)))
    boxes.append(Box(Shape.BOX, (70.0, -6.5, 0.5), (4.0, 0.2, 0.5), 0.0, (160, 156, 150)))
    return boxes


def make_town() -> StaticScene:
    return StaticScene(BOUNDS_M, tuple(_ground()), tuple(_boxes()))


def make_actors(count: int = 6) -> tuple[SceneActor, ...]:
    actors = []
    for i in range(count):
        oncoming = i % 2 == 1
        x = 16.0 + 13.0 * (i // 2) + (7.0 if oncoming else 0.0)
        y, yaw = (1.75, math.pi) if oncoming else (-1.75, 0.0)
        actors.append(
            SceneActor(
                100 + i,
                Shape.CAR,
                Pose.from_xyz_rpy(x, y, 0.0, 0.0, 0.0, yaw),
                (2.35, 0.95, 0.75),
                _CAR_COLORS[i % len(_CAR_COLORS)],
                brake_lights=i == 0,
            )
        )
    walker = Pose.from_xyz_rpy(14.0, -4.6, 0.93, 0.0, 0.0, 0.4)
    actors.append(SceneActor(90, Shape.PEDESTRIAN, walker, (0.2, 0.3, 0.93), (40, 110, 150)))
    return tuple(actors)


def make_scene(weather: str = "clear", frame: int = 1, cars: int = 6) -> DynamicScene:
    return DynamicScene(frame, frame * 0.05, WEATHERS[weather], make_actors(cars))


def driver_camera(
    width_px: int = 320,
    height_px: int = 180,
    fov_deg: float = 100.0,
    x_m: float = 1.3,
    y_m: float = -1.75,
    z_m: float = 2.0,
    roll_rad: float = 0.0,
    pitch_rad: float = 0.0,
    yaw_rad: float = 0.0,
) -> Camera:
    pose = Pose.from_xyz_rpy(x_m, y_m, z_m, roll_rad, pitch_rad, yaw_rad)
    return Camera(width_px, height_px, math.radians(fov_deg), pose)


def pixel_rays(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return the unit rays (H * W, 3) through all pixel centres in the map, and their length per metre of depth."""
    focal = camera.width_px / 2.0 / math.tan(camera.fov_rad / 2.0)
    rows, columns = np.mgrid[0 : camera.height_px, 0 : camera.width_px]
    left = -(columns.ravel() + 0.5 - camera.width_px / 2.0) / focal
    up = -(rows.ravel() + 0.5 - camera.height_px / 2.0) / focal
    own = np.stack([np.ones(left.size), left, up], axis=1)
    turn = camera.pose_map_from_camera.orientation
    axes = np.array([turn.rotate(axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))])
    length = np.linalg.norm(own, axis=1)
    return own @ axes / length[:, None], length
