from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Literal

import pytest

from waypilot.config import ConfigError, config_from_mapping, config_to_dict
from waypilot.control.follower import FollowerConfig
from waypilot.expert import ExpertConfig
from waypilot.observation import ObservationConfig


class Color(Enum):
    RED = 1
    BLUE = 2


@dataclass(frozen=True)
class Inner:
    gain: float = 1.0

    def __post_init__(self) -> None:
        if self.gain <= 0:
            raise ValueError("gain must be positive")


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner = field(default_factory=Inner)
    ratio: float | None = None
    flag: bool = False
    color: Color = Color.RED
    mode: Literal["fast", "slow"] = "fast"
    size: tuple[int, float] = (1, 2.0)
    parts: tuple[Inner, ...] = ()
    limits: dict[str, float] = field(default_factory=dict)
    path: Path = Path("out")


FULL = {
    "count": 3,
    "inner": {"gain": 2},
    "ratio": 1,
    "flag": True,
    "color": "blue",
    "mode": "slow",
    "size": [4, 5],
    "parts": [{"gain": 7.0}, {}],
    "limits": {"a": 1},
    "path": "x/y",
}


def test_builds_nested_configs_and_coerces_whole_numbers_to_float() -> None:
    config = config_from_mapping(Outer, FULL)
    assert config == Outer(
        3, Inner(2.0), 1.0, True, Color.BLUE, "slow", (4, 5.0), (Inner(7.0), Inner()), {"a": 1.0}, Path("x/y")
    )
    assert isinstance(config.ratio, float)
    assert isinstance(config.inner.gain, float)


def test_round_trip_through_plain_values() -> None:
    config = config_from_mapping(Outer, FULL)
    plain = config_to_dict(config)
    assert plain["color"] == "blue"
    assert plain["path"] == "x/y"
    assert config_from_mapping(Outer, plain) == config


@pytest.mark.parametrize("config", [FollowerConfig(), ExpertConfig(), ObservationConfig()])
def test_component_configs_survive_the_round_trip(config: object) -> None:
    assert config_from_mapping(type(config), config_to_dict(config)) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 1, "cuont": 2}, "unknown key 'cuont'; known keys: color, count, flag"),
        ({}, "required key 'count' is missing"),
        ({"count": True}, "count: expected int, got True"),
        ({"count": 1.0}, "count: expected int, got 1.0"),
        ({"count": 1, "ratio": True}, "ratio: expected a number, got True"),
        ({"count": 1, "ratio": float("nan")}, "ratio: expected a finite number"),
        ({"count": 1, "ratio": 10**400}, "ratio: the number is too large"),
        ({"count": 1, "flag": 1}, "flag: expected bool, got 1"),
        ({"count": 1, "color": "green"}, "color: 'green' is not one of red, blue"),
        ({"count": 1, "mode": "medium"}, "mode: 'medium' is not one of 'fast', 'slow'"),
        ({"count": 1, "size": [1]}, "size: expected 2 values, got 1"),
        ({"count": 1, "size": "ab"}, "size: expected a list"),
        ({"count": 1, "inner": 3}, "inner: expected keys and values"),
        ({"count": 1, "inner": {"gian": 3}}, "inner: unknown key 'gian'; known keys: gain"),
        ({"count": 1, "inner": {"gain": -1}}, "inner: gain must be positive"),
        ({"count": 1, "parts": [{}, {"gain": "x"}]}, r"parts\[1\].gain: expected a number, got 'x'"),
        ({"count": 1, "limits": {"a": "x"}}, "limits.a: expected a number"),
        ({"count": 1, "limits": [1]}, "limits: expected keys and values"),
    ],
)
def test_refuses_what_does_not_fit_and_names_the_key(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_from_mapping(Outer, values)


def test_only_plain_values_become_plain() -> None:
    with pytest.raises(TypeError, match="expected a dataclass instance"):
        config_to_dict({"count": 1})


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (
            FollowerConfig,
            {"lateral": {"max_wheel_angle_rad": 70.0}},
            "lateral: max_wheel_angle_rad is 70.0, expected 0 to pi/2",
        ),
        (FollowerConfig, {"lateral": {"wheelbase_m": 0}}, "wheelbase_m is 0.0, expected a positive"),
        (FollowerConfig, {"lateral": {"rear_axle_m": 4}}, "rear_axle_m is 4.0, expected 0 to wheelbase_m"),
        (FollowerConfig, {"lateral": {"max_lookahead_m": 1}}, "max_lookahead_m must not be below"),
        (FollowerConfig, {"lateral": {"max_lateral_acceleration_mps2": 0}}, "must be positive"),
        (FollowerConfig, {"lateral": {"steering_curve": [[5, 1], [0, 1]]}}, "rising speeds"),
        (FollowerConfig, {"lateral": {"steering_curve": []}}, "rising speeds"),
        (FollowerConfig, {"longitudinal": {"window_end_s": 0.1}}, "speed window"),
        (FollowerConfig, {"longitudinal": {"full_brake_mps2": 0}}, "full_brake_mps2 is 0.0"),
        (FollowerConfig, {"longitudinal": {"proportional_per_s": 0}}, "proportional_per_s is 0.0"),
        (FollowerConfig, {"longitudinal": {"coast_mps2": -1}}, "coast_mps2 is -1.0"),
        (FollowerConfig, {"longitudinal": {"max_throttle": 1.5}}, "max_throttle is 1.5, expected a pedal position"),
        (FollowerConfig, {"plan_check": {"max_age_s": 0}}, "max_age_s is 0.0"),
        (FollowerConfig, {"safe_stop": {"first_brake": 0}}, "first_brake"),
        (FollowerConfig, {"safe_stop": {"brake_per_s": -1}}, "must not be negative"),
        (FollowerConfig, {"max_step_s": 0}, "max_step_s is 0.0"),
        (ExpertConfig, {"num_waypoints": 0}, "num_waypoints is 0"),
        (ExpertConfig, {"target_speed_mps": -1}, "target_speed_mps is -1.0"),
        (ExpertConfig, {"max_lateral_acceleration_mps2": 1}, "must not be below lateral_acceleration"),
        (ExpertConfig, {"max_deceleration_mps2": 1}, "must not be below comfort"),
        (ExpertConfig, {"max_approach_angle_rad": 2}, "less than pi/2"),
    ],
)
def test_components_refuse_impossible_values(cls: type, values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config_from_mapping(cls, values)
