"""Whatever is killed during an in-process evaluation: nothing is lost, nothing is left running, nothing hangs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from waypilot.report.results import load_results, without_wall_clock

pytestmark = pytest.mark.system
COMMAND = (sys.executable, "-m", "training.eval.run_carla_closed_loop_eval", "--policy", "expert")
RUN_S = 240.0
SERVER, WORKER = "-m carla_lite", "multiprocessing.spawn"


@pytest.fixture
def start(tmp_path):
    """Start an evaluation of its own carla_lite; it is ended if the test does not end it."""
    runs = []

    def start(name, *arguments):
        command = [*COMMAND, "--output-dir", str(tmp_path / name), *arguments]
        with (tmp_path / f"{name}.log").open("ab") as log:
            runs.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))
        return runs[-1], tmp_path / name

    yield start
    for run in runs:
        run.terminate()
        run.wait(60)


def content(folder):
    """What equal evaluations must share: results and the bytes of the series."""
    document = without_wall_clock(json.loads((folder / "results.json").read_text()))
    return document, {path.name: path.read_bytes() for path in (folder / "scenarios").glob("*.json")}


def is_driving(folder, key):
    """Whether frames of a run are driven: its first picture is there."""
    return any((folder / "scenarios" / key).glob("*.jpg"))


def test_killed_and_resumed_by_two_workers_it_equals_an_uninterrupted_run_by_one(start, processes):
    which = ("--smoke", "--scenarios", "turn_clear", "straight_night", "--repeats", "2")
    whole, whole_folder = start("whole", *which)
    assert whole.wait(RUN_S) == 0

    run, folder = start("killed", *which, "--workers", "2")
    first = folder / "scenarios" / "turn_clear_seed0.json"
    processes.wait_until("a driven run", lambda: run.poll() is not None or first.exists(), RUN_S)
    family = processes.below(run.pid)
    assert sum(SERVER in command for command in family.values()) == 2
    run.kill()
    run.wait()
    processes.wait_until_gone(family)
    left = load_results(folder / "results.json").results
    assert left[0].completed
    assert any(result.status == "crashed: interrupted before it ended" for result in left)
    driven = first.stat().st_mtime_ns

    resumed, _ = start("killed", *which, "--workers", "2", "--resume")
    processes.wait_until("the resumed run", lambda: is_driving(folder, "straight_night_seed0_repeat1"), RUN_S)
    family = processes.below(resumed.pid)
    assert resumed.wait(RUN_S) == 0
    assert first.stat().st_mtime_ns == driven, "what was judged is not driven again"
    assert content(folder) == content(whole_folder)
    processes.wait_until_gone(family)  # helpers of multiprocessing go a moment after the command

    other, _ = start("killed", *which, "--resume", "--seeds", "4")
    assert other.wait(RUN_S) == 2
    assert content(folder) == content(whole_folder)


@pytest.mark.parametrize(
    ("victim", "number", "reason"),
    [
        (SERVER, signal.SIGKILL, "SimulatorLost: no answer to "),
        (SERVER, signal.SIGSTOP, "SimulatorLost: no answer to "),
        (WORKER, signal.SIGKILL, "the worker process was killed by SIGKILL"),
        (WORKER, signal.SIGSTOP, "no sign of life from the worker for 15 s, it was ended"),
    ],
)
def test_a_run_that_loses_its_server_or_worker_is_driven_again_and_says_so(start, processes, victim, number, reason):
    run, folder = start("run", "--smoke", "--scenarios", "turn_clear", "--timeout-s", "6", "--silence-s", "15")
    processes.wait_until("the drive", lambda: run.poll() is not None or is_driving(folder, "turn_clear_seed0"), RUN_S)
    family = processes.below(run.pid)
    os.kill(processes.find(run.pid, victim), number)
    assert run.wait(RUN_S) == 0
    (result,) = load_results(folder / "results.json").results
    assert result.completed
    assert result.notes[-1].startswith(f"attempt 1 broke and was retried: {reason}")
    processes.wait_until_gone(family)  # helpers of multiprocessing go a moment after the command


def test_without_retries_the_run_is_crashed_and_the_next_one_gets_a_new_server(start, processes):
    arguments = ("--smoke", "--scenarios", "turn_clear", "straight_night", "--retries", "0", "--timeout-s", "6")
    run, folder = start("run", *arguments)
    processes.wait_until("the drive", lambda: run.poll() is not None or is_driving(folder, "turn_clear_seed0"), RUN_S)
    os.kill(processes.find(run.pid, SERVER), signal.SIGKILL)
    assert run.wait(RUN_S) == 1
    first, second = load_results(folder / "results.json").results
    assert first.status.startswith("crashed: SimulatorLost: no answer to ")
    assert second.completed


def test_a_port_that_something_else_holds_is_told_and_nothing_is_written(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run, folder = start("run", "--port", str(taken.getsockname()[1]), "--timeout-s", "2")
        assert run.wait(RUN_S) == 1
    assert "does not answer as a CARLA server" in (tmp_path / "run.log").read_text()
    assert not folder.exists()


def test_a_full_disk_ends_the_evaluation_with_a_word_and_space_lets_it_go_on(small_disk, start, processes, tmp_path):
    arguments = ("--smoke", "--scenarios", "turn_clear", "straight_night", "--output-dir", str(small_disk / "out"))
    run, _ = start("full", *arguments)
    processes.wait_until("the drive", lambda: is_driving(small_disk / "out", "turn_clear_seed0"), RUN_S)
    family = processes.below(run.pid)
    free = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_bsize))
    assert run.wait(RUN_S) == 1
    assert "No space left on device" in (tmp_path / "full.log").read_text()
    processes.wait_until_gone(family)  # helpers of multiprocessing go a moment after the command
    (result,) = load_results(small_disk / "out" / "results.json").results
    assert result.status == "crashed: interrupted before it ended"

    (small_disk / "ballast").unlink()
    resumed, _ = start("full", *arguments, "--resume")
    assert resumed.wait(RUN_S) == 0
    assert all(result.completed for result in load_results(small_disk / "out" / "results.json").results)
