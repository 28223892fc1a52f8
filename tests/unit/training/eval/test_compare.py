"""The comparison command: pairs by run, refuses what cannot be compared, says it in exit codes."""

from __future__ import annotations

import dataclasses
import json

import pytest

from training.eval.compare import main
from waypilot.geometry import SE2
from waypilot.metrics import crashed_result
from waypilot.metrics.registry import all_invalid
from waypilot.report.results import CheckpointInfo, Job, ResultsWriter, RunInfo
from waypilot.scenarios import WEATHER_PRESETS, Scenario

BASE = Scenario("first", "Tiny", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), (40.0, 0.0))
SCENARIOS = tuple(dataclasses.replace(BASE, name=name) for name in ("first", "second", "third"))
INFO = RunInfo("tiny", "in_process", "net", {"waypilot": "0.1.0"}, CheckpointInfo("a.pt", "00" * 32))


def evaluation(folder, score, info=INFO, scenarios=SCENARIOS, seeds=range(4), crash=(), equal_drives=False):
    """Write results in which ``score(scenario index, seed)`` is the driving score of each run."""
    jobs = [Job(scenario, seed) for scenario in scenarios for seed in seeds]
    writer = ResultsWriter(folder / "results.json", info, jobs)
    for index, job in enumerate(jobs):
        if job.key in crash:
            writer.crash(job, "server died")
            continue
        value = score(index // len(seeds), job.seed)
        # No two drives take equally long unless the test wants equal drives.
        known = {"driving_score_2_1": value, "duration": 10.0 + (0.0 if equal_drives else job.seed)}
        metrics = tuple(
            dataclasses.replace(m, value=known[m.name], valid=True, reason="") if m.name in known else m
            for m in all_invalid("not part of this test")
        )
        empty = crashed_result(job.scenario, job.seed, "x")
        writer.append(dataclasses.replace(empty, status="completed", metrics=metrics))
    return str(writer.path)


@pytest.mark.parametrize(("gain", "code"), [(5.0, 0), (-5.0, 3), (0.0, 4)])
def test_exit_code_tells_who_is_better(tmp_path, gain, code, capsys):
    a = evaluation(tmp_path / "a", lambda scenario, seed: 50.0 + scenario + seed)
    b = evaluation(tmp_path / "b", lambda scenario, seed: 50.0 + scenario + seed + gain)
    assert main([a, b]) == code
    assert "by driving score (rules 2.1): " in capsys.readouterr().out


def test_comparison_file_holds_the_known_answer(tmp_path):
    a = evaluation(tmp_path / "a", lambda scenario, seed: 50.0)
    b = evaluation(tmp_path / "b", lambda scenario, seed: 50.0 + 2.0 * scenario + (seed % 2))
    output = tmp_path / "comparison.json"
    assert main([a, b, "--output", str(output)]) == 0
    comparison = json.loads(output.read_text())
    entry = comparison["metrics"]["driving_score_2_1"]
    assert (entry["mean_a"], entry["mean_b"], entry["difference"]) == (50.0, 52.5, 2.5)
    assert (entry["pairs"], entry["scenarios"]) == (12, 3)
    assert entry["low"] >= 0.5 - 1e-9  # no draw of scenarios lies below the first one's mean
    assert entry["probability_of_improvement"] == pytest.approx((0.75 + 1.0 + 1.0) / 3)
    assert comparison["metrics"]["collisions"]["verdict"] == "cannot tell"
    assert comparison["verdict"] == "B better"


def test_drives_that_are_equal_to_the_last_digit_count_once(tmp_path, capsys):
    a = evaluation(tmp_path / "a", lambda *_: 50.0, equal_drives=True)
    b = evaluation(tmp_path / "b", lambda *_: 55.0, equal_drives=True)
    output = tmp_path / "comparison.json"
    assert main([a, b, "--output", str(output)]) == 4
    comparison = json.loads(output.read_text())
    assert (len(comparison["pairs"]), comparison["metrics"]["driving_score_2_1"]["pairs"]) == (12, 3)
    assert "note: 9 of 12 pairs are drives of another pair over again" in " ".join(capsys.readouterr().out.split())


def test_crashed_and_unpaired_runs_are_counted_and_named(tmp_path, capsys):
    a = evaluation(tmp_path / "a", lambda scenario, seed: 50.0, crash=("first_seed1",))
    b = evaluation(tmp_path / "b", lambda scenario, seed: 55.0, seeds=range(3))
    output = tmp_path / "comparison.json"
    assert main([a, b, "--output", str(output)]) == 0
    comparison = json.loads(output.read_text())
    assert len(comparison["pairs"]) == 8
    assert comparison["crashed"] == {"A": ["first_seed1"], "B": []}
    assert comparison["unpaired"] == {"A": ["first_seed3", "second_seed3", "third_seed3"], "B": []}
    assert "8 pairs; A: 1 crashed (first_seed1); A: 3 in one file only" in capsys.readouterr().out


def test_all_crashed_cannot_tell(tmp_path):
    keys = [f"{scenario.name}_seed0" for scenario in SCENARIOS]
    a = evaluation(tmp_path / "a", lambda *_: 50.0, seeds=[0], crash=keys)
    assert main([a, evaluation(tmp_path / "b", lambda *_: 50.0, seeds=[0])]) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"info": dataclasses.replace(INFO, suite="town")}, "suite is 'tiny' in A and 'town' in B"),
        ({"info": dataclasses.replace(INFO, versions={"waypilot": "0.2.0"})}, "versions.waypilot is '0.1.0' in A"),
        (
            {"scenarios": [dataclasses.replace(s, target_speed_mps=9.0) for s in SCENARIOS]},
            "first.target_speed_mps is 8.0 in A and 9.0 in B; drive both by the same scenario file",
        ),
        (
            {
                "scenarios": [
                    dataclasses.replace(s, rules=dataclasses.replace(s.rules, blocked_after_s=180.0)) for s in SCENARIOS
                ]
            },
            "first.rules.blocked_after_s is 60.0 in A and 180.0 in B",
        ),
        ({"seeds": [7]}, "no run has the same scenario and seed in both"),
    ],
)
def test_different_things_are_refused(tmp_path, change, message, capsys):
    a = evaluation(tmp_path / "a", lambda *_: 50.0)
    assert main([a, evaluation(tmp_path / "b", lambda *_: 50.0, **change)]) == 2
    assert message in capsys.readouterr().err


