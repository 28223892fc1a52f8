"""The command line: start, ready, ports, signals, exit codes, and never a server left behind."""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import carla
import pytest

from carla_lite.maps import SEEDED_TOWNS, load_town, own_town_xodr
from carla_lite.wire.process import ServerError, ServerProcess
from tests.contract.wire.conftest import RawRpc

COMMAND = [sys.executable, "-m", "carla_lite"]
START_TIMEOUT_S = 240.0
PATIENCE_S = 60.0


def run(*arguments):
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False)


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def catches(pid, number):
    """Whether a process has a handler of its own for a signal."""
    caught = re.search(r"^SigCgt:\s*(\w+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_help_is_complete():
    shown = run("--help").stdout
    for option in ("--map", "--xodr", "--host", "--port", "--streaming-port", "--seed", "--log-level", "--ready-file"):
        assert option in shown
    assert "examples:" in shown
    assert "exit codes:" in shown


def test_towns_are_listed():
    assert run("--list-maps").stdout.split()[:3] == ["Lite01", "Lite02", "Lite03"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_in_time_with_code_0(tmp_path, number):
    ready = tmp_path / "ready.json"
    arguments = ["--port", "0", "--ready-file", str(ready)]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        wait_until(ready.exists)
        said = json.loads(ready.read_text())
        assert line == f"carla_lite ready: port {said['port']}, streaming port {said['streaming_port']}, map Lite01\n"
        assert said["pid"] == server.pid
        client = RawRpc(said["port"])
        assert client.call("version") == (None, [[1, "0.9.16"]])
        server.send_signal(number)
        assert server.wait(timeout=PATIENCE_S) == 0
        assert server.stderr.read() == ""
        client.close()


def test_the_ready_file_of_an_earlier_server_is_gone_before_and_after(tmp_path):
    ready = tmp_path / "ready.json"
    ready.write_text('{"port": 1}')
    with subprocess.Popen([*COMMAND, "--port", "0", "--ready-file", str(ready)], stdout=subprocess.PIPE) as server:
        deadline = time.monotonic() + 60.0
        while ready.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        assert not ready.exists()  # loading a town takes longer than seeing this
        server.stdout.readline()
        wait_until(ready.exists)
        assert json.loads(ready.read_text())["pid"] == server.pid
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=PATIENCE_S) == 0
    assert not ready.exists()


def test_a_port_in_use_leaves_the_ready_file_of_who_has_it_alone(tmp_path):
    ready = tmp_path / "ready.json"
    ready.write_text("{}")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run("--port", str(taken.getsockname()[1]), "--ready-file", str(ready))
    assert ended.returncode == 2
    assert ready.read_text() == "{}"


def test_a_signal_while_compiled_code_does_not_come_back_is_an_orderly_end():
    away = "from carla_lite.__main__ import end_on_signals; import hashlib; end_on_signals(); print(flush=True); "
    away += "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"  # a quarter of an hour in one instruction of Python
    with subprocess.Popen([sys.executable, "-c", away], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0


def test_a_signal_while_it_starts_is_an_orderly_end():
    with subprocess.Popen([*COMMAND, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        wait_until(lambda: catches(server.pid, signal.SIGTERM))  # before, while Python itself starts, it is killed
        time.sleep(1.0)
        server.terminate()
        assert server.wait(timeout=PATIENCE_S) == 0
        assert server.stderr.read() == b""


def test_an_owner_that_leaves_while_it_starts_takes_it_along():
    started = subprocess.run(
        [*COMMAND, "--port", "0", "--stop-with-stdin"], stdin=subprocess.DEVNULL, capture_output=True, timeout=240.0
    )
    assert (started.returncode, started.stdout, started.stderr) == (0, b"", b"")


def test_a_port_in_use_is_one_clear_line_and_code_2():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run("--port", str(port))
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1
        assert f"port {port} on 127.0.0.1 is in use" in ended.stderr
        with pytest.raises(ServerError, match="is in use"):
            ServerProcess(port=port).start()
        ended = run("--port", "0", "--streaming-port", str(port))
        assert ended.returncode == 2
        assert f"streaming port {port} on 127.0.0.1 is in use" in ended.stderr
        assert "another with --streaming-port" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--map", "Nowhere"], "map 'Nowhere' not found: there are Lite01, Lite02"),
        (["--map", "generate:x"], "must be a whole number"),
        (["--map", "Town03_Opt"], "--maps-dir"),
        (["--maps-dir", "no/such/folder"], "--maps-dir: there is no folder"),
        (["--xodr", "no/such/file.xodr"], "No such file"),
        (["--port", "70000"], "no port number"),
        (["--port", "65535"], "--streaming-port"),
        (["--seed", "-1"], "--seed"),
        (["--client-timeout", "1"], "--client-timeout"),
        (["--client-timeout", "nan"], "--client-timeout"),
        (["--ready-file", "no/such/folder/r.json"], "no/such/folder"),
    ],
)
def test_bad_options_are_explained_with_code_2(arguments, complaint):
    ended = run("--port", "0", *arguments)
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_opendrive_file_can_be_served(tmp_path):
    document = tmp_path / "my_town.xodr"
    document.write_text(load_town("Lite03").xodr)
    with ServerProcess(xodr=document) as server:
        client = RawRpc(server.port)
        assert client.call("get_map_info")[1][0][1][0] == "Carla/Maps/my_town"
        assert client.call("get_map_data")[1][0][1] == document.read_text()
        client.close()
    assert server.exit_code == 0


def test_more_connections_than_files_keep_newcomers_out_and_nobody_else():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))  # what the server inherits
    try:
        server = ServerProcess().start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with contextlib.ExitStack() as end, contextlib.ExitStack() as crowd:
        end.callback(server.stop)
        first = end.enter_context(contextlib.closing(RawRpc(server.port)))
        for _ in range(200):
            crowd.enter_context(socket.create_connection(("127.0.0.1", server.streaming_port)))
        assert first.call("version") == (None, [[1, "0.9.16"]])
        crowd.close()
        with contextlib.closing(RawRpc(server.port)) as newcomer:
            assert newcomer.call("version") == (None, [[1, "0.9.16"]])
        assert "no new client can connect" in server.log
        assert len(server.log) < 10_000
    assert server.exit_code == 0


