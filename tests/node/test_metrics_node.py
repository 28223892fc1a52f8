import json

import numpy as np
import pytest
from carla_msgs.msg import CarlaEgoVehicleControl, CarlaLaneInvasionEvent
from nav_msgs.msg import Odometry, Path
from waypilot_msgs.msg import CollisionEvent as CollisionMessage
from waypilot_msgs.msg import DriveCounts, ScenarioResult, ScenarioStatus
from waypilot_msgs.msg import Surroundings as SurroundingsMessage
from waypilot_msgs.srv import FinalizeScenario, PrepareScenario
from waypilot_ros.conversions import (
    collision_to_msg,
    control_to_msg,
    ego_to_msg,
    route_from_msg,
    stamp_from_msg,
    stamp_to_msg,
    trajectory_to_msg,
)

from waypilot.metrics import DriveLog, ScenarioMonitor, evaluate, result_from_dict
from waypilot.types import ActorKind, CollisionEvent, Control, Trajectory

TICK_NS = 50_000_000
FRAMES = 151
COLLISION = CollisionEvent(60 * TICK_NS, 9, ActorKind.VEHICLE, (100.0, 0.0, 0.0))


@pytest.fixture
def connected(peer):
    for kind, topic in (
        (Odometry, "odometry"),
        (Path, "waypoints"),
        (CarlaEgoVehicleControl, "control"),
        (CollisionMessage, "collision"),
        (CarlaLaneInvasionEvent, "lane_invasion"),
        (SurroundingsMessage, "surroundings"),
    ):
        peer.offer(kind, topic)
    peer.listen(ScenarioStatus, "scenario_status")
    peer.listen(ScenarioResult, "scenario_result")
    return peer


def drive(ego_at):
    """A drive at 8 m/s up to the goal at 60 m."""
    for index in range(FRAMES):
        ego = ego_at(index * TICK_NS, x_m=0.4 * index, y_m=0.2, speed_mps=8.0)
        plan = Trajectory(ego.stamp_ns, 250_000_000, np.ones((20, 2)))
        yield ego, plan, Control(throttle=0.25)


def expected_result(scenario, request, ego_at):
    route = route_from_msg(request.route)
    log, monitor = DriveLog(), ScenarioMonitor(scenario, route)
    log.add_collision(COLLISION)
    for ego, plan, control in drive(ego_at):
        log.add_ego(ego)
        if monitor.update(ego):
            break
        log.add_plan(ego.stamp_ns, plan)
        log.add_control(ego.stamp_ns, control)
    return evaluate(log, route, scenario, monitor.termination, 5), monitor.termination


def test_a_drive_is_judged_as_without_ros(start_node, connected, prepare_request, straight_scenario, ego_at):
    node = start_node("metrics")
    connected.call_until_success(PrepareScenario, "metrics/prepare", prepare_request)
    expected, termination = expected_result(straight_scenario, prepare_request, ego_at)
    connected.send("collision", collision_to_msg(COLLISION))
    for ego, plan, control in drive(ego_at):
        connected.send("odometry", ego_to_msg(ego))
        connected.send("waypoints", trajectory_to_msg(plan))
        connected.send("control", control_to_msg(control, ego.stamp_ns))
    (status,) = connected.wait_for("scenario_status")
    assert (status.state, status.source, status.seed) == (ScenarioStatus.COMPLETED, "metrics", 5)
    assert stamp_from_msg(status.header.stamp) == termination.stamp_ns

    frames = termination.stamp_ns // TICK_NS + 1
    counts = DriveCounts(end_stamp=stamp_to_msg(termination.stamp_ns), frames=frames, collisions=1, lock_step=True)
    response = connected.call_until_success(
        FinalizeScenario, "metrics/finalize", FinalizeScenario.Request(counts=counts)
    )
    assert result_from_dict(json.loads(response.result_json)) == expected
    (published,) = connected.wait_for("scenario_result")
    assert published.result_json == response.result_json
    assert node.stop() == 0


def test_it_does_not_judge_before_everything_promised_has_arrived(start_node, connected, prepare_request, ego_at):
    node = start_node("metrics")
    connected.call_until_success(PrepareScenario, "metrics/prepare", prepare_request)
    for ego, _, _ in drive(ego_at):
        connected.send("odometry", ego_to_msg(ego))
    (status,) = connected.wait_for("scenario_status")
    frames = stamp_from_msg(status.header.stamp) // TICK_NS + 1
    counts = DriveCounts(end_stamp=status.header.stamp, frames=frames, collisions=2, surroundings=3, lock_step=True)
    response = connected.call(FinalizeScenario, "metrics/finalize", FinalizeScenario.Request(counts=counts))
    assert not response.success
    wanted = frames - 1
    assert response.message == f"0 of 2 collisions, 0 of 3 surroundings, 0 of {wanted} controls, 0 of {wanted} plans"
    assert node.stop() == 0


def test_messages_that_cannot_be_used_are_counted(start_node, connected, prepare_request, ego_at):
    node = start_node("metrics")
    connected.call_until_success(PrepareScenario, "metrics/prepare", prepare_request)
    connected.send("odometry", ego_to_msg(ego_at(2 * TICK_NS)))
    connected.send("odometry", ego_to_msg(ego_at(TICK_NS)))
    connected.send("collision", CollisionMessage(other_kind=77))
    connected.send("control", CarlaEgoVehicleControl(throttle=2.0))
    for topic in ("odometry", "collision", "control"):
        key = f"unusable message on {topic}"
        connected.wait(key, lambda key=key: connected.problems("metrics").get(key) == "1")
    assert node.stop() == 0


def test_a_route_that_cannot_be_driven_is_refused(start_node, connected, prepare_request):
    start_node("metrics")
    prepare_request.route.path.poses = prepare_request.route.path.poses[:1]
    response = connected.call(PrepareScenario, "metrics/prepare", prepare_request)
    assert not response.success
    assert "the route cannot be driven" in response.message
