"""Which drives to record: everything about a drive follows from one seed and its number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from training.data.encounters import draw_encounter, draw_late_green, draw_lights
from waypilot.geometry import SE2, wrap_angle
from waypilot.scenarios import WEATHER_PRESETS, Scenario, WeatherParameters
from waypilot.scenarios.actors import Traffic

_MIX_SHARE = 0.4
_MIX_MAX = 0.7


@dataclass(frozen=True, slots=True)
class DrivePlanConfig:
    """Ranges from which drives are drawn.

    The goal lies ``min_goal_m`` to ``max_goal_m`` from the start as the crow flies; ``via_points`` random places on
    the way make routes with many turns. The start is moved sideways and turned by up to the given bounds.
    ``vehicles`` drive around the start, led by CARLA's Traffic Manager; 0: the roads are empty. ``encounters`` is the
    share of drives on which somebody is met (``training.data.encounters``) and lights may turn green late;
    ``late_green`` is the share of the other drives on which lights do, and nobody is placed.
    """

    min_goal_m: float = 120.0
    max_goal_m: float = 450.0
    via_points: int = 1
    max_start_offset_m: float = 1.0
    max_start_heading_rad: float = math.radians(15.0)
    vehicles: int = 0
    encounters: float = 0.0
    late_green: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.min_goal_m < self.max_goal_m:
            raise ValueError(f"goal distances are {self.min_goal_m} to {self.max_goal_m} m, expected 0 < min < max")
        for name in ("via_points", "vehicles"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        for name in ("encounters", "late_green"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a share from 0 to 1")
        if not 0.0 <= self.max_start_offset_m <= 1.5:
            raise ValueError(f"max_start_offset_m is {self.max_start_offset_m}, expected 0 to 1.5 (half a lane)")
        if not 0.0 <= self.max_start_heading_rad <= math.pi / 4:
            raise ValueError(f"max_start_heading_rad is {self.max_start_heading_rad}, expected 0 to pi/4")


@dataclass(frozen=True, slots=True)
class DrivePlan:
    """One drive to record. ``route_id`` names its roads by the numbers of the spawn points it connects."""

    scenario: Scenario
    weather_name: str
    route_id: str
    seed: int


def plan_drive(
    town: str, spawn_poses: Sequence[SE2], seed: int, index: int, attempt: int, config: DrivePlanConfig
) -> DrivePlan:
    """Draw drive number ``index``; ``attempt`` draws another one in its place, for when no route leads to the goal.

    Raises ValueError when the town has no two spawn points as far apart as asked.
    """
    random = np.random.default_rng((seed, index, attempt))
    start = int(random.integers(len(spawn_poses)))
    goals = _goals(spawn_poses, start, config)
    if not goals:
        raise ValueError(
            f"{town} has no spawn point {config.min_goal_m:g} to {config.max_goal_m:g} m from spawn point {start}; "
            f"lower min_goal_m"
        )
    vias = [int(random.integers(len(spawn_poses))) for _ in range(config.via_points)]
    goal = int(random.choice(goals))
    name, weather = draw_weather(random, index)
    scenario = Scenario(
        name=f"collect_{seed}_{index}",
        map=town,
        weather=weather,
        start_pose=_offset(spawn_poses[start], random, config),
        goal_m=_place(spawn_poses[goal]),
        via_m=tuple(_place(spawn_poses[via]) for via in vias),
        traffic=Traffic(config.vehicles) if config.vehicles else None,
    )
    route_id = "-".join(str(number) for number in (start, *vias, goal))
    drive_seed = int(random.integers(2**31))
    if random.random() < config.encounters:
        scenario = replace(scenario, actors=draw_encounter(random)[1], lights=draw_lights(random))
    elif random.random() < config.late_green:
        scenario = replace(scenario, lights=draw_late_green(random))
    return DrivePlan(scenario, name, route_id, drive_seed)


def draw_weather(random: np.random.Generator, index: int) -> tuple[str, WeatherParameters]:
    """Take the presets in turn, every now and then a mixture of two under another sun."""
    names = sorted(WEATHER_PRESETS)
    name = names[index % len(names)]
    weather = WEATHER_PRESETS[name]
    if random.random() >= _MIX_SHARE:
        return name, weather
    other = names[int(random.integers(len(names)))]
    share = float(random.uniform(0.0, _MIX_MAX))
    values = {
        field.name: _mixed(getattr(weather, field.name), getattr(WEATHER_PRESETS[other], field.name), share)
        for field in fields(WeatherParameters)
    }
    values["sun_azimuth_angle"] = float(random.uniform(0.0, 360.0))
    return f"{name}+{other}", WeatherParameters(**values)


def _mixed(one: float, other: float, share: float) -> float:
    """Mix two values; rounding never leads beyond them (100 % and 100 % would give a little more)."""
    mixed = (1.0 - share) * one + share * other
    return min(max(mixed, min(one, other)), max(one, other))


def _goals(spawn_poses: Sequence[SE2], start: int, config: DrivePlanConfig) -> list[int]:
    origin = _place(spawn_poses[start])
    distances_m = [math.dist(origin, _place(pose)) for pose in spawn_poses]
    return [i for i, distance_m in enumerate(distances_m) if config.min_goal_m <= distance_m <= config.max_goal_m]


def _place(pose: SE2) -> tuple[float, float]:
    return pose.x_m, pose.y_m


def _offset(pose: SE2, random: np.random.Generator, config: DrivePlanConfig) -> SE2:
    lateral_m = float(random.uniform(-1.0, 1.0)) * config.max_start_offset_m
    turn_rad = float(random.uniform(-1.0, 1.0)) * config.max_start_heading_rad
    moved = pose.compose(SE2(0.0, lateral_m, turn_rad))
    return SE2(moved.x_m, moved.y_m, wrap_angle(moved.yaw_rad))
