"""Whatever is killed during an evaluation through ROS: nothing is lost, nothing is left running, nothing hangs."""

import json
import os
import signal
from pathlib import Path

import pytest

from waypilot.report.results import load_results, without_wall_clock

ROOT = Path(__file__).resolve().parents[2]

if str(ROOT / "ros2_ws" / "install") not in os.environ.get("AMENT_PREFIX_PATH", "").split(":"):
    pytest.skip("needs the ROS environment: source scripts/ros_env.sh", allow_module_level=True)

pytestmark = [pytest.mark.system, pytest.mark.ros]
START_S = 120.0
RUN_S = 240.0


def content(folder):
    """What equal evaluations must share: results and the bytes of the series."""
    document = without_wall_clock(json.loads((folder / "results.json").read_text()))
    return document, {path.name: path.read_bytes() for path in (folder / "scenarios").glob("*.json")}


def is_driving(folder, key):
    """Whether frames of a run are driven: its first picture is there."""
    return any((folder / "scenarios" / key).glob("*.jpg"))


def test_a_stack_that_loses_a_process_is_started_again_and_every_run_is_driven(start_run, processes):
    victims = [
        ("-m carla_lite", signal.SIGSTOP, "carla_bridge"),
        ("policy_node", signal.SIGKILL, "policy was killed by SIGKILL"),
        ("metrics_node", signal.SIGKILL, "metrics was killed by SIGKILL"),
        ("evaluator_node", signal.SIGKILL, "evaluator was killed by SIGKILL"),
    ]
    seeds = ",".join(map(str, range(len(victims))))
    run, out = start_run("run", scenarios="turn_clear", seeds=seeds)
    family = {}
    for seed, (name, number, _) in enumerate(victims):
        key = f"turn_clear_seed{seed}"
        processes.wait_until(key, lambda key=key: run.poll() is not None or is_driving(out, key), START_S)
        family |= processes.below(run.pid)
        os.kill(processes.find(run.pid, name), number)
        processes.wait_until("the next life", lambda seed=seed: (out / f"logs_{seed + 1}").exists(), START_S)
    assert run.wait(RUN_S) == 0
    results = load_results(out / "results.json").results
    assert all(result.completed for result in results)
    for result, (_, _, reason) in zip(results, victims, strict=True):
        (note,) = [note for note in result.notes if note.startswith("attempt 1 broke and was retried: ")]
        assert reason in note
    processes.wait_until_gone(family)


def test_killed_and_resumed_by_two_workers_it_equals_an_uninterrupted_run_by_one(start_run, processes):
    which = {"scenarios": "turn_clear,straight_night", "seeds": "0,1"}
    whole, whole_out = start_run("whole", **which)
    assert whole.wait(RUN_S) == 0

    run, out = start_run("killed", "--workers", "2", **which)
    first = out / "scenarios" / "turn_clear_seed0.json"
    processes.wait_until("a driven run", lambda: run.poll() is not None or first.exists(), START_S)
    family = processes.below(run.pid)
    assert sum("-m carla_lite" in command for command in family.values()) == 2
    run.kill()
    run.wait()
    processes.wait_until_gone(family)
    assert load_results(out / "results.json").results[0].completed
    driven = first.stat().st_mtime_ns

    resumed, _ = start_run("killed", "--workers", "2", "--resume", **which)
    processes.wait_until("a resumed run", lambda: is_driving(out / "workers" / "0", "straight_night_seed0"), START_S)
    os.kill(processes.find(resumed.pid, "workers/0"), signal.SIGKILL)  # a worker, which is replaced
    assert resumed.wait(RUN_S) == 0
    assert first.stat().st_mtime_ns == driven, "what was judged is not driven again"
    (document, series), (whole_document, whole_series) = content(out), content(whole_out)
    broken = document["scenarios"][1]
    assert broken["notes"].pop() == "attempt 1 broke and was retried: worker 0 was killed by SIGKILL"
    assert document == whole_document
    assert series == whole_series

    other, _ = start_run("killed", "--resume", **which | {"lock_step": "false"})
    assert other.wait(START_S) == 2


def test_a_full_disk_ends_the_run_with_a_word_and_space_lets_it_go_on(small_disk, start_run, processes, tmp_path):
    out = small_disk / "out"
    run, _ = start_run("full", scenarios="turn_clear", output_dir=out)
    processes.wait_until("the drive", lambda: run.poll() is not None or is_driving(out, "turn_clear_seed0"), START_S)
    family = processes.below(run.pid)
    free = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(bytes(free.f_bavail * free.f_bsize))
    assert run.wait(RUN_S) == 1
    assert "No space left on device" in (tmp_path / "full.log").read_text()
    processes.wait_until_gone(family)
    (result,) = load_results(out / "results.json").results
    assert result.status == "crashed: interrupted before it ended"

    (small_disk / "ballast").unlink()
    resumed, _ = start_run("full", "--resume", scenarios="turn_clear", output_dir=out)
    assert resumed.wait(RUN_S) == 0
    assert load_results(out / "results.json").results[0].completed
