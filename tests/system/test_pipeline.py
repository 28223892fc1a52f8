"""``python -m training.pipeline --smoke`` from nothing in an empty folder: stopped, continued, and once more."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from training.models.checkpoint import KIND_DELTA, load_checkpoint, load_waypoint_model
from waypilot.report.results import load_results

pytestmark = pytest.mark.system


WAIT_S = 120.0
COMMAND = (sys.executable, "-m", "training.pipeline", "--smoke", "--seed", "5")


def run(folder: Path) -> str:
    done = subprocess.run(COMMAND, cwd=folder, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def working_in(folder: Path) -> list[str]:
    """Numbers of the processes that were started in a folder."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            found += [link.parent.name] if link.readlink() == folder else []
        except OSError:  # ended meanwhile
            continue
    return found


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_S} s for {what}"
        time.sleep(0.1)


def stop_while_collecting(folder: Path, number: signal.Signals, exit_code: int) -> None:
    chain = subprocess.Popen(COMMAND, cwd=folder, stdout=subprocess.DEVNULL)
    wait_until("the collector and its server", lambda: len(working_in(folder)) >= 3)
    chain.send_signal(number)
    assert chain.wait(timeout=60.0) == exit_code
    wait_until("the end of all that it started", lambda: not working_in(folder))


def test_the_chain_makes_a_refined_and_evaluated_policy_and_is_not_run_twice(tmp_path: Path) -> None:
    stop_while_collecting(tmp_path, signal.SIGTERM, 128 + signal.SIGTERM)
    stop_while_collecting(tmp_path, signal.SIGKILL, -signal.SIGKILL)
    assert "as before" not in run(tmp_path)
    out = tmp_path / "out" / "pipeline"
    summary = json.loads((out / "summary.json").read_text())
    names = [stage["name"] for stage in summary["stages"]]
    assert names == ["collect Lite02", "collect Lite03", *["check", "pretrain", "sft", "refine", "select", "evaluate"]]
    assert all(stage["wall_s"] > 0.0 and not stage["skipped"] for stage in summary["stages"])

    _, sft = load_waypoint_model(out / "sft" / "model.pt")
    assert sft.training["encoder_sha256"]  # pre-trained
    assert load_checkpoint(out / "selected" / "best.pt", KIND_DELTA).training["sft_sha256"] == sft.sha256
    assert summary["held_out_drives"]["model"]["samples"] > 0
    (result,) = load_results(out / "eval" / "results.json").results
    assert not result.crashed
    assert summary["closed_loop"][result.key]["status"] == result.status

    results = (out / "eval" / "results.json").read_bytes()
    assert run(tmp_path).count("as before") == 2 * len(names)  # while running, and in the table
    again = json.loads((out / "summary.json").read_text())
    assert all(stage["skipped"] for stage in again["stages"])
    assert again["wall_s"] == summary["wall_s"]
    assert (out / "eval" / "results.json").read_bytes() == results
