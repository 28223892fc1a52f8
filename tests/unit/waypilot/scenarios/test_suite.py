"""Suites: the standard one, and what each mistake in a file is answered with."""

from __future__ import annotations

import math
from dataclasses import asdict

import pytest
import yaml

from waypilot.scenarios import (
    EVALUATION_TOWNS,
    WEATHER_PRESETS,
    ScenarioError,
    available_suites,
    load_suite,
    scenario_from_json,
    scenario_to_json,
    select,
)

GOOD = {
    "name": "one",
    "map": "Lite01",
    "weather": "clear",
    "start": {"x_m": 0, "y_m": -1.75, "yaw_deg": 90},
    "goal": {"x_m": 0.0, "y_m": 100.0},
}


@pytest.fixture
def write(tmp_path):
    def write(*entries, text=None):
        path = tmp_path / "suite.yaml"
        path.write_text(text if text is not None else yaml.safe_dump({"scenarios": list(entries)}), encoding="utf-8")
        return path

    return write


def test_suites_that_judge_policies_drive_where_none_may_learn():
    judging = {"standard", "town", "traffic"}.intersection(available_suites())
    towns = {scenario.map for name in judging for scenario in load_suite(name)}
    assert towns
    assert towns <= EVALUATION_TOWNS


def test_standard_suite_is_the_users_five():
    suite = load_suite("standard")
    names = [scenario.name for scenario in suite]
    assert names == ["straight_clear", "straight_cloudy", "straight_night", "straight_rain", "turn_clear"]
    for scenario, preset in zip(suite, ("clear", "cloudy", "night", "rain", "clear"), strict=True):
        assert scenario.weather == WEATHER_PRESETS[preset]
        assert scenario.map == "Lite01"
    assert len({(s.start_pose, s.goal_m) for s in suite[:4]}) == 1
    assert 150.0 <= math.dist(suite[0].goal_m, (suite[0].start_pose.x_m, suite[0].start_pose.y_m)) <= 250.0
    assert "standard" in available_suites()


def test_seeds_and_repeats_of_the_suite_hold_for_scenarios_that_name_none(write):
    text = yaml.safe_dump({"seeds": [1, 2], "repeats": 3, "scenarios": [GOOD, GOOD | {"name": "two", "seeds": [7]}]})
    one, two = load_suite(write(text=text))
    assert (one.seeds, one.repeats) == ((1, 2), 3)
    assert (two.seeds, two.repeats) == ((7,), 3)
    (alone,) = load_suite(write(GOOD))
    assert (alone.seeds, alone.repeats) == ((0,), 1)


def test_degrees_become_radians_and_defaults_hold(write):
    (scenario,) = load_suite(write(GOOD))
    assert scenario.start_pose.yaw_rad == pytest.approx(math.pi / 2)
    assert scenario.time_limit_s is None
    assert scenario.rules.blocked_after_s == 60.0


def test_all_that_can_be_said(write):
    weather = asdict(WEATHER_PRESETS["rain"]) | {"wetness": 12.5}
    via = [{"x_m": 0, "y_m": 50}]
    entry = GOOD | {"weather": weather, "via": via, "time_limit_s": 90, "rules": {"deviation_limit_m": 10}}
    (scenario,) = load_suite(write(entry | {"vehicle_type": "vehicle.audi.tt", "target_speed_mps": 5}))
    assert scenario.weather.wetness == 12.5
    assert scenario.via_m == ((0.0, 50.0),)
    assert (scenario.time_limit_s, scenario.rules.deviation_limit_m) == (90.0, 10.0)
    assert (scenario.vehicle_type, scenario.target_speed_mps) == ("vehicle.audi.tt", 5.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wheather": "clear"}, "scenario 'one': unknown key 'wheather'; known keys: .*weather"),
        ({"weather": "snow"}, "scenario 'one': weather: unknown preset 'snow', use one of clear, cloudy, night, rain"),
        ({"weather": {"wetness": 3}}, "required key 'cloudiness' is missing"),
        ({"start": {"x_m": 0, "y_m": 1}}, "scenario 'one': start: required key 'yaw_deg' is missing"),
        ({"start": {"x_m": 0, "y_m": 1, "yaw_rad": 1}}, "start: unknown key 'yaw_rad'; known keys: x_m, y_m, yaw_deg"),
        ({"goal": {"x_m": "far", "y_m": 1}}, "scenario 'one': goal.x_m: expected a number, got 'far'"),
        ({"goal": {"x_m": 0, "y_m": -1.75}}, "scenario 'one': goal .* put it further along the road"),
        ({"goal": [1, 2]}, "scenario 'one': goal: expected keys and values"),
        ({"rules": {"blocked_after_s": -1}}, "scenario 'one': rules: blocked_after_s is -1.0, give a positive number"),
        ({"time_limit_s": float("nan")}, "scenario 'one': time_limit_s: expected a finite number"),
        ({"seeds": []}, r"scenario 'one': seeds is \[\], give one or more whole numbers from 0 up"),
        ({"seeds": [3, 3]}, r"seeds is \[3, 3\], name each seed once and use repeats"),
        ({"seeds": [1.5]}, r"scenario 'one': seeds\[0\]: expected"),
        ({"repeats": 0}, "scenario 'one': repeats is 0, give 1 or more"),
        ({"name": "One"}, "scenario 'One': name is 'One', use lower-case letters"),
    ],
)
def test_mistakes_name_file_scenario_field_and_remedy(write, change, message):
    path = write(GOOD | change)
    with pytest.raises(ScenarioError, match=message) as caught:
        load_suite(path)
    assert str(caught.value).startswith(f"{path}: ")


