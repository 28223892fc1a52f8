import json
import signal
from dataclasses import replace

import numpy as np
import pytest
from nav_msgs.msg import Odometry, Path
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from waypilot_msgs.srv import PrepareScenario
from waypilot_ros.conversions import ego_to_msg, route_from_msg, stamp_from_msg, trajectory_from_msg
from waypilot_ros.simulator_messages import image_to_msg

from waypilot.config import config_to_dict
from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.faults import Fault, FaultKind
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.rig import DEFAULT_RIG

IMAGE_TOPIC = "/carla/ego_vehicle/front/image"


@pytest.fixture
def connected(peer):
    peer.offer(Odometry, "odometry")
    peer.offer(Image, IMAGE_TOPIC)
    peer.listen(Path, "waypoints")
    peer.listen(Path, "waypoints_sft")
    peer.listen(Header, "no_plan")
    return peer


@pytest.fixture
def checkpoint(tmp_path):
    import torch

    from training.models.checkpoint import KIND_SFT, Checkpoint, save_checkpoint
    from training.models.config import WaypointModelConfig
    from training.models.waypoint_model import WaypointModel

    torch.manual_seed(0)
    model = WaypointModel(WaypointModelConfig())
    torch.nn.init.normal_(model.head.linear.weight, std=0.1)
    config = config_to_dict(WaypointModelConfig())
    save_checkpoint(tmp_path / "model.pt", Checkpoint(KIND_SFT, config, model.state_dict(), DEFAULT_RIG, {"seed": 0}))
    return str(tmp_path / "model.pt")


def test_the_expert_plans_for_every_odometry_exactly_as_without_ros(start_node, connected, prepare_request, ego_at):
    node = start_node("policy", {"policy": "expert"})
    connected.call_until_success(PrepareScenario, "policy/prepare", prepare_request)
    egos = [ego_at(50_000_000 * i, x_m=0.3 * i, y_m=0.4) for i in range(5)]
    for ego in egos:
        connected.send("odometry", ego_to_msg(ego))
    plans = [trajectory_from_msg(message) for message in connected.wait_for("waypoints", 5)]

    route = route_from_msg(prepare_request.route)
    expert = ExpertPolicy(ExpertConfig(target_speed_mps=8.0))
    expert.reset(route, 5)
    builder = ObservationBuilder(route, ObservationConfig(cameras=()))
    for ego, plan in zip(egos, plans, strict=True):
        expected = expert.plan(builder.build(ego, {})).final
        assert plan.stamp_ns == ego.stamp_ns
        assert plan.waypoints_m.tobytes() == expected.waypoints_m.tobytes()
    assert node.stop() == 0


def test_a_plan_that_a_fault_keeps_back_is_announced_so_that_nobody_waits_for_it(
    start_node, connected, prepare_request, straight_scenario, ego_at
):
    faulty = replace(straight_scenario, faults=(Fault(FaultKind.POLICY_SLOW, 0.05, delay_s=0.1),))
    prepare_request.scenario_json = json.dumps(config_to_dict(faulty))
    node = start_node("policy", {"policy": "expert"})
    connected.call_until_success(PrepareScenario, "policy/prepare", prepare_request)
    for index in range(5):
        connected.send("odometry", ego_to_msg(ego_at(50_000_000 * index, x_m=0.3 * index)))
    plans = [stamp_from_msg(message.header.stamp) for message in connected.wait_for("waypoints", 3)]
    announced = [stamp_from_msg(message.stamp) for message in connected.wait_for("no_plan", 2)]
    assert plans == [0, 50_000_000, 100_000_000]
    assert announced == [50_000_000, 100_000_000]
    assert node.stop() == 0


def test_malformed_and_repeated_odometry_is_counted_and_the_node_goes_on(
    start_node, connected, prepare_request, ego_at
):
    node = start_node("policy", {"policy": "expert"})
    connected.call_until_success(PrepareScenario, "policy/prepare", prepare_request)
    broken = ego_to_msg(ego_at(1))
    broken.pose.pose.position.x = float("inf")
    connected.send("odometry", broken)
    connected.send("odometry", ego_to_msg(ego_at(100)))
    connected.send("odometry", ego_to_msg(ego_at(100)))
    connected.wait_for("waypoints")
    connected.wait("the report", lambda: connected.problems("policy").get("malformed odometry") == "1")
    repeated = "late, repeated or incomplete frame"
    connected.wait("the next report", lambda: connected.problems("policy").get(repeated) == "1")
    assert len(connected.received["waypoints"]) == 1
    assert node.stop(signal.SIGINT) == 0


def test_the_learned_policy_takes_the_image_with_exactly_the_stamp(
    start_node, connected, prepare_request, ego_at, checkpoint
):
    from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

    node = start_node("policy", {"policy": "checkpoint", "checkpoint": checkpoint, "lock_step_camera_wait_s": 1.0})
    connected.call_until_success(PrepareScenario, "policy/prepare", prepare_request)
    images = np.random.default_rng(0).integers(0, 256, (2, 180, 320, 4), dtype=np.uint8)
    ego = ego_at(200)
    connected.send(IMAGE_TOPIC, image_to_msg(DEFAULT_RIG[0], 100, images[0]))
    connected.send("odometry", ego_to_msg(ego))
    connected.send(IMAGE_TOPIC, image_to_msg(DEFAULT_RIG[0], 200, images[1]))
    (message,) = connected.wait_for("waypoints")

    policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint))
    builder = ObservationBuilder(route_from_msg(prepare_request.route), ObservationConfig(cameras=policy.cameras))
    expected = policy.plan(builder.build(ego, {"front": np.ascontiguousarray(images[1][:, :, 2::-1])}))
    assert trajectory_from_msg(message).waypoints_m.tobytes() == expected.final.waypoints_m.tobytes()
    (sft,) = connected.wait_for("waypoints_sft")
    assert trajectory_from_msg(sft).waypoints_m.tobytes() == expected.sft.waypoints_m.tobytes()

    connected.send("odometry", ego_to_msg(ego_at(300)))
    blind = trajectory_from_msg(connected.wait_for("waypoints", 2)[1])
    assert blind.stamp_ns == 300
    assert blind.invalid_reason() == "no waypoints"
    connected.wait("the report", lambda: connected.problems("policy").get("camera front: missing") == "1")
    assert "inference time ms mean" in connected.problems("policy")
    assert node.stop() == 0


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"policy": "checkpoint"}, "checkpoint is empty"),
        ({"policy": "checkpoint", "checkpoint": "/nowhere/model.pt"}, "/nowhere/model.pt"),
        ({"policy": "human"}, "policy is 'human', expected"),
        ({"policy": "expert", "camera_wait": 1.0}, "has no parameter camera_wait"),
        ({"policy": "expert", "camera_wait_s": 1}, "camera_wait_s"),
        ({"policy": "expert", "camera_wait_s": 99.0}, "camera_wait_s"),
        ({"policy": "expert", "lock_step": "yes"}, "lock_step"),
    ],
)
def test_wrong_parameters_are_refused_with_their_names(start_node, parameters, message):
    node = start_node("policy", parameters)
    assert node.wait_for_exit() == 2
    assert message in node.log


def test_preparing_says_what_is_missing(start_node, peer, prepare_request):
    start_node("policy", {"policy": "expert"})
    response = peer.call(PrepareScenario, "policy/prepare", prepare_request)
    assert not response.success
    assert response.message == "nobody reads /waypoints; nobody writes /odometry"
