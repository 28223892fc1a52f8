"""A run that fails before its evaluator is up leaves a true record, and nothing of an earlier one."""

import json

import pytest

from waypilot.report.results import load_results
from waypilot.supervisor.failure import Failure
from waypilot.supervisor.record import RunRecord, plan_runs
from waypilot.supervisor.table import TableError


@pytest.fixture
def values(tmp_path):
    return {
        "output_dir": str(tmp_path),
        "scenarios": "turn_clear,straight_rain",
        "seeds": "0,1",
        "repeats": "suite",
        "policy": "expert",
        "checkpoint": str(tmp_path / "none.pt"),
        "lock_step": True,
    }


def statuses(folder):
    return [result.status for result in load_results(folder / "results.json").results]


def test_every_run_is_recorded_as_crashed_with_the_reason_when_the_evaluator_never_came(values, tmp_path):
    (tmp_path / "results.json").write_text("an earlier run")
    record = RunRecord(values)
    assert statuses(tmp_path) == ["crashed: interrupted before it ended"] * 4
    Failure("simulator", "exited with code 2", 2, "port in use").write(tmp_path)
    record.complete()
    assert statuses(tmp_path) == ["crashed: simulator exited with code 2: port in use"] * 4
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["aggregate"]["crashed"] == 4
    assert "port in use" in (tmp_path / "report.html").read_text()


def test_an_evaluator_that_ended_without_a_word_is_told_apart(values, tmp_path):
    RunRecord(values).complete()
    assert statuses(tmp_path) == ["crashed: the evaluator ended before it began, see logs/evaluator.log"] * 4


def test_what_the_evaluator_wrote_is_left_alone(values, tmp_path):
    record = RunRecord(values)
    (tmp_path / "results.json").write_text("the evaluator's")
    record.complete()
    assert (tmp_path / "results.json").read_text() == "the evaluator's"
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"scenarios": "nonsense"}, TableError, "nonsense"),
        ({"seeds": "0,a"}, TableError, "seeds: 'a' is no whole number"),
        ({"repeats": "0"}, TableError, "repeats is 0, give 1 or more"),
        ({"seeds": "0,0"}, TableError, "twice"),
        ({"policy": "checkpoint"}, OSError, "none.pt"),
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