LEAD = {
    "name": "lead",
    "type": "vehicle.audi.a2",
    "place": {"ahead_m": 20},
    "behaviour": {"kind": "drive", "speed_mps": 7, "brake": {"when": {"ego_at_m": 50}}},
}


def test_actors_traffic_and_lights(write):
    entry = GOOD | {"actors": [LEAD], "traffic": {"vehicles": 5}, "lights": {"red_until_waited_s": 3}}
    (scenario,) = load_suite(write(entry))
    (lead,) = scenario.actors
    assert (lead.place.ahead_m, lead.behaviour.brake.when.ego_at_m) == (20.0, 50.0)
    assert (scenario.traffic.vehicles, scenario.lights.red_until_waited_s) == (5, 3.0)
    assert scenario_from_json(scenario_to_json(scenario)) == scenario


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"behaviour": {"kind": "drift"}},
            r"actors\[0\].behaviour.kind: 'drift' is not one of 'stand', 'drive'",
        ),
        ({"behaviour": {"speed_mps": 3}}, r"behaviour.kind: None is not one of 'stand'"),
        ({"behaviour": {"kind": "drive"}}, r"actors\[0\].behaviour: required key 'speed_mps' is missing"),
        ({"behaviour": {"kind": "drive", "speed_mps": -1}}, "speed_mps is -1.0, give a positive number"),
        ({"when": {"after_s": 1, "ego_at_m": 2}}, "ego_at_m and after_s are given, choose one of them"),
        ({"when": {"ego_within_m": -2}}, "ego_within_m is -2.0, give a number from 0 up"),
        ({"type": "bicycle"}, "type is 'bicycle', give a blueprint such as vehicle.audi.a2"),
        ({"type": "walker.pedestrian.0001"}, "behaviour is drive, a walker can only stand or cross"),
        ({"place": {"x_m": 1, "y_m": 2, "yaw_deg": 0}}, "behaviour is drive, it needs a place on the route"),
        ({"place": {"ahead": 1}}, "place: unknown key 'ahead'; known keys: ahead_m, left_m, turned_deg; or"),
        ({"name": "Lead car"}, "name is 'Lead car', use lower-case letters"),
    ],
)
def test_mistakes_in_actors_name_file_scenario_field_and_remedy(write, change, message):
    path = write(GOOD | {"actors": [LEAD | change]})
    with pytest.raises(ScenarioError, match=message) as caught:
        load_suite(path)
    assert str(caught.value).startswith(f"{path}: scenario 'one': actors[0]")


def test_actors_have_different_names(write):
    with pytest.raises(ScenarioError, match="scenario 'one': two actors are named 'lead', rename one of them"):
        load_suite(write(GOOD | {"actors": [LEAD, LEAD]}))


def test_missing_key_names_the_scenario(write):
    with pytest.raises(ScenarioError, match=r"scenario 'one': .*required key 'map' is missing"):
        load_suite(write({key: value for key, value in GOOD.items() if key != "map"}))


def test_names_are_unique(write):
    with pytest.raises(ScenarioError, match="two scenarios are named 'one', rename one of them"):
        load_suite(write(GOOD, GOOD))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenarios: [", "not readable as YAML"),
        ("", "expected the key 'scenarios' at the top"),
        ("scenarios: []", "at least one scenario"),
        ("scenarios: {a: 1}", "must be a list"),
        ("scenarios: [straight]", "scenario 1: expected keys and values, got 'straight'"),
        ("scenarios: [{name: a}]\nextra: 1", "besides only: seeds, repeats, variation"),
        ("scenarios:\n- name: a\n  map: b\n  map: c", "key 'map' is given twice"),
    ],
)
def test_files_that_are_no_suite(write, text, message):
    with pytest.raises(ScenarioError, match=message):
        load_suite(write(text=text))


def test_a_suite_file_that_cannot_be_read_is_named(write, monkeypatch):
    path = write(GOOD)

    def refuses(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "read_text", refuses)
    with pytest.raises(ScenarioError, match=f"{path}: cannot be read: Permission denied"):
        load_suite(path)


def test_no_such_suite_names_those_there_are():
    with pytest.raises(ScenarioError, match=r"^no/such.yaml: there is no such file"):
        load_suite("no/such.yaml")
    with pytest.raises(ScenarioError, match=r"no suite 'standart': give a path to a YAML file or one of .*standard"):
        load_suite("standart")


def test_select_keeps_the_order_asked_for():
    suite = load_suite("standard")
    assert [s.name for s in select(suite, ["turn_clear", "straight_rain"])] == ["turn_clear", "straight_rain"]
    assert select(suite, []) == suite


def test_select_refuses_unknown_and_repeated_names():
    suite = load_suite("standard")
    with pytest.raises(ScenarioError, match="no scenario is named 'turn', choose from: straight_clear"):
        select(suite, ["turn"])
    with pytest.raises(ScenarioError, match="'turn_clear' is asked for twice"):
        select(suite, ["turn_clear", "turn_clear"])
