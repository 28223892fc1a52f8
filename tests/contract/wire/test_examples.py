"""The scripts in examples/carla, run as a user runs them."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "carla"


def run(server, name, *more):
    """Run an example against the server and return what it printed."""
    command = [sys.executable, str(EXAMPLES / name), "--port", str(server.port), *map(str, more)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def fresh_world(client):
    client.load_world("Lite01")
    yield
    assert len(client.get_world().get_actors().filter("vehicle.*")) == 0  # an example cleans up after itself


def test_drive(server):
    driven, aside, speed = map(float, re.findall(r"\d+\.\d+", run(server, "drive.py")))
    assert driven > 40.0
    assert aside < 1.0
    assert speed == 0.0


def test_follow_traffic(server):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    printed = run(server, "follow_traffic.py", "--ticks", 120, "--vehicles", 6, "--tm-port", port)
    moved, total, width, height, _ = map(int, re.findall(r"\d+", printed))
    assert total >= 5
    assert moved >= total - 2
    assert (width, height) == (800, 600)


def test_record_sensors(server, tmp_path):
    printed = run(server, "record_sensors.py", "--ticks", 6, "--every", 3, "--output", tmp_path)
    assert "of 15 sensors" in printed
    names = [path.name for path in tmp_path.iterdir()]
    assert sum(name.endswith(".png") for name in names) == 2 * 5
    assert sum(name.endswith(".ply") for name in names) == 2 * 2
    assert [path.stat().st_size for path in tmp_path.glob("*.flo")] == [12 + 8 * 320 * 180] * 2
    assert sum(name.startswith("sensor.other.") for name in names) == 3  # radar, IMU and GNSS; nothing was hit
    assert sum(name.startswith("camera.dvs_") for name in names) == 5  # nothing moves before the first frame
    assert all(path.stat().st_size > 50 for path in tmp_path.iterdir())


def test_two_clients(server):
    frames, first, last = map(float, re.findall(r"\d+(?:\.\d+)?", run(server, "two_clients.py")))
    assert frames == 50
    assert last > first + 2.0
