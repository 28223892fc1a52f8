"""The in-process evaluation as a user starts it: standard suite, determinism, a server that dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from carla_lite.wire.process import ServerProcess
from training.eval.run_carla_closed_loop_eval import main
from waypilot.report.results import load_results, without_wall_clock

pytestmark = pytest.mark.system
COMMAND = (sys.executable, "-m", "training.eval.run_carla_closed_loop_eval")
START_S = 240.0


def content(folder: Path) -> dict[str, object]:
    """Everything of an evaluation's output that must not differ between equal runs."""
    files: dict[str, object] = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in ("results.json", "results.jsonl", "report.html")
    }
    files["results.json"] = without_wall_clock(json.loads((folder / "results.json").read_text()))
    return files


def evaluate(port: int, folder: Path, *more: str) -> int:
    return main(["--policy", "expert", "--port", str(port), "--output-dir", str(folder), *more])


def test_expert_completes_the_standard_suite_and_results_do_not_depend_on_the_server(tmp_path):
    for run in ("one", "two"):
        with ServerProcess(map="Lite01", ready_timeout_s=START_S) as server:
            if run == "two":  # another history: the second server has driven before
                assert evaluate(server.port, tmp_path / "before", "--scenarios", "turn_clear") == 0
            assert evaluate(server.port, tmp_path / run) == 0
    results = load_results(tmp_path / "one" / "results.json").results
    assert [result.scenario for result in results] == [
        "straight_clear",
        "straight_cloudy",
        "straight_night",
        "straight_rain",
        "turn_clear",
    ]
    for result in results:
        assert result.completed, result.status
        assert result.metric("collisions").value == 0
        assert result.metric("lateral_deviation_mean").value < 0.2
        assert result.wall_clock["per_frame_ms"].keys() == {"tick", "policy", "control", "video"}
    assert len(list((tmp_path / "one" / "scenarios" / "straight_rain_seed0").glob("frame_*.jpg"))) == 4
    assert "straight_rain" in (tmp_path / "one" / "report.html").read_text()
    one, two = content(tmp_path / "one"), content(tmp_path / "two")
    assert sum(name.endswith("drive.webm") for name in one) == 5
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_a_server_that_dies_keeps_what_was_driven_and_hides_nothing_that_was_not(tmp_path):
    with ServerProcess(map="Lite01", ready_timeout_s=START_S) as server:
        arguments = ["--policy", "expert", "--port", str(server.port), "--output-dir", str(tmp_path)]
        arguments += ["--scenarios", "turn_clear", "straight_clear", "straight_rain", "--timeout-s", "6"]
        arguments += ["--retries", "0"]  # nobody restarts the server
        process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        killed_s: list[float] = []

        def kill_when_the_second_runs() -> None:
            series = tmp_path / "scenarios" / "turn_clear_seed0.json"
            second = tmp_path / "scenarios" / "straight_clear_seed0"  # its first picture is one of its first frames
            while not (series.exists() and any(second.glob("*.jpg"))) and process.poll() is None:
                time.sleep(0.02)
            os.kill(server.pid, signal.SIGKILL)
            killed_s.append(time.monotonic())

        killer = threading.Thread(target=kill_when_the_second_runs)
        killer.start()
        output, _ = process.communicate(timeout=240)
        ended_s = time.monotonic()
        killer.join()
    assert process.returncode == 1, output
    assert ended_s - killed_s[0] < 60.0
    first, second, third = load_results(tmp_path / "results.json").results
    assert first.completed
    assert second.scenario == "straight_clear"
    assert second.status.startswith("crashed: SimulatorLost: no answer to the ")
    assert third.scenario == "straight_rain"
    assert third.status.startswith("crashed: not driven: straight_clear crashed: SimulatorLost: ")
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "expert", "--scenarios", "no_such"], "no scenario is named 'no_such'"),
        (["--policy", "expert", "--suite", "no_such"], "no suite 'no_such'"),
        (["--policy", "expert", "--port", "0"], "port is 0"),
        (["--checkpoint", "no_such.pt"], "no_such.pt"),
        (["--policy", "expert", "--seeds", "-1"], "'-1' is not a seed"),
        (["--policy", "expert", "--seeds", "3", "3"], "a seed stands twice in 3, 3"),
        (["--policy", "expert", "--workers", "2"], "but 1 ports are given: every worker needs a simulator of its own"),
        (["--policy", "expert", "--workers", "0", "--smoke"], "--workers is 0, give 1 or more"),
        (["--policy", "expert", "--retries", "-1"], "--retries is -1, give 0 or more"),
        (["--policy", "expert", "--repeats", "0"], "repeats is 0, give 1 or more"),
        ([], "one of the arguments --checkpoint --policy is required"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error_that_says_what(arguments, message, tmp_path, capsys):
    try:
        code = main([*arguments, "--output-dir", str(tmp_path)])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    printed = capsys.readouterr()
    assert message in " ".join((printed.out + printed.err).split())


def test_no_simulator_is_an_error_that_says_how_to_start_one(tmp_path, capsys):
    assert main(["--policy", "expert", "--port", "2498", "--output-dir", str(tmp_path)]) == 1
    assert "python -m carla_lite --port 2498" in " ".join(capsys.readouterr().out.split())
    assert not (tmp_path / "results.json").exists()