def test_other_metrics_and_other_schemas_are_refused(tmp_path, capsys):
    a, b = (evaluation(tmp_path / name, lambda *_: 50.0) for name in "ab")
    with open(b) as file:
        document = json.load(file)
    for entry in document["scenarios"]:
        entry["metrics"]["jerk_mean"] = entry["metrics"].pop("speed_mean")
    with open(b, "w") as file:
        json.dump(document, file)
    assert main([a, b]) == 2
    assert "metric.speed_mean has unit 'm/s' in A and 'nothing' in B" in capsys.readouterr().err
    document["schema"] = "waypilot.results/9"
    with open(b, "w") as file:
        json.dump(document, file)
    assert main([a, b]) == 2
    assert "this version of Waypilot reads" in capsys.readouterr().err


def test_another_configuration_is_told_and_is_not_the_same_policy(tmp_path, capsys):
    a, b, c = (
        evaluation(tmp_path / name, lambda *_: 50.0, info=dataclasses.replace(INFO, config={"delta_checkpoint": delta}))
        for name, delta in (("a", None), ("b", {"name": "delta.pt"}), ("c", None))
    )
    assert main([a, b]) == 4
    out = " ".join(capsys.readouterr().out.split())
    assert "note: config.delta_checkpoint is None in A and {'name': 'delta.pt'} in B" in out
    assert "same policy" not in out
    assert main([a, c]) == 4
    assert "note: A and B are the same policy" in capsys.readouterr().out


def test_another_loop_is_allowed_and_told(tmp_path, capsys):
    a = evaluation(tmp_path / "a", lambda *_: 50.0)
    b = evaluation(tmp_path / "b", lambda *_: 50.0, info=dataclasses.replace(INFO, loop="ros"))
    assert main([a, b]) == 4
    out = capsys.readouterr().out
    assert "note: A was driven by the in_process loop, B by the ros loop" in out
    assert "equal in every pair" in out
