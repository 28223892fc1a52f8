"""What a scenario is: where the vehicle starts, where it shall arrive, in which weather, and when a run is over."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field

from waypilot.config import ConfigError, config_from_mapping, config_to_dict
from waypilot.faults.fault import Fault
from waypilot.geometry import SE2
from waypilot.scenarios.actors import ActorSpec, Lights, Traffic, Variation
from waypilot.scenarios.weather import WeatherParameters

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")

# CARLA leaderboard: 300 s of simulated time plus the time the route takes at 10 % of the speed limit.
LEADERBOARD_BASE_S = 300.0
LEADERBOARD_SPEED_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class TerminationRules:
    """When a run ends other than by time; defaults are those of the CARLA leaderboard 2.0.

    ``blocked_after_s`` is Bench2Drive's 60 s instead of the leaderboard's 180 s, so that a stuck run ends soon.
    Raises ValueError for limits that are not positive.
    """

    goal_tolerance_m: float = 10.0
    deviation_limit_m: float = 30.0
    blocked_speed_mps: float = 0.1
    blocked_after_s: float = 60.0

    def __post_init__(self) -> None:
        for name, unit in (
            ("goal_tolerance_m", "metres"),
            ("deviation_limit_m", "metres"),
            ("blocked_speed_mps", "m/s"),
            ("blocked_after_s", "seconds"),
        ):
            _require_positive(name, getattr(self, name), unit)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One drive to be judged. Positions are in the map frame (REP 103), the height is that of the road.

    Where nobody asks for something else it is driven ``repeats`` times with each of ``seeds``; what a seed changes is
    bounded by ``variation`` (``waypilot.scenarios.vary``). ``actors``, ``traffic`` and ``lights`` are what others do.
    ``faults`` are what breaks on the way (docs/interfaces.md, "Faults").
    ``via_m`` are points the route must pass, in order. ``time_limit_s`` is simulated time; None asks for the
    leaderboard's rule, which needs the length of the route (``time_limit_for``). ``target_speed_mps`` is the speed
    the vehicle may drive. Raises ValueError for values that make no drive.
    """

    name: str
    map: str
    weather: WeatherParameters
    start_pose: SE2
    goal_m: tuple[float, float]
    via_m: tuple[tuple[float, float], ...] = ()
    vehicle_type: str = "vehicle.tesla.model3"
    target_speed_mps: float = 8.0
    time_limit_s: float | None = None
    rules: TerminationRules = field(default_factory=TerminationRules)
    seeds: tuple[int, ...] = (0,)
    repeats: int = 1
    variation: Variation = field(default_factory=Variation)
    actors: tuple[ActorSpec, ...] = ()
    traffic: Traffic | None = None
    lights: Lights | None = None
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"name is {self.name!r}, use lower-case letters, digits and underscores: it becomes a file name"
            )
        if not self.map:
            raise ValueError("map is empty, name a town of the simulator such as Lite01")
        if not self.vehicle_type.startswith("vehicle."):
            raise ValueError(f"vehicle_type is {self.vehicle_type!r}, give a vehicle blueprint: vehicle.tesla.model3")
        _require_positive("target_speed_mps", self.target_speed_mps, "m/s")
        if self.time_limit_s is not None:
            _require_positive("time_limit_s", self.time_limit_s, "seconds, or leave it out for the leaderboard's rule")
        if math.dist(self.goal_m, (self.start_pose.x_m, self.start_pose.y_m)) < 1.0:
            raise ValueError(f"goal {self.goal_m} is less than 1 m from the start, put it further along the road")
        _check_seeds(self.seeds)
        names = [actor.name for actor in self.actors]
        if twice := [name for position, name in enumerate(names) if name in names[:position]]:
            raise ValueError(f"two actors are named {twice[0]!r}, rename one of them")
        if self.repeats < 1:
            raise ValueError(f"repeats is {self.repeats}, give 1 or more")

    def time_limit_for(self, route_length_m: float) -> float:
        """Return the simulated seconds allowed on a route of this length (m)."""
        if self.time_limit_s is not None:
            return self.time_limit_s
        return LEADERBOARD_BASE_S + route_length_m / (LEADERBOARD_SPEED_SHARE * self.target_speed_mps)


def scenario_to_json(scenario: Scenario) -> str:
    """Write a scenario as JSON in the core's units, for messages; every number survives the trip."""
    return json.dumps(config_to_dict(scenario), allow_nan=False)


def scenario_from_json(text: str) -> Scenario:
    """Read what ``scenario_to_json`` wrote. Raises ConfigError for anything else."""
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"scenario is not JSON: {error}") from error
    return config_from_mapping(Scenario, values)


def _check_seeds(seeds: tuple[int, ...]) -> None:
    if not seeds or min(seeds) < 0:
        raise ValueError(f"seeds is {list(seeds)}, give one or more whole numbers from 0 up")
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds is {list(seeds)}, name each seed once and use repeats to drive it more often")


def _require_positive(name: str, value: float, unit: str) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"{name} is {value}, give a positive number of {unit}")
