"""results.json tells the truth at every moment, and equal runs give equal bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from waypilot.report.results import (
    CheckpointInfo,
    ResultsError,
    ResultsWriter,
    load_results,
    without_wall_clock,
)


def statuses(path):
    return [(result.scenario, result.status) for result in load_results(path).results]


def test_file_is_true_at_every_moment(tmp_path, jobs, info, judge):
    path = tmp_path / "results.json"
    writer = ResultsWriter(path, info, jobs)
    assert statuses(path) == []
    writer.start(jobs[0])
    assert statuses(path) == [("first", "crashed: interrupted before it ended")]
    writer.append(judge(jobs[0]))
    assert statuses(path) == [("first", "completed")]
    writer.start(jobs[1])
    assert statuses(path) == [("first", "completed"), ("second", "crashed: interrupted before it ended")]
    writer.crash(jobs[1], "bridge died")
    assert statuses(path) == [("first", "completed"), ("second", "crashed: bridge died")]


def test_entries_stand_in_the_order_of_the_jobs(tmp_path, jobs, info, judge):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    for job in (jobs[2], jobs[0]):
        writer.append(judge(job))
    assert [name for name, _ in statuses(writer.path)] == ["first", "third"]


def test_reading_gives_back_what_was_written(tmp_path, jobs, info, judge):
    result = judge(jobs[0], hit=True, wall_clock={"duration_s": 2.5})
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    writer.append(result)
    loaded = load_results(writer.path)
    assert loaded.results == (result,)
    assert loaded.document["jobs"] == [{"scenario": job.scenario.name, "seed": 0, "repeat": 0} for job in jobs]
    assert loaded.document["checkpoint"] == {"name": "model.pt", "sha256": "00ff" * 16}
    assert loaded.document["aggregate"]["completed"] == 1
    assert json.loads(writer.path.read_text())["scenarios"][0]["series"] == "scenarios/first_seed0.json"


def test_equal_runs_give_equal_bytes_outside_wall_clock(tmp_path, run_all):
    one, two, three = run_all(tmp_path / "a"), run_all(tmp_path / "b"), run_all(tmp_path / "c", seconds=2.0)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes() != three.read_bytes()
    strip = [json.dumps(without_wall_clock(json.loads(path.read_text()))) for path in (one, three)]
    assert strip[0] == strip[1]
    for name in ("first_seed0.json", "second_seed0.json"):
        assert len({(path.parent / "scenarios" / name).read_bytes() for path in (one, two, three)}) == 1


def test_without_wall_clock_reaches_every_depth():
    value = {"a": [{"wall_clock": 1, "b": 2}], "wall_clock": {"c": 3}}
    assert without_wall_clock(value) == {"a": [{"b": 2}]}


def test_kill_in_the_middle_of_a_scenario_leaves_an_honest_file(tmp_path):
    path = tmp_path / "results.json"
    script = textwrap.dedent(
        """
        import dataclasses, os, signal, sys
        from pathlib import Path
        from waypilot.metrics import crashed_result
        from waypilot.report.results import Job, ResultsWriter, RunInfo
        from waypilot.scenarios import load_suite
        suite = load_suite("standard")
        info = RunInfo("standard", "ros", "expert", {})
        writer = ResultsWriter(Path(sys.argv[1]), info, jobs := [Job(scenario, 0) for scenario in suite])
        writer.start(jobs[0])
        done = dataclasses.replace(crashed_result(suite[0], 0, "x"), status="failed: time-out")
        writer.append(done)
        writer.start(jobs[1])
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    run = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert statuses(path) == [
        ("straight_clear", "failed: time-out"),
        ("straight_cloudy", "crashed: interrupted before it ended"),
    ]


def test_write_that_fails_halfway_keeps_the_old_file(tmp_path, jobs, info, judge, monkeypatch):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    writer.append(judge(jobs[0]))
    before = writer.path.read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full_disk)
    with pytest.raises(OSError, match="No space left"):
        writer.finish({"duration_s": 1})
    assert writer.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["results.json", "results.jsonl", "scenarios"]


def test_temporary_files_of_a_killed_writer_are_no_obstacle(tmp_path, run_all):
    (tmp_path / ".results.json.abc.tmp").write_text('{"schema": "wayp')
    assert len(load_results(run_all(tmp_path)).results) == 3


def test_leftovers_of_an_earlier_evaluation_do_not_pass_as_new(tmp_path, jobs, info, run_all):
    run_all(tmp_path)
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    assert statuses(writer.path) == []
    pictures = writer.picture_dir(jobs[0])
    pictures.mkdir()
    (pictures / "frame_000.jpg").write_bytes(b"old")
    (pictures / "drive.webm").write_bytes(b"old")
    writer.start(jobs[0])
    assert list(pictures.iterdir()) == []
    assert not (tmp_path / "scenarios" / "first_seed0.json").exists()
    assert (tmp_path / "scenarios" / "second_seed0.json").exists()


def test_values_json_lacks_are_refused(tmp_path, jobs, info):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    with pytest.raises(ValueError, match="not JSON compliant"):
        writer.finish({"rate": float("nan")})
    assert statuses(writer.path) == []


def test_unplanned_and_doubly_planned_runs_are_refused(tmp_path, jobs, info):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs[:1])
    with pytest.raises(ResultsError, match="second_seed0 is not among the planned runs: first_seed0"):
        writer.start(jobs[1])
    with pytest.raises(ResultsError, match="planned twice"):
        ResultsWriter(tmp_path / "other.json", info, (jobs[0], jobs[0]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        (
            '{"schema": "waypilot.results/1", "scenarios": []}',
            "schema is 'waypilot.results/1', this version of Waypilot",
        ),
        ('{"schema": "waypilot.results/9"}', "schema is 'waypilot.results/9', this version of Waypilot reads"),
        ('{"schema": "waypilot.results/2"}', "'scenarios' must be a list"),
        ('{"schema": "waypilot.results/2", "scenarios": [1]}', "expected an entry per scenario"),
        ('{"schema": "waypilot.results/2", "scenarios": [{}]}', "key 'metrics' is missing"),
        ('{"schema": "waypilot.results/2", "scenarios": [], "jobs": []}', "key 'aggregate' is missing"),
    ],
)
def test_files_that_are_no_results(tmp_path, text, message):
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ResultsError, match=message) as caught:
        load_results(path)
    assert str(path) in str(caught.value)


def test_missing_and_damaged_series_are_named(tmp_path, run_all):
    path = run_all(tmp_path)
    series = tmp_path / "scenarios" / "first_seed0.json"
    series.write_text('{"columns": {}}')
    with pytest.raises(ResultsError, match=r"first_seed0.json: not a series: 'route_m'"):
        load_results(path)
    series.write_text('{"columns": {"time_s": []}, "route_m": []}')
    with pytest.raises(ResultsError, match=r"first_seed0.json: not a series: a series has the columns time_s, x_m"):
        load_results(path)
    series.unlink()
    with pytest.raises(ResultsError, match=r"first_seed0.json: cannot be read"):
        load_results(path)


def test_series_outside_the_folder_are_refused(tmp_path, run_all):
    path = run_all(tmp_path)
    path.write_text(path.read_text().replace("scenarios/first_seed0.json", "../secret.json"))
    with pytest.raises(ResultsError, match=r"refers to series '../secret.json'"):
        load_results(path)


def test_checkpoint_is_known_by_name_and_hash(tmp_path):
    file = tmp_path / "model.pt"
    file.write_bytes(b"abc")
    assert CheckpointInfo.of_file(file) == CheckpointInfo(
        "model.pt", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
