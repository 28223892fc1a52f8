import json
from dataclasses import replace

import numpy as np
import pytest
from carla_msgs.msg import CarlaEgoVehicleControl
from nav_msgs.msg import Odometry, Path
from waypilot_msgs.srv import PrepareScenario
from waypilot_ros.conversions import control_from_msg, ego_to_msg, stamp_from_msg, trajectory_to_msg

from waypilot.config import config_to_dict
from waypilot.control.follower import FollowerConfig, TimedPlan, WaypointFollower
from waypilot.control.lateral import LateralConfig
from waypilot.faults import Fault, FaultKind
from waypilot.types import Trajectory

DT_NS = 250_000_000
TICK_NS = 50_000_000


def bend(stamp_ns, sideways_m=0.0):
    times = 0.25 * np.arange(1, 21)
    return Trajectory(stamp_ns, DT_NS, np.stack([5.0 * times, sideways_m * times**2], axis=1))


@pytest.fixture
def connected(peer):
    peer.offer(Odometry, "odometry")
    peer.offer(Path, "waypoints")
    peer.listen(CarlaEgoVehicleControl, "control")
    return peer


@pytest.fixture
def controller(start_node, connected, prepare_request):
    def start(**parameters):
        node = start_node("controller", parameters)
        connected.call_until_success(PrepareScenario, "controller/prepare", prepare_request)
        return node

    return start


def test_in_lock_step_each_plan_is_answered_as_without_ros(controller, connected, ego_at):
    node = controller(lock_step=True, **{"follower.lateral.lookahead_time_s": 0.9})
    follower = WaypointFollower(FollowerConfig(lateral=LateralConfig(lookahead_time_s=0.9)))
    for index in range(4):
        ego, plan = ego_at(index * TICK_NS, x_m=0.25 * index), bend(index * TICK_NS, 0.1 * index)
        # Either may come first.
        first, second = ("odometry", ego_to_msg(ego)), ("waypoints", trajectory_to_msg(plan))
        for topic, message in (first, second) if index % 2 else (second, first):
            connected.send(topic, message)
        message = connected.wait_for("control", index + 1)[index]
        expected = follower.step(ego, TimedPlan(plan, ego.pose_map_from_base_link.planar)).control
        assert control_from_msg(message) == expected
        assert stamp_from_msg(message.header.stamp) == ego.stamp_ns
    assert node.stop() == 0


def test_a_late_plan_waits_for_the_frame_that_it_answers(
    start_node, connected, prepare_request, straight_scenario, ego_at
):
    """The plan may arrive before the state of its frame; those before, on which none comes, are not answered."""
    faulty = replace(straight_scenario, faults=(Fault(FaultKind.POLICY_SLOW, 0.05, delay_s=0.1),))
    prepare_request.scenario_json = json.dumps(config_to_dict(faulty))
    node = start_node("controller", {"lock_step": True})
    connected.call_until_success(PrepareScenario, "controller/prepare", prepare_request)
    egos = [ego_at(index * TICK_NS, x_m=0.25 * index) for index in range(5)]
    connected.send("odometry", ego_to_msg(egos[0]))
    connected.send("waypoints", trajectory_to_msg(bend(0)))
    connected.wait_for("control")
    connected.send("odometry", ego_to_msg(egos[1]))
    connected.pause(0.3)
    for late in (1, 2):  # the first before frame 2, the second before frame 4
        connected.send("waypoints", trajectory_to_msg(bend(late * TICK_NS)))
        connected.pause(0.3)
        connected.send("odometry", ego_to_msg(egos[late * 2]))
        connected.pause(0.3)
        if late == 1:
            connected.send("odometry", ego_to_msg(egos[3]))
        connected.wait_for("control", late + 1)
    assert [stamp_from_msg(message.header.stamp) // TICK_NS for message in connected.received["control"]] == [0, 3, 4]
    assert node.stop() == 0


def test_malformed_and_stale_waypoints_are_counted_and_not_answered(controller, connected, ego_at):
    node = controller(lock_step=True)
    broken = trajectory_to_msg(bend(TICK_NS))
    broken.poses[3].header.stamp.nanosec += 1
    connected.send("odometry", ego_to_msg(ego_at(TICK_NS)))
    connected.send("waypoints", broken)
    connected.send("waypoints", trajectory_to_msg(bend(TICK_NS)))
    connected.send("waypoints", trajectory_to_msg(bend(TICK_NS)))
    connected.wait("the report", lambda: connected.problems("controller").get("malformed waypoints") == "1")
    connected.wait("the report", lambda: connected.problems("controller").get("stale or repeated input") == "1")
    assert len(connected.received["control"]) == 1
    assert node.stop() == 0


def test_an_empty_plan_is_answered_by_a_safe_stop(controller, connected, ego_at):
    node = controller(lock_step=True)
    connected.send("odometry", ego_to_msg(ego_at(TICK_NS)))
    connected.send("waypoints", trajectory_to_msg(Trajectory(TICK_NS, DT_NS, np.zeros((0, 2)))))
    (message,) = connected.wait_for("control")
    assert message.brake > 0.0
    assert message.throttle == 0.0
    connected.wait("the report", lambda: connected.problems("controller").get("safe stop") == "1")
    assert node.stop() == 0


def test_in_real_time_every_odometry_is_answered_and_an_old_plan_means_a_stop(controller, connected, ego_at):
    node = controller(lock_step=False)
    connected.send("odometry", ego_to_msg(ego_at(0)))
    assert connected.wait_for("control")[0].brake > 0.0
    connected.send("waypoints", trajectory_to_msg(bend(0)))
    answers = 1
    while connected.received["control"][-1].brake > 0.0:  # until the plan has arrived as well
        assert answers < 100
        connected.pause(0.3)
        connected.send("odometry", ego_to_msg(ego_at(answers * TICK_NS // 50, x_m=0.005 * answers)))
        answers += 1
        connected.wait_for("control", answers)
    assert connected.received["control"][-1].brake == 0.0
    connected.send("odometry", ego_to_msg(ego_at(20 * TICK_NS, x_m=5.0)))
    assert connected.wait_for("control", answers + 1)[answers].brake > 0.0
    assert node.stop() == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"follower.lateral.lookahead_time_s": -1.0}, "lookahead_time_s is -1.0, expected a positive value"),
        ({"lookahead_time_s": 1.0}, "has no parameter lookahead_time_s"),
        ({"lock_step": "yes"}, "lock_step"),
    ],
)
def test_wrong_parameters_are_refused(start_node, parameters, message):
    node = start_node("controller", parameters)
    assert node.wait_for_exit() == 2
    assert message in node.log
