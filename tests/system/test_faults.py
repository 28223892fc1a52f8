"""Faults of suite ``faults`` without ROS: what the stack says, when it stops, and that it drives on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from training.eval.run_carla_closed_loop_eval import main
from waypilot.report.results import load_results, without_wall_clock

pytestmark = pytest.mark.system
ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = ROOT / "checkpoints" / "sft_waypoint_bc_v0.pt"
HAS_ROS = str(ROOT / "ros2_ws" / "install") in os.environ.get("AMENT_PREFIX_PATH", "").split(":")
RUN_S = 200.0
SAID = {
    "camera_black": "camera front: black",
    "odometry_frozen": "odometry is frozen",
    "policy_silent": "no command for 0.15 s",
}


def test_unusable_inputs_stop_the_vehicle_within_half_a_second_and_it_drives_on_afterwards(tmp_path):
    arguments = ["--checkpoint", str(CHECKPOINT), "--suite", "faults", "--scenarios", *SAID, "--smoke"]
    assert main([*arguments, "--output-dir", str(tmp_path), "--no-pictures"]) == 0
    for result in load_results(tmp_path / "results.json").results:
        reaction = result.metric("fault_reaction_time")
        assert reaction.value <= 0.5
        assert SAID[result.scenario] in reaction.note
        assert result.metric("fault_standstill_time").valid
        assert result.metric("fault_recovered").value == 1.0
        assert result.completed


@pytest.mark.ros
@pytest.mark.skipif(not HAS_ROS, reason="needs the ROS environment: source scripts/ros_env.sh")
def test_through_ros_a_fault_has_the_same_outcome_and_a_dead_policy_is_a_crash(start_run, tmp_path):
    suite = yaml.safe_load((ROOT / "waypilot" / "scenarios" / "suites" / "faults.yaml").read_text())
    wanted = ("camera_black", "policy_very_slow", "policy_dies")
    suite["scenarios"] = [entry for entry in suite["scenarios"] if entry["name"] in wanted]
    path = tmp_path / "two.yaml"
    path.write_text(yaml.safe_dump(suite))
    arguments = {"policy": "checkpoint", "checkpoint": CHECKPOINT, "scenarios": path, "video": "false"}
    run, out = start_run("ros", "--retries", "0", **arguments)
    assert run.wait(RUN_S) == 1
    results = load_results(out / "results.json")
    *compared, died = results.results
    assert [result.completed for result in compared] == [True, True]
    assert died.status.startswith("crashed: policy")

    arguments = ["--checkpoint", str(CHECKPOINT), "--suite", str(path), "--scenarios", *wanted[:2], "--smoke"]
    assert main([*arguments, "--output-dir", str(tmp_path / "direct"), "--no-pictures"]) == 0
    direct = load_results(tmp_path / "direct" / "results.json")
    entries = [without_wall_clock(read.document)["scenarios"][:2] for read in (results, direct)]
    assert entries[0] == entries[1]
