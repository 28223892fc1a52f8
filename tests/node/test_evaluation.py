"""What is recorded when runs end, crash, or the stack breaks."""

import json
import signal
from dataclasses import replace
from types import SimpleNamespace

import pytest
from waypilot_ros import evaluator_node
from waypilot_ros.evaluation import DriveReport, Evaluation, ScenarioCrashedError, StackBrokenError

from waypilot.metrics import crashed_result
from waypilot.report.results import Job, ResultsWriter, RunInfo, load_results


class FakeStack:
    """Answers each drive with what was planned for it."""

    def __init__(self, *outcomes):
        self._outcomes = list(outcomes)

    def drive(self, job):
        outcome = self._outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        change, missed = ({}, outcome) if isinstance(outcome, int) else (outcome, 0)
        result = replace(crashed_result(job.scenario, job.seed, "x"), status="completed", **change)
        return DriveReport(result, frames=100, missed_deadlines=missed)


@pytest.fixture
def evaluate(tmp_path, straight_scenario):
    """Drive three seeds; an outcome is an error, a count of missed deadlines, or what to change in the result."""

    def run(*outcomes, **options):
        jobs = [Job(straight_scenario, seed) for seed in range(3)]
        info = RunInfo("suite", "ros", "expert", {})
        path = tmp_path / "results.json"
        clean = Evaluation(FakeStack(*outcomes), ResultsWriter(path, info, jobs), lambda _: None, **options).run()
        return clean, load_results(path).results

    return run


def test_all_runs_are_recorded(evaluate):
    clean, results = evaluate(0, 0, 0)
    assert clean
    assert [result.status for result in results] == ["completed"] * 3
    assert [result.notes for result in results] == [()] * 3


def test_a_crashed_run_does_not_stop_the_others(evaluate):
    clean, results = evaluate(0, ScenarioCrashedError("no map"), 0)
    assert not clean
    assert [result.status for result in results] == ["completed", "crashed: no map", "completed"]


def test_a_broken_stack_ends_the_evaluation_and_keeps_what_was_driven(evaluate):
    clean, results = evaluate(0, StackBrokenError("the bridge died"))
    assert not clean
    left = "crashed: not driven: the bridge died"
    assert [result.status for result in results] == ["completed", "crashed: the bridge died", left]


def test_where_nodes_restart_a_broken_stack_gets_another_chance(evaluate):
    broken = StackBrokenError("the bridge died")
    clean, results = evaluate(broken, 0, broken, breaks_until_end=2)
    assert not clean
    assert [result.status for result in results] == [
        "crashed: the bridge died",
        "completed",
        "crashed: the bridge died",
    ]


def test_where_nodes_restart_a_stack_that_stays_broken_ends_the_evaluation(evaluate):
    broken = StackBrokenError("the bridge died")
    _, results = evaluate(broken, broken, breaks_until_end=2)
    assert results[-1].status == "crashed: not driven: the bridge died"


def test_missed_deadlines_stand_in_the_record(evaluate):
    _, results = evaluate(7, 0, 0)
    assert results[0].notes == ("7 of 100 frames had no control of their own in time",)


def test_an_evaluation_that_is_killed_leaves_a_true_record(evaluate, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        evaluate(0, KeyboardInterrupt())
    statuses = [entry["status"] for entry in json.loads((tmp_path / "results.json").read_text())["scenarios"]]
    assert statuses == ["completed", "crashed: interrupted before it ended"]


def test_with_a_supervisor_a_broken_stack_leaves_the_rest_to_it(evaluate, tmp_path):
    clean, results = evaluate(0, StackBrokenError("the bridge died"), supervised=True)
    assert not clean
    assert [result.status for result in results] == ["completed", "crashed: interrupted before it ended"]
    broke = json.loads((tmp_path / "results.jsonl").read_text().splitlines()[-1])
    assert (broke["event"], broke["what"]) == ("broke", "the bridge died")


def test_a_result_that_cannot_be_recorded_is_a_crash_of_its_run_alone(evaluate):
    clean, results = evaluate(0, {"wall_clock": {"fps": float("inf")}}, 0)
    assert not clean
    assert results[1].status.startswith("crashed: its result cannot be recorded: Out of range float values")
    assert (results[0].completed, results[2].completed) == (True, True)


@pytest.mark.parametrize(
    ("made", "opened", "driven", "code"),
    [
        (None, None, None, 0),
        (ValueError("no such scenario"), None, None, 2),
        (None, ValueError("another evaluation"), None, 2),
        (None, PermissionError(13, "Permission denied"), None, 1),
        (None, None, OSError(5, "Input/output error"), 1),
        (None, None, OSError(28, "No space left on device"), 1),
    ],
)
def test_exit_codes_tell_wrong_parameters_from_what_fails_later(monkeypatch, made, opened, driven, code):
    def step(error):
        def raise_or_agree(*_):
            if error is not None:
                raise error
            return True

        return raise_or_agree

    node = type("Node", (), {"__init__": lambda self: step(made)() and None})
    node.open_record, node.evaluate = step(opened), step(driven)
    monkeypatch.setattr(evaluator_node, "EvaluatorNode", node)
    monkeypatch.setattr(evaluator_node, "rclpy", SimpleNamespace(init=lambda **_: None, try_shutdown=lambda: None))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert evaluator_node.main() == code
