"""Actors, traffic and lights of a scenario against the genuine client: they come, act the same every time, and go."""

from __future__ import annotations

import math
from dataclasses import replace

import carla
import pytest

from waypilot.scenarios.actors import (
    ActorSpec,
    Brake,
    Cross,
    CutIn,
    Drive,
    OnRoute,
    Stand,
    Traffic,
    Variation,
    When,
)
from waypilot.surroundings import ActorState
from waypilot.types import ActorKind, Control
from waypilot_carla import SetupError

LEAD = ActorSpec("lead", "vehicle.tesla.model3", OnRoute(20.0), Drive(6.0, Brake(When(after_s=4.0), for_s=1.0)))
OVERTAKER = ActorSpec("overtaker", "vehicle.audi.tt", OnRoute(6.0, 3.5), CutIn(3.0, When(after_s=3.0), over_m=8.0))
WALKER = ActorSpec("walker", "walker.pedestrian.0001", OnRoute(12.0, -4.5, 90.0), Cross(1.5, 2.5), When(after_s=1.0))
BRAKED = Control(brake=1.0)


def watch(session, scenario, ticks: int, seed: int = 0) -> list[dict[str, ActorState]]:
    """Stand and watch; the states by type of actor, frame by frame."""
    session.prepare(scenario, seed)
    frames = []
    for _ in range(ticks):
        frame = session.tick()
        session.apply(BRAKED)
        frames.append({actor.type_id: actor for actor in frame.surroundings.actors})
    return frames


def speed(actor: ActorState) -> float:
    return math.hypot(*actor.velocity_mps)


def test_actors_do_what_the_scenario_says(session, straight):
    scenario = replace(straight, actors=(LEAD, OVERTAKER, WALKER))
    start = straight.start_pose
    frames = watch(session, scenario, 150)
    first = frames[0]
    assert first[LEAD.type].pose_map_from_box.x_m == pytest.approx(start.x_m + 20.0, abs=0.3)
    assert all(speed(actor) < 0.2 for actor in first.values())
    assert speed(frames[75][LEAD.type]) == pytest.approx(6.0, abs=0.3)
    assert speed(frames[110][LEAD.type]) < 0.2
    assert speed(frames[149][LEAD.type]) > 1.0
    assert frames[55][OVERTAKER.type].pose_map_from_box.y_m == pytest.approx(start.y_m + 3.5, abs=0.1)
    assert frames[149][OVERTAKER.type].pose_map_from_box.y_m == pytest.approx(start.y_m, abs=0.3)
    walker = frames[149][WALKER.type]
    assert walker.kind is ActorKind.PEDESTRIAN
    assert walker.pose_map_from_box.y_m == pytest.approx(start.y_m - 2.0, abs=0.3)
    assert walker.pose_map_from_box.x_m == pytest.approx(start.x_m + 12.0, abs=0.1)


def test_the_same_seed_gives_the_same_drive_and_another_one_does_not(session, straight):
    scenario = replace(straight, actors=(LEAD, WALKER), variation=Variation(1.0, 0.1, 2.0, 0.1))

    def poses(seed: int) -> list:
        return [
            [(kind, actor.pose_map_from_box, actor.velocity_mps) for kind, actor in sorted(frame.items())]
            for frame in watch(session, scenario, 60, seed)
        ]

    third = poses(3)
    assert poses(4) != third
    assert poses(3) == third


def actors_of(session) -> carla.ActorList:
    """As the session's client knows them: its tick waits for the state, another client's comes later."""
    return session._connection.client.get_world().get_actors()


def test_traffic_flows_and_everybody_goes_when_the_scenario_ends(session, straight):
    scenario = replace(straight, actors=(WALKER,), traffic=Traffic(vehicles=6, within_m=150.0))
    prepared = session.prepare(scenario, seed=5)
    session.tick()
    others = [actor for actor in actors_of(session).filter("vehicle.*") if actor.id != prepared.vehicle.actor_id]
    assert len(others) == 6
    before = [actor.get_location() for actor in others]
    for _ in range(100):
        session.tick()
        session.apply(BRAKED)
    travelled = [actor.get_location().distance(place) for actor, place in zip(others, before, strict=True)]
    assert sum(way_m > 5.0 for way_m in travelled) >= 4
    session.prepare(straight, seed=0)
    session.tick()
    left = actors_of(session)
    assert len(left.filter("vehicle.*")) == 1
    assert len(left.filter("walker.*")) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"actors": (replace(LEAD, place=OnRoute(1.0)),)}, "cannot spawn actor 'lead' .* something stands there"),
        ({"actors": (ActorSpec("ufo", "vehicle.ufo", OnRoute(30.0), Stand()),)}, "no blueprint 'vehicle.ufo'"),
        ({"traffic": Traffic(vehicles=5, within_m=13.0)}, "of 5 vehicles of the traffic found a place"),
    ],
)
def test_what_cannot_be_staged_is_refused_and_leaves_nothing_behind(session, straight, change, message):
    with pytest.raises(SetupError, match=message):
        session.prepare(replace(straight, **change), seed=0)
    session.prepare(straight, seed=0)
    assert session.tick().surroundings.actors == ()
    assert len(actors_of(session).filter("vehicle.*")) == 1