ORPHAN_MAKER = """
import os, signal
from carla_lite.maps import load_town
from carla_lite.wire.process import ServerProcess
server = ServerProcess().start()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_server_goes_when_its_owner_is_killed():
    owner = subprocess.run(
        [sys.executable, "-c", ORPHAN_MAKER], capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
    )
    assert owner.returncode == -signal.SIGKILL, owner.stderr
    wait_until(lambda: is_gone(int(owner.stdout)))


def test_a_folder_of_maps_is_served_by_their_names(tmp_path):
    for name in ("Town01", "Other"):
        (tmp_path / f"{name}.xodr").write_text(load_town("Lite04").xodr)
    (tmp_path / "Broken.xodr").write_text("<OpenDRIVE/>")
    arguments = ("--maps-dir", str(tmp_path), "--log-level", "error")
    expected = ["Broken", "Other", "Town01", *SEEDED_TOWNS]
    assert run(*arguments, "--list-maps").stdout.split()[-len(expected) :] == expected
    with ServerProcess(map="Town01", extra_arguments=arguments) as server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(60.0)
        assert client.get_world().get_map().name == "Carla/Maps/Town01"
        assert "/Game/Carla/Maps/Other" in client.get_available_maps()
        optimised = client.load_world("/Game/Carla/Maps/Town01_Opt")
        assert optimised.get_map().name == "Carla/Maps/Town01_Opt"
        assert len(optimised.get_actors().filter("traffic.traffic_light")) == 14
        with pytest.raises(RuntimeError, match=r"Broken.xodr cannot be used"):
            client.load_world("Broken")
        with pytest.raises(RuntimeError, match=r"not found: there are Lite01.*Town01.*--alias-towns"):
            client.load_world("Town04")


def test_a_map_named_as_a_built_in_town_is_refused(tmp_path):
    (tmp_path / "Lite02.xodr").write_text("")
    ended = run("--port", "0", "--maps-dir", str(tmp_path))
    assert ended.returncode == 2
    assert "rename it" in ended.stderr


def test_our_towns_stand_in_for_carlas_when_asked_to():
    with ServerProcess(map="Town10HD_Opt", extra_arguments=("--alias-towns",)) as server:
        client = carla.Client("127.0.0.1", server.port)
        client.set_timeout(60.0)
        assert client.get_world().get_map().name == "Carla/Maps/Town10HD_Opt"
        assert "/Game/Carla/Maps/Town04" in client.get_available_maps()
        world = client.load_world("Town04")
        assert world.get_map().name == "Carla/Maps/Town04"
        assert world.get_map().to_opendrive() == own_town_xodr("Lite05")
        assert "/Game/Carla/Maps/Town04" in client.get_available_maps()
        client.load_world_if_different("Town04")
        assert client.get_world().id == world.id
        assert "Town04 is not here, Lite05 stands in for it" in server.log
