"""The whole stack as ``make demo`` runs it: carla_lite, the genuine carla client, all nodes, the supervisor."""

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from waypilot.config import config_to_dict
from waypilot.report.results import load_results, without_wall_clock
from waypilot.rig import DEFAULT_RIG
from waypilot.scenarios import load_suite

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "ros2_ws" / "install"

if str(INSTALL) not in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
    pytest.skip("needs the ROS environment: source scripts/ros_env.sh", allow_module_level=True)

pytestmark = [pytest.mark.system, pytest.mark.ros]

PLACES_IN_LITE04 = {"start": {"x_m": -139.0, "y_m": -1.75, "yaw_deg": 0.0}, "goal": {"x_m": 20.0, "y_m": -1.75}}
START_S = 120.0  # carla_lite compiles its kernels when it is started for the first time
RUN_S = 200.0
END_S = 60.0


def wait_until(what, condition, timeout_s):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what}"
        time.sleep(0.05)


def children(pid):
    """Process ids and command lines of a process' children."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in pids}


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def read_run(out):
    """Return what a run says about the driving, without how fast it ran: entries and the bytes of their series."""
    results = load_results(out / "results.json")
    document = without_wall_clock(results.document)
    series = {path.name: path.read_bytes() for path in (out / "scenarios").glob("*.json")}
    return results.results, document, series


def run_in_process(out, *arguments):
    command = [sys.executable, "-m", "training.eval.run_carla_closed_loop_eval", "--smoke", "--output-dir", str(out)]
    assert subprocess.run([*command, *arguments], cwd=ROOT, timeout=RUN_S, capture_output=True).returncode == 0


def test_the_expert_drives_through_ros_twice_and_without_ros_with_equal_results(start_run, tmp_path):
    runs = []
    for name in ("once", "again"):
        run, out = start_run(name, scenarios="turn_clear")
        assert run.wait(RUN_S) == 0
        runs.append(read_run(out))
    (result,) = runs[0][0]
    assert result.status == "completed"
    assert result.metric("collisions").value == 0
    assert result.metric("route_completion").value > 95.0
    assert result.wall_clock["missed_deadlines"] == 0
    stages_ms = result.wall_clock["per_frame_ms"]
    assert stages_ms["carla_bridge: wait for control"] > stages_ms["policy: inference time"] > 0.0
    assert runs[0][1:] == runs[1][1:]

    run_in_process(tmp_path / "direct", "--policy", "expert", "--scenarios", "turn_clear")
    _, document, series = read_run(tmp_path / "direct")
    assert document["scenarios"] == runs[0][1]["scenarios"]
    assert series == runs[0][2]


def test_a_learned_policy_drives_with_and_without_ros_to_the_bit_alike(start_run, tmp_path):
    checkpoint, suite = tmp_path / "model.pt", tmp_path / "short.yaml"
    write_untrained_checkpoint(checkpoint)
    write_suite(suite, time_limit_s=8.0)

    run, out = start_run("ros", policy="checkpoint", checkpoint=checkpoint, scenarios=suite)
    assert run.wait(RUN_S) == 0
    run_in_process(tmp_path / "direct", "--checkpoint", str(checkpoint), "--suite", str(suite))
    _, through_ros, ros_series = read_run(out)
    _, direct, direct_series = read_run(tmp_path / "direct")
    assert through_ros["scenarios"] == direct["scenarios"]
    assert through_ros["scenarios"][0]["status"].startswith("failed: ")
    assert ros_series == direct_series
    speeds = json.loads(ros_series["short_seed0.json"])["columns"]["speed_mps"]
    assert max(speeds) > 1.0, "a car that never moves proves nothing"


def test_a_drive_among_others_is_the_same_with_and_without_ros(start_run, tmp_path):
    suite = tmp_path / "busy.yaml"
    car = {"kind": "drive", "speed_mps": 5, "brake": {"when": {"ego_at_m": 4}, "for_s": 1}}
    lead = {"name": "lead", "type": "vehicle.audi.a2", "place": {"ahead_m": 14}, "behaviour": car}
    walker = {
        "name": "walker",
        "type": "walker.pedestrian.0001",
        "place": {"ahead_m": 40, "left_m": -4.5, "turned_deg": 90},
        "when": {"ego_within_m": 34},
        "behaviour": {"kind": "cross", "speed_mps": 1.5, "distance_m": 9},
    }
    variation = {"start_m": 1, "place_m": 1, "share": 0.1}
    others = {"actors": [lead, walker], "traffic": {"vehicles": 8}, "variation": variation}
    write_suite(suite, time_limit_s=8.0, map="Lite04", seeds=[3], **PLACES_IN_LITE04, **others)

    run, out = start_run("ros", scenarios=suite)
    assert run.wait(RUN_S) == 0
    run_in_process(tmp_path / "direct", "--policy", "expert", "--suite", str(suite))
    (result,), through_ros, ros_series = read_run(out)
    _, direct, direct_series = read_run(tmp_path / "direct")
    assert result.seed == 3
    assert through_ros["scenarios"] == direct["scenarios"]
    assert ros_series == direct_series
    assert result.metric("distance_to_vehicles_min").value < 15.0
    assert result.metric("distance_to_pedestrians_min").valid


def write_suite(path, time_limit_s, **changes):
    """One scenario: the start of turn_clear in the rain."""
    turn = next(scenario for scenario in load_suite("standard") if scenario.name == "turn_clear")
    start = {"x_m": turn.start_pose.x_m, "y_m": turn.start_pose.y_m, "yaw_deg": math.degrees(turn.start_pose.yaw_rad)}
    goal = {"x_m": turn.goal_m[0], "y_m": turn.goal_m[1]}
    entry = {"name": "short", "map": turn.map, "weather": "rain", "start": start, "goal": goal}
    path.write_text(yaml.safe_dump({"scenarios": [entry | {"time_limit_s": time_limit_s} | changes]}))


def write_untrained_checkpoint(path):
    """A network that knows nothing but moves: its plans depend on every pixel it sees."""
    import torch

    from training.models.checkpoint import KIND_SFT, Checkpoint, save_checkpoint
    from training.models.config import WaypointModelConfig
    from training.models.waypoint_model import WaypointModel

    torch.manual_seed(3)
    model = WaypointModel(WaypointModelConfig())
    with torch.no_grad():
        torch.nn.init.normal_(model.head.linear.weight, std=0.002)
        # 2 m/s faster than now, with every waypoint: 0.5 m more along x for each.
        model.head.linear.bias[0::2] = 0.5
    config = config_to_dict(WaypointModelConfig())
    save_checkpoint(path, Checkpoint(KIND_SFT, config, model.state_dict(), DEFAULT_RIG, {"seed": 3}))


def test_a_process_that_dies_while_the_evaluator_still_starts_leaves_a_record_of_every_scenario(start_run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run, out = start_run("run", "--retries", "0", scenarios="turn_clear,straight_rain", port=taken.getsockname()[1])
        assert run.wait(START_S) == 1
    statuses = [result.status for result in load_results(out / "results.json").results]
    assert len(statuses) == 2
    assert all(status.startswith("crashed: ") and "simulator exited with code 2: " in status for status in statuses)
    assert (out / "report.html").exists()


def test_in_real_time_the_wall_clock_ticks_and_late_commands_count_as_missed(start_run, tmp_path):
    suite = tmp_path / "short.yaml"
    write_suite(suite, time_limit_s=6.0)
    run, out = start_run("run", scenarios=suite, lock_step="false")
    pictures = out / "scenarios" / "short_seed0"
    wait_until("the drive", lambda: run.poll() is not None or list(pictures.glob("*.jpg")), START_S)
    (pid,) = [pid for pid, command in children(run.pid).items() if "controller_node" in command]
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.5)
    os.kill(pid, signal.SIGCONT)
    assert run.wait(RUN_S) == 0
    (result,) = load_results(out / "results.json").results
    assert result.status.startswith("failed: ")  # its time limit: it ended regularly, at a frame it was to end with
    stamps_s = json.loads((out / "scenarios" / "short_seed0.json").read_text())["columns"]["time_s"]
    assert stamps_s[-1] == pytest.approx(6.0, abs=0.1)
    # Never faster than the wall clock; slower only as far as the machine cannot keep up.
    assert 0.75 * stamps_s[-1] < result.wall_clock["drive_s"] < 5.0 * stamps_s[-1]
    missed = result.wall_clock["missed_deadlines"]
    assert 5 <= missed < len(stamps_s)
    assert result.notes == (f"{missed} of {len(stamps_s)} frames had no control of their own in time",)


@pytest.mark.parametrize("victim", ["carla_lite", "carla_bridge_node", "controller_node"])
def test_a_killed_process_ends_the_run_and_the_driven_scenario_is_kept(start_run, victim):
    run, out = start_run("run", "--retries", "0", scenarios="turn_clear,straight_rain")
    pictures = out / "scenarios" / "straight_rain_seed0"
    wait_until("the second drive", lambda: run.poll() is not None or list(pictures.glob("*.jpg")), START_S)
    processes = children(run.pid)
    (pid,) = [pid for pid, command in processes.items() if victim in command]
    os.kill(pid, signal.SIGKILL)
    assert run.wait(END_S) == 1
    first, second = load_results(out / "results.json").results
    assert first.status == "completed"
    assert second.status.startswith("crashed: ")
    assert "was killed by SIGKILL" in second.status
    assert json.loads((out / "stack_failure.json").read_text())["exit_code"] == -9
    assert not [command for pid, command in processes.items() if is_alive(pid)]
    assert (out / "report.html").exists()
