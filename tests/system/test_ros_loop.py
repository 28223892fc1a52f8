"""The whole stack as ``make demo`` runs it: carla_lite, the genuine carla client, all nodes, the supervisor."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from waypilot.report.results import load_results, without_wall_clock

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "ros2_ws" / "install"

if str(INSTALL) not in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
    pytest.skip("needs the ROS environment: source scripts/ros_env.sh", allow_module_level=True)

pytestmark = [pytest.mark.system, pytest.mark.ros]

START_S = 120.0  # carla_lite compiles its kernels when it is started for the first time
RUN_S = 200.0
END_S = 10.0


@pytest.fixture
def start_run(tmp_path):
    """Start the supervisor; it is ended if the test does not end it."""
    runs = []

    def start(name, **arguments):
        out = tmp_path / name
        words = [f"{key}:={value}" for key, value in ({"policy": "expert", "output_dir": out} | arguments).items()]
        with (tmp_path / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "waypilot.supervisor", str(ROOT / "launch" / "stack.yaml"), *words]
            runs.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT))
        return runs[-1], out

    yield start
    for run in runs:
        run.send_signal(signal.SIGINT)
        run.wait(2 * END_S)


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


def test_the_expert_drives_through_the_ros_stack_and_a_second_run_is_equal(start_run):
    documents = []
    for name in ("once", "again"):
        run, out = start_run(name, scenarios="turn_clear")
        assert run.wait(RUN_S) == 0
        results = load_results(out / "results.json")
        (result,) = results.results
        assert result.status == "completed"
        assert result.metric("collisions").value == 0
        assert result.metric("route_completion").value > 95.0
        assert result.wall_clock["missed_deadlines"] == 0
        documents.append(
            (without_wall_clock(results.document), (out / "scenarios" / f"{result.key}.json").read_bytes())
        )
    assert documents[0] == documents[1]


@pytest.mark.parametrize("victim", ["carla_lite", "carla_bridge_node", "controller_node"])
def test_a_killed_process_ends_the_run_and_the_driven_scenario_is_kept(start_run, victim):
    run, out = start_run("run", scenarios="turn_clear,straight_rain")
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
