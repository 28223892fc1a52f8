"""A scenario refuses values that make no drive, and survives a trip through a message."""

from __future__ import annotations

import dataclasses
import math

import pytest

from waypilot.config import ConfigError
from waypilot.geometry import SE2
from waypilot.scenarios import (
    WEATHER_PRESETS,
    Scenario,
    TerminationRules,
    WeatherParameters,
    load_suite,
    scenario_from_json,
    scenario_to_json,
)

CLEAR = WEATHER_PRESETS["clear"]
SCENARIO = Scenario("straight", "Lite01", CLEAR, SE2(1.0, 2.0, 0.5), (90.0, 2.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Straight 1"}, "use lower-case letters, digits and underscores"),
        ({"name": "../evil"}, "it becomes a file name"),
        ({"map": ""}, "name a town of the simulator"),
        ({"vehicle_type": "walker.pedestrian.0001"}, "give a vehicle blueprint"),
        ({"target_speed_mps": 0.0}, "target_speed_mps is 0.0, give a positive number of m/s"),
        ({"time_limit_s": -1.0}, "leave it out for the leaderboard's rule"),
        ({"time_limit_s": math.nan}, "time_limit_s is nan"),
        ({"goal_m": (1.0, 2.5)}, "put it further along the road"),
    ],
)
def test_refusals(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SCENARIO, **change)


def test_rules_are_positive():
    with pytest.raises(ValueError, match="blocked_after_s is 0, give a positive number of seconds"):
        TerminationRules(blocked_after_s=0)


def test_json_keeps_every_bit():
    awkward = dataclasses.replace(
        SCENARIO, start_pose=SE2(0.1 + 0.2, -1e-17, math.pi / 3), via_m=((1.5, 2.5), (3.0, 4.0))
    )
    for scenario in (awkward, *load_suite("standard")):
        assert scenario_from_json(scenario_to_json(scenario)) == scenario


@pytest.mark.parametrize(
    ("text", "message"), [("{", "not JSON"), ("[]", "expected keys and values"), ("{}", "missing")]
)
def test_json_that_is_no_scenario(text, message):
    with pytest.raises(ConfigError, match=message):
        scenario_from_json(text)


def test_presets_are_what_their_names_say():
    assert WEATHER_PRESETS["night"].sun_altitude_angle < 0 < WEATHER_PRESETS["clear"].sun_altitude_angle
    assert WEATHER_PRESETS["rain"].precipitation > 50 < WEATHER_PRESETS["rain"].wetness
    assert WEATHER_PRESETS["cloudy"].cloudiness > 50 > WEATHER_PRESETS["clear"].cloudiness
    assert WEATHER_PRESETS["cloudy"].precipitation == 0


def test_weather_has_carlas_parameters_in_carlas_order():
    assert tuple(f.name for f in dataclasses.fields(WeatherParameters)) == (
        "cloudiness",
        "precipitation",
        "precipitation_deposits",
        "wind_intensity",
        "sun_azimuth_angle",
        "sun_altitude_angle",
        "fog_density",
        "fog_distance",
        "fog_falloff",
        "wetness",
        "scattering_intensity",
        "mie_scattering_scale",
        "rayleigh_scattering_scale",
        "dust_storm",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cloudiness": 101.0}, "cloudiness is 101.0, give a percentage"),
        ({"sun_altitude_angle": -91.0}, "between -90 .midnight. and 90"),
        ({"fog_distance": -0.1}, "fog_distance is -0.1, give a number of at least 0"),
        ({"dust_storm": math.nan}, "dust_storm is nan"),
    ],
)
def test_weather_refusals(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(CLEAR, **change)
