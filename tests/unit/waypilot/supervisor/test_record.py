"""A run that fails before its evaluator is up leaves a true record, and nothing of an earlier one."""

import hashlib
import json

import pytest

from waypilot.report.results import Earlier, ResultsWriter, load_results
from waypilot.supervisor.record import RunRecord, plan_runs, run_info
from waypilot.supervisor.table import TableError


@pytest.fixture
def values(tmp_path):
    return {
        "output_dir": str(tmp_path),
        "scenarios": "turn_clear,straight_rain",
        "seeds": "0,1",
        "repeats": "suite",
        "runs": "",
        "policy": "expert",
        "checkpoint": str(tmp_path / "none.pt"),
        "delta_checkpoint": "",
        "lock_step": True,
    }


def statuses(folder):
    return [result.status for result in load_results(folder / "results.json").results]


def test_every_run_is_recorded_as_crashed_with_the_reason_when_the_evaluator_never_came(values, tmp_path):
    (tmp_path / "results.json").write_text("an earlier run")
    record = RunRecord(values)
    assert statuses(tmp_path) == []
    assert not record.settle("simulator exited with code 2: port in use")
    assert not record.complete()
    assert statuses(tmp_path) == ["crashed: simulator exited with code 2: port in use"] * 4
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["aggregate"]["crashed"] == 4
    assert "port in use" in (tmp_path / "report.html").read_text()


def test_a_stack_that_does_not_come_up_is_started_again_as_often_as_told(values, tmp_path):
    record = RunRecord(values, retries=2)
    assert [record.settle("no simulator") for _ in range(3)] == [True, True, False]
    assert statuses(tmp_path) == ["crashed: no simulator"] * 4


def evaluator(values, tmp_path):
    """What an evaluator of this record writes with."""
    suite, jobs = plan_runs("turn_clear,straight_rain", "0,1", "suite")
    info = run_info(suite, "expert", "", lock_step=True, carla_server="0.9.16")
    return ResultsWriter(tmp_path / "results.json", info, jobs, Earlier.CONTINUE)


def test_a_run_that_broke_is_tried_again_then_crashed_and_the_rest_is_driven(values, tmp_path):
    record = RunRecord(values, retries=1)
    evaluator(values, tmp_path).start(record.writer.open_jobs[0])
    assert record.settle("carla_bridge was killed by SIGKILL")
    writer = evaluator(values, tmp_path)
    writer.start(writer.open_jobs[0])
    writer.broke(writer.open_jobs[0], "no odometry")
    assert record.settle("simulator was killed by SIGKILL")
    assert [job.key for job in record.writer.open_jobs] == [
        "straight_rain_seed0",
        "turn_clear_seed1",
        "straight_rain_seed1",
    ]
    assert statuses(tmp_path) == ["crashed: no odometry (2 attempts)"]
    assert load_results(tmp_path / "results.json").document["versions"]["carla_server"] == "0.9.16"
    assert not record.settle("supervisor was stopped by SIGINT", final=True)
    assert statuses(tmp_path)[1:] == ["crashed: supervisor was stopped by SIGINT"] * 3


def test_a_stack_that_does_not_come_up_is_given_up_also_after_a_run_broke(values, tmp_path):
    record = RunRecord(values, retries=1)
    evaluator(values, tmp_path).start(record.writer.open_jobs[0])
    assert record.settle("carla_bridge was killed by SIGKILL")
    assert [record.settle("no simulator") for _ in range(2)] == [True, False]
    assert statuses(tmp_path) == ["crashed: carla_bridge was killed by SIGKILL"] + ["crashed: no simulator"] * 3


def test_a_stack_that_does_not_come_up_is_no_attempt_at_a_run_that_was_under_way_before(values, tmp_path):
    RunRecord(values)
    evaluator(values, tmp_path).start(RunRecord(values, Earlier.RESUME).writer.open_jobs[0])
    record = RunRecord(values, Earlier.RESUME, retries=1)
    assert record.settle("no simulator")
    assert record.writer.broken_attempts(record.writer.open_jobs[0]) == 0


def test_only_the_runs_named_in_a_file_are_driven(values, tmp_path):
    (tmp_path / "runs.txt").write_text("straight_rain_seed1\nturn_clear_seed0\n")
    record = RunRecord(values | {"runs": str(tmp_path / "runs.txt")})
    assert [job.key for job in record.writer.open_jobs] == ["turn_clear_seed0", "straight_rain_seed1"]
    (tmp_path / "runs.txt").write_text("turn_clear_seed9")
    with pytest.raises(TableError, match="turn_clear_seed9, which is not planned"):
        RunRecord(values | {"runs": str(tmp_path / "runs.txt")})


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scenarios": "nonsense"}, TableError, "nonsense"),
        ({"seeds": "0,a"}, TableError, "seeds: 'a' is no whole number"),
        ({"repeats": "0"}, TableError, "repeats is 0, give 1 or more"),
        ({"seeds": "0,0"}, TableError, "twice"),
        ({"policy": "checkpoint"}, TableError, "none.pt"),
        (
            {"policy": "checkpoint", "checkpoint": __file__, "delta_checkpoint": "gone.pt"},
            TableError,
            "delta_.*gone.pt",
        ),
    ],
)
def test_wrong_arguments_are_refused_before_an_earlier_result_is_touched(values, tmp_path, change, error, message):
    (tmp_path / "results.json").write_text("an earlier run")
    with pytest.raises(error, match=message):
        RunRecord(values | change)
    assert (tmp_path / "results.json").read_text() == "an earlier run"


def test_jobs_of_a_suite_and_of_names():
    suite, jobs = plan_runs("standard", "0,1", "suite")
    assert suite == "standard"
    assert len(jobs) == 10
    _, jobs = plan_runs("turn_clear, straight_rain", "3", "2")
    assert [(job.scenario.name, job.seed) for job in jobs] == 2 * [("turn_clear", 3), ("straight_rain", 3)]
    assert [job.repeat for job in jobs] == [0, 0, 1, 1]


def test_the_record_names_checkpoint_and_delta_head(tmp_path):
    sft, head = tmp_path / "sft.pt", tmp_path / "head.pt"
    sft.write_bytes(b"sft")
    head.write_bytes(b"head")
    alone = run_info("tiny", "checkpoint", str(sft), True, "0.9.16")
    assert (alone.policy, alone.checkpoint.name, alone.config["delta_checkpoint"]) == ("waypoint", "sft.pt", None)
    refined = run_info("tiny", "checkpoint", str(sft), True, "0.9.16", str(head))
    assert refined.policy == "waypoint_delta"
    assert refined.config["delta_checkpoint"] == {"name": "head.pt", "sha256": hashlib.sha256(b"head").hexdigest()}
    assert run_info("tiny", "expert", str(sft), True, "0.9.16", str(head)).config["delta_checkpoint"] is None
