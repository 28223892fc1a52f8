"""What there is to see and to touch: the values that maps make, the engine moves and the renderer draws.

Map axes (REP 103: x east, y north, z up), metres, radians, RGB colours 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import Pose

Rgb = tuple[int, int, int]


class Surface(IntEnum):
    """What the ground is made of at a place; also the value stored in the ground raster."""

    TERRAIN = 0
    ROAD = 1
    SIDEWALK = 2
    SHOULDER = 3
    CURB = 4
    MARK_WHITE = 5
    MARK_YELLOW = 6
    CROSSWALK = 7
    PARKING = 8


class Shape(IntEnum):
    """How an upright object is drawn."""

    BUILDING = 0
    BOX = 1
    CAR = 2
    PEDESTRIAN = 3
    POLE = 4
    TREE = 5
    TRAFFIC_LIGHT = 6
    STOP_SIGN = 7
    YIELD_SIGN = 8
    SPEED_SIGN = 9
    TWO_WHEELER = 10
    VAN = 11


class Lamp(IntEnum):
    """What a traffic light shows; the numbers are CARLA's."""

    RED = 0
    YELLOW = 1
    GREEN = 2
    OFF = 3
    UNKNOWN = 4


@dataclass(frozen=True, slots=True)
class GroundPolygon:
    """A painted patch of ground; later patches cover earlier ones. ``outline_m`` is (N, 2), any simple polygon."""

    surface: Surface
    outline_m: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """An upright static box (a building, a wall); ``center_m`` is its middle, ``half_extent_m`` along its axes.

    Lights and signs face their x axis. ``text`` is what a speed limit sign shows.
    """

    shape: Shape
    center_m: tuple[float, float, float]
    half_extent_m: tuple[float, float, float]
    yaw_rad: float
    color: Rgb
    text: int = 0


@dataclass(frozen=True, slots=True)
class StaticScene:
    """Everything of a town that never moves. Ground outside ``bounds_m`` (x0, y0, x1, y1) is flat TERRAIN."""

    bounds_m: tuple[float, float, float, float]
    ground: tuple[GroundPolygon, ...]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class SceneActor:
    """One moving object as the renderer sees it; ``pose`` is that of the actor origin (on the ground for cars)."""

    actor_id: int
    shape: Shape
    pose: Pose
    half_extent_m: tuple[float, float, float]
    color: Rgb
    brake_lights: bool = False
    label: int = 0
    """What segmentation shows it as, a ``carla_lite.labels.Label``."""


@dataclass(frozen=True, slots=True)
class Weather:
    """CARLA's WeatherParameters, same names, same units (percent, degrees, metres), in wire order."""

    cloudiness: float = 5.0
    precipitation: float = 0.0
    precipitation_deposits: float = 0.0
    wind_intensity: float = 10.0
    sun_azimuth_angle: float = 0.0
    sun_altitude_angle: float = 45.0
    fog_density: float = 2.0
    fog_distance: float = 0.75
    fog_falloff: float = 0.1
    wetness: float = 0.0
    scattering_intensity: float = 1.0
    mie_scattering_scale: float = 0.03
    rayleigh_scattering_scale: float = 0.0331
    dust_storm: float = 0.0


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera: image size in pixels, horizontal field of view in radians, pose in map (x forward, z up)."""

    width_px: int
    height_px: int
    fov_rad: float
    pose_map_from_camera: Pose


@dataclass(frozen=True, slots=True)
class DynamicScene:
    """What changes from frame to frame."""

    frame: int
    time_s: float
    weather: Weather
    actors: tuple[SceneActor, ...] = field(default=())
    lamps: tuple[int, ...] = ()
    """What each TRAFFIC_LIGHT box of the town shows (``Lamp``), in the order of its boxes."""
