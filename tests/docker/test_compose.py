"""The composition as users start it: same results as without containers, and honest ones when something breaks."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from waypilot.report.results import without_wall_clock

#: The first test also builds the images.
pytestmark = pytest.mark.timeout(2400)

ROOT = Path(__file__).resolve().parents[2]
CORE_LIMIT_BYTES = 900e6
HOST_RUN_S = 300
NODES = ("simulator", "bridge", "policy", "controller", "metrics")


def statuses(document):
    return {entry["scenario"]: entry["status"] for entry in document["scenarios"]}


def test_the_image_without_torch_is_small(images, composition):
    sizes = {
        name: int(composition.run("image", "inspect", "-f", "{{.Size}}", tag).stdout) for name, tag in images.items()
    }
    print("\nimage sizes, MB: " + ", ".join(f"{name} {size / 1e6:.0f}" for name, size in sizes.items()))
    assert sizes["core"] <= CORE_LIMIT_BYTES


def test_the_suite_over_containers_gives_the_same_results_as_the_supervisor(composition, tmp_path):
    composition.start(*NODES)
    counter = count_images(composition)
    composition.start()
    assert composition.wait() == 0, composition.logs("evaluator")
    counted = json.loads(counter.communicate(timeout=60)[0].splitlines()[-1])
    composition.compose("stop", "-t", "10")
    assert {node: exit_code(composition, node) for node in NODES} == dict.fromkeys(NODES, 0)

    document = composition.results()
    frames = sum(entry["wall_clock"]["frames"] for entry in document["scenarios"])
    print(f"images: {counted['received']} received, {counted['lost']} lost; frames of the drives: {frames}")
    assert counted["lost"] == 0
    assert counted["received"] >= frames
    assert all(entry["wall_clock"]["missed_deadlines"] == 0 for entry in document["scenarios"])

    command = [
        sys.executable,
        "-m",
        "waypilot.supervisor",
        str(ROOT / "launch" / "stack.yaml"),
        f"output_dir:={tmp_path}/host",
    ]
    subprocess.run(command, cwd=ROOT, check=True, timeout=HOST_RUN_S, capture_output=True)
    host = json.loads((tmp_path / "host" / "results.json").read_text())
    assert without_wall_clock(document) == without_wall_clock(host)


def test_the_first_scenario_begins_soon(composition):
    started_s = time.monotonic()
    composition.start(SCENARIOS="turn_clear")
    composition.wait_for_log("evaluator", "starts")
    print(f"\nfirst scenario begun {time.monotonic() - started_s:.1f} s after docker compose up")
    assert composition.wait() == 0


def test_a_node_that_is_killed_costs_its_run_and_no_other(composition):
    composition.start(SCENARIOS="straight_clear,straight_night,turn_clear")
    composition.wait_for_log("evaluator", "[2/3] straight_night, seed 0: starts")
    time.sleep(1.0)
    composition.compose("exec", "-T", "policy", "python", "-S", "-c", KILL_NODE)
    assert composition.wait() == 1
    seen = statuses(composition.results())
    assert seen["straight_clear"] == seen["turn_clear"] == "completed"
    # The second where a busy machine starts the new process later than the evaluator is patient (report_s).
    assert seen["straight_night"] in (
        "crashed: policy was restarted during the drive",
        "crashed: policy has not reported for 10 s",
    )
    assert int(composition.run("inspect", "-f", "{{.RestartCount}}", composition.container("policy")).stdout) == 1


def test_a_cut_network_costs_its_run_and_results_stay_true(composition):
    composition.start(SCENARIOS="straight_clear,straight_night,turn_clear")
    composition.wait_for_log("evaluator", "[2/3] straight_night, seed 0: starts")
    time.sleep(3.0)  # the drive is under way by then, or, on a busy machine, its nodes are being asked
    network, controller = f"{composition.name}_stack", composition.container("controller")
    composition.run("network", "disconnect", network, controller)
    composition.wait_for_log("evaluator", "straight_night, seed 0: crashed")
    address = f"{composition.environment['SUBNET']}.13"
    composition.run("network", "connect", "--ip", address, network, controller)
    assert composition.wait() == 1
    seen = statuses(composition.results())
    assert seen["straight_clear"] == seen["turn_clear"] == "completed"
    assert re.match("crashed: (node )?controller ", seen["straight_night"])


def exit_code(composition, service):
    return int(composition.run("inspect", "-f", "{{.State.ExitCode}}", composition.container(service)).stdout)


def count_images(composition):
    """Start one more container on the network: it counts the images of the drives and the stamps that are missing."""
    user = composition.environment["WAYPILOT_UID"]
    name = f"{composition.name}-counter"
    composition.helpers.append(name)
    words = ["run", "--rm", "--name", name, "--network", f"{composition.name}_stack", "--user", user, "--tmpfs", "/tmp"]
    settings = {
        "ROS_DOMAIN_ID": composition.environment["ROS_DOMAIN_ID"],
        "ROS_STATIC_PEERS": f"{composition.environment['SUBNET']}.11",
        "FASTDDS_BUILTIN_TRANSPORTS": "UDPv4?sockets_size=2MB",
    }
    for name, value in settings.items():
        words += ["-e", f"{name}={value}"]
    source = ROOT / "tests" / "docker" / "count_images.py"
    words += ["-v", f"{source}:/count_images.py:ro", "waypilot-test/waypilot:core", "python", "/count_images.py"]
    counter = subprocess.Popen(["docker", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = []
    while not said or said[-1] != "connected to the bridge":
        line = counter.stdout.readline()
        assert line, said  # it ends by itself when it finds no bridge
        said.append(line.strip())
    return counter


#: Kills the node's own process inside its container: process 1 is the init that reaps it.
KILL_NODE = """
import os, pathlib, signal
for folder in pathlib.Path("/proc").iterdir():
    is_other = folder.name.isdigit() and int(folder.name) != os.getpid()
    if is_other and b"policy_node" in (folder / "cmdline").read_bytes():
        os.kill(int(folder.name), signal.SIGKILL)
"""
