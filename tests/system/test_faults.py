"""Faults of suite ``faults`` without ROS: what the stack says, when it stops, and that it drives on."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.eval.run_carla_closed_loop_eval import main
from waypilot.report.results import load_results

pytestmark = pytest.mark.system
ROOT = Path(__file__).resolve().parents[2]
SAID = {
    "camera_black": "camera front: black",
    "odometry_frozen": "odometry is frozen",
    "policy_silent": "no command for 0.15 s",
}


def test_unusable_inputs_stop_the_vehicle_within_half_a_second_and_it_drives_on_afterwards(tmp_path):
    checkpoint = ROOT / "checkpoints" / "sft_waypoint_bc_v0.pt"
    arguments = ["--checkpoint", str(checkpoint), "--suite", "faults", "--scenarios", *SAID, "--smoke"]
    assert main([*arguments, "--output-dir", str(tmp_path), "--no-pictures"]) == 0
    for result in load_results(tmp_path / "results.json").results:
        reaction = result.metric("fault_reaction_time")
        assert reaction.value <= 0.5
        assert SAID[result.scenario] in reaction.note
        assert result.metric("fault_standstill_time").valid
        assert result.metric("fault_recovered").value == 1.0
        assert result.completed
