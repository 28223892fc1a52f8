"""The judgement as a whole."""

from __future__ import annotations

import json

import numpy as np
import pytest

from waypilot.config import ConfigError
from waypilot.metrics import DriveLog, Termination, crashed_result, evaluate, result_from_dict, result_to_dict
from waypilot.metrics.result import SERIES_COLUMNS, Series, rounded
from waypilot.types import Control

XS = np.linspace(0.0, 100.0, 251)


def test_result_names_scenario_seed_and_status(world):
    result = world.drive(XS).result("failed", "time-out")
    assert (result.scenario, result.seed, result.status, result.key) == ("tiny", 3, "failed: time-out", "tiny_seed3")
    assert result.definition["goal_m"] == [100.0, 0.0]


def test_result_does_not_depend_on_when_the_drive_began(make_world):
    results = [
        result_to_dict(make_world(start_ns=start).drive(XS, y_m=0.1).hit(30, 4).result())
        for start in (0, 50_000_000, 987_654_321_987_654_321)
    ]
    assert results[0] == results[1] == results[2]


def test_what_comes_after_the_end_changes_nothing(world):
    world.drive(XS)
    before = world.result()
    frames = world.frames
    world.drive([120.0, 140.0], y_m=9.0).hit(frames, 8)
    world.frames = frames
    assert world.result() == before


def test_answers_to_the_last_frame_change_nothing(world, make_plan):
    world.drive(XS)
    log = DriveLog()
    for ego in world.log.egos(world.stamp(999)):
        log.add_ego(ego)
        if ego.stamp_ns < world.stamp(250):
            log.add_control(ego.stamp_ns, Control(throttle=0.5))
            log.add_plan(ego.stamp_ns, make_plan(ego.stamp_ns, 8.0))
    end = Termination("completed", "goal reached", world.stamp(250))
    assert evaluate(log, world.route, world.scenario, end, seed=3) == world.result()
    assert world.result().series.columns["steer"][-2:] == (0.0, None)


def test_without_a_frame_every_metric_is_invalid(world):
    result = evaluate(DriveLog(), world.route, world.scenario, Termination("failed", "time-out", 5), seed=0)
    assert {metric.reason for metric in result.metrics} == {"no ego state was recorded"}
    assert result.series is None


def test_crashed_result_lists_every_metric_as_invalid(world):
    crashed = crashed_result(world.scenario, 0, "server vanished")
    assert crashed.status == "crashed: server vanished"
    assert {metric.reason for metric in crashed.metrics} == {"the run crashed"}
    judged = world.drive(XS).result()
    assert [(m.name, m.unit) for m in crashed.metrics] == [(m.name, m.unit) for m in judged.metrics]


def test_series_holds_every_frame_rounded(world):
    series = world.drive([0.0, 0.123456, -0.00001], y_m=0.25).result().series
    assert series.columns["time_s"] == (0.0, 0.05, 0.1)
    assert series.columns["x_m"] == (0.0, 0.1235, 0.0)
    assert "-0.0" not in json.dumps(series.columns)
    assert series.columns["lateral_m"] == (0.25, 0.25, 0.25)
    assert series.route_m[100] == (100.0, 0.0)


def test_rounding_knows_absent_values():
    assert rounded(None) is None
    assert rounded(float("nan")) is None
    assert rounded(1.00004999) == 1.0


def test_columns_of_different_lengths_are_refused():
    columns = dict.fromkeys(SERIES_COLUMNS, (0.0, 1.0))
    assert Series(columns, ()).columns["steer"] == (0.0, 1.0)
    with pytest.raises(ValueError, match="equally long"):
        Series({**columns, "x_m": (0.0,)}, ())


def test_a_series_has_all_its_columns_and_no_other():
    columns = dict.fromkeys(SERIES_COLUMNS, (0.0,))
    for wrong in ({**columns, "surprise": (0.0,)}, {"time_s": (0.0,)}):
        with pytest.raises(ValueError, match="a series has the columns time_s, x_m"):
            Series(wrong, ())


def test_json_and_back(world):
    result = world.drive(XS, y_m=0.1).hit(30, 4).result()
    assert result_from_dict(json.loads(json.dumps(result_to_dict(result)))) == result


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda d: d.pop("metrics"), "result of 'tiny': key 'metrics' is missing"),
        (lambda d: d.update(status="fine"), "expected 'completed', 'failed: why' or 'crashed: what'"),
        (lambda d: d["metrics"]["duration"].update(value=None), "mark it invalid with a reason"),
        (lambda d: d["metrics"]["duration"].update(surprise=1), "unknown key 'surprise'"),
        (lambda d: d.update(seed="first"), "result of 'tiny'"),
    ],
)
def test_damaged_results_are_refused(world, damage, message):
    values = result_to_dict(world.drive(XS).result())
    damage(values)
    with pytest.raises(ConfigError, match=message):
        result_from_dict(values)


def test_unknown_metric_names_the_known_ones(world):
    with pytest.raises(KeyError, match="route_completion"):
        world.drive(XS).result().metric("speedy")
