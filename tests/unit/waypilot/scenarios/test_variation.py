"""What a seed changes: nothing for seed 0, bounded and repeatable for the others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from waypilot.geometry import SE2
from waypilot.scenarios import WEATHER_PRESETS, Scenario, vary
from waypilot.scenarios.actors import ActorSpec, Brake, Cross, CutIn, Drive, OnMap, OnRoute, Stand, Variation, When

CAR = "vehicle.audi.a2"
SCENARIO = Scenario(
    name="one",
    map="Lite01",
    weather=WEATHER_PRESETS["clear"],
    start_pose=SE2(10.0, 20.0, 0.0),
    goal_m=(100.0, 20.0),
    variation=Variation(start_m=2.0, start_left_m=0.2, place_m=3.0, share=0.1),
    actors=(
        ActorSpec("lead", CAR, OnRoute(20.0), Drive(6.0, Brake(When(ego_at_m=40.0)))),
        ActorSpec("cutter", CAR, OnRoute(10.0, 3.5), CutIn(9.0, When(after_s=4.0))),
        ActorSpec("walker", "walker.pedestrian.0001", OnMap(5.0, 5.0, 0.0), Cross(1.5, 8.0), When(ego_within_m=20.0)),
        ActorSpec("parked", CAR, OnRoute(80.0), Stand()),
    ),
)


def test_seed_0_is_the_scenario_as_written():
    assert vary(SCENARIO, 0) == SCENARIO


def test_equal_seeds_give_equal_scenarios_and_others_do_not():
    varied = [vary(SCENARIO, seed) for seed in range(20)]
    assert varied == [vary(SCENARIO, seed) for seed in range(20)]
    assert len({scenario.start_pose for scenario in varied}) == 20


@pytest.mark.parametrize("seed", range(1, 40))
def test_everything_stays_within_its_bounds(seed):
    varied = vary(SCENARIO, seed)
    assert abs(varied.start_pose.x_m - 10.0) <= 2.0
    assert abs(varied.start_pose.y_m - 20.0) <= 0.2
    lead, cutter, walker, parked = varied.actors
    assert abs(lead.place.ahead_m - 20.0) <= 3.0
    assert abs(parked.place.ahead_m - 80.0) <= 3.0
    assert walker.place == SCENARIO.actors[2].place
    for value, nominal in (
        (lead.behaviour.speed_mps, 6.0),
        (lead.behaviour.brake.when.ego_at_m, 40.0),
        (cutter.behaviour.change.after_s, 4.0),
        (walker.when.ego_within_m, 20.0),
    ):
        assert 0.0 < abs(value / nominal - 1.0) <= 0.1


def test_one_actor_more_changes_nothing_for_the_others():
    fewer = replace(SCENARIO, actors=SCENARIO.actors[1:])
    assert vary(fewer, 7).actors == vary(SCENARIO, 7).actors[1:]


def test_without_bounds_no_seed_changes_anything():
    fixed = replace(SCENARIO, variation=Variation())
    assert vary(fixed, 5) == fixed
