"""The journal: nothing that was judged is driven again, nothing of another evaluation passes as this one's."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from waypilot.report import writer as writer_module
from waypilot.report.jobs import Job, plan_jobs
from waypilot.report.journal import Journal, read_journal
from waypilot.report.results import Earlier, ResultsError, ResultsWriter, load_results, without_wall_clock


def statuses(path):
    return [(result.key, result.status) for result in load_results(path).results]


@pytest.fixture
def interrupted(tmp_path, jobs, info, judge):
    """An evaluation killed in its third run: one judged, one crashed, one under way."""
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    writer.start(jobs[0])
    writer.append(judge(jobs[0]))
    writer.start(jobs[1])
    writer.crash(jobs[1], "bridge died")
    writer.start(jobs[2])
    return writer.path


def test_resume_drives_what_is_missing_or_crashed_and_ends_like_an_uninterrupted_evaluation(
    interrupted, tmp_path, jobs, info, judge
):
    def drive_rest(writer):
        for job in writer.open_jobs:
            writer.start(job)
            writer.append(judge(job, wall_clock={"fps": len(writer.open_jobs)}))

    resumed = ResultsWriter(interrupted, info, jobs, Earlier.RESUME)
    assert [job.key for job in resumed.open_jobs] == ["second_seed0", "third_seed0"]
    drive_rest(resumed)
    drive_rest(fresh := ResultsWriter(tmp_path / "fresh" / "results.json", info, jobs))
    documents = [without_wall_clock(json.loads(writer.path.read_text())) for writer in (resumed, fresh)]
    assert documents[0] == documents[1]
    assert ResultsWriter(interrupted, info, jobs, Earlier.RESUME).open_jobs == ()


def test_going_on_keeps_crashed_runs(interrupted, jobs, info):
    writer = ResultsWriter(interrupted, info, jobs, Earlier.CONTINUE)
    assert writer.open_jobs == (jobs[2],)
    assert writer.is_under_way(jobs[2])
    assert statuses(interrupted)[1] == ("second_seed0", "crashed: bridge died")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"versions": {"waypilot": "9"}}, r"versions.waypilot was '0.1.0' and is '9' now"),
        ({"config": {"fixed_delta_s": 0.1}}, r"config.fixed_delta_s was 0.05 and is 0.1 now"),
        ({"checkpoint": None}, r"checkpoint was {'name': 'model.pt'"),
        ({"policy": "expert"}, r"policy was 'waypoint_bc' and is 'expert' now"),
    ],
)
def test_another_evaluation_is_not_resumed(interrupted, jobs, info, change, message):
    before = interrupted.read_bytes()
    with pytest.raises(ResultsError, match=message):
        ResultsWriter(interrupted, dataclasses.replace(info, **change), jobs, Earlier.RESUME)
    assert interrupted.read_bytes() == before


def test_a_journal_of_another_version_is_neither_resumed_nor_read(interrupted, jobs, info):
    journal = interrupted.with_name("results.jsonl")
    old = journal.read_bytes().replace(b"waypilot.results/2", b"waypilot.results/1")
    journal.write_bytes(old)
    with pytest.raises(
        ResultsError, match=r"results.jsonl: schema is 'waypilot.results/1', .* so it cannot be resumed"
    ):
        ResultsWriter(interrupted, info, jobs, Earlier.RESUME)
    with pytest.raises(ResultsError, match=r"results.jsonl: schema is 'waypilot.results/1', .* remove it to read"):
        load_results(interrupted)
    assert journal.read_bytes() == old


def test_other_scenarios_are_not_resumed(interrupted, jobs, info):
    faster = [Job(dataclasses.replace(job.scenario, target_speed_mps=9.0), 0) for job in jobs]
    with pytest.raises(ResultsError, match=r"first.target_speed_mps was 8.0 and is 9.0 now; second"):
        ResultsWriter(interrupted, info, faster, Earlier.RESUME)


def test_other_runs_are_named_not_printed_whole(interrupted, jobs, info):
    def refusal(planned):
        with pytest.raises(ResultsError) as refused:
            ResultsWriter(interrupted, info, planned, Earlier.RESUME)
        return str(refused.value).split("resumed: ")[1].split(". Resume")[0]

    another, last = Job(jobs[0].scenario, 1), jobs[-1]
    stranger = Job(dataclasses.replace(jobs[0].scenario, name="stranger"), 0)
    assert refusal([*jobs, another]) == "1 run is planned now that was not (first, seed 1)"
    assert refusal([*jobs[:-1], stranger]) == (
        f"1 run was planned that is not now ({last.title}); 1 run is planned now that was not (stranger, seed 0)"
    )
    many = [Job(jobs[0].scenario, seed) for seed in range(1, 7)]
    assert refusal([*jobs, *many]).endswith("first, seed 4 | and 2 more)")
    assert refusal(jobs[::-1]) == "the planned runs stood in another order"


def test_a_server_version_that_was_not_known_yet_is_filled_in(tmp_path, jobs, info):
    path = tmp_path / "results.json"
    unknown, known, other = (
        dataclasses.replace(info, versions={"carla_server": version}) for version in ("unknown", "0.9.16", "0.9.15")
    )
    ResultsWriter(path, unknown, jobs)
    ResultsWriter(path, known, jobs, Earlier.RESUME)
    ResultsWriter(path, unknown, jobs, Earlier.RESUME)
    assert load_results(path).document["versions"] == {"carla_server": "0.9.16"}
    with pytest.raises(ResultsError, match=r"versions.carla_server was '0.9.16' and is '0.9.15' now"):
        ResultsWriter(path, other, jobs, Earlier.RESUME)


def test_the_server_is_learned_after_runs_and_they_stay(tmp_path, jobs, info, judge):
    unknown = dataclasses.replace(info, versions={"carla_server": "unknown"})
    writer = ResultsWriter(tmp_path / "results.json", unknown, jobs)
    writer.start(jobs[0])
    writer.append(judge(jobs[0]))
    writer.start(jobs[1])
    writer.broke(jobs[1], "server died")
    before = statuses(writer.path)
    writer.learn_server("0.9.16")
    again = ResultsWriter(writer.path, unknown, jobs, Earlier.CONTINUE)
    assert statuses(writer.path) == before
    assert [again.broken_attempts(job) for job in jobs] == [0, 1, 0]
    assert load_results(writer.path).document["versions"] == {"carla_server": "0.9.16"}


def test_a_crashed_run_that_is_resumed_has_all_its_attempts_again(tmp_path, jobs, info, judge):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs[:1])
    writer.start(jobs[0])
    writer.broke(jobs[0], "server died")
    writer.start(jobs[0])
    writer.crash(jobs[0], "server died again")
    resumed = ResultsWriter(writer.path, info, jobs[:1], Earlier.RESUME)
    assert (resumed.attempts(jobs[0]), resumed.broken_attempts(jobs[0])) == (0, 0)
    resumed.start(jobs[0])
    resumed.append(judge(jobs[0]))
    assert load_results(writer.path).results[0].notes == judge(jobs[0]).notes


def test_nothing_to_resume_is_a_fresh_start_and_results_without_a_journal_are_refused(tmp_path, jobs, info, run_all):
    assert ResultsWriter(tmp_path / "new" / "results.json", info, jobs, Earlier.RESUME).open_jobs == jobs
    path = run_all(tmp_path)
    path.with_name("results.jsonl").unlink()
    with pytest.raises(ResultsError, match=r"no results.jsonl beside it"):
        ResultsWriter(path, info, jobs, Earlier.RESUME)


def test_a_half_written_line_of_a_killed_writer_is_cut_off(interrupted, jobs, info, judge):
    journal = interrupted.with_name("results.jsonl")
    with journal.open("ab") as file:
        file.write(b'{"event":"end","run":"third')
    writer = ResultsWriter(interrupted, info, jobs, Earlier.CONTINUE)
    writer.append(judge(jobs[2]))
    assert statuses(interrupted)[2] == ("third_seed0", "completed")
    assert read_journal(journal)[-1]["event"] == "end"


def test_a_record_that_does_not_fit_on_the_disk_leaves_the_journal_as_it_was(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "results.jsonl")
    journal.add({"event": "one"})

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        journal.add({"event": "two"})
    assert read_journal(tmp_path / "results.jsonl") == [{"event": "one"}]


def test_results_of_many_runs_lag_behind_the_journal_but_a_reader_sees_all(tmp_path, jobs, info, judge, monkeypatch):
    monkeypatch.setattr(writer_module, "EAGER_RUNS", 4)
    many = [Job(jobs[0].scenario, seed) for seed in range(8)]
    writer = ResultsWriter(tmp_path / "results.json", info, many)
    written = []
    for job in many[:5]:
        writer.start(job)
        writer.append(judge(job))
        written.append(len(json.loads(writer.path.read_text())["scenarios"]))
    assert written == [0, 2, 2, 4, 4]
    writer.start(many[5])
    results = load_results(writer.path)
    assert [result.completed for result in results.results] == [True] * 5 + [False]
    assert results.document["aggregate"]["completed"] == 5
    assert all(result.series is not None for result in results.results[:5])
    writer.finish({})
    assert json.loads(writer.path.read_text())["scenarios"] == list(results.document["scenarios"])


def test_a_reader_sees_that_a_crash_was_forgotten_and_what_became_of_the_run(interrupted, jobs, info, judge):
    """The writer is killed each time between journal and file."""
    before = interrupted.read_bytes()
    writer = ResultsWriter(interrupted, info, jobs, Earlier.RESUME)
    interrupted.write_bytes(before)
    assert statuses(interrupted) == [
        ("first_seed0", "completed"),
        ("third_seed0", "crashed: interrupted before it ended"),
    ]
    writer.start(jobs[1])
    writer.append(judge(jobs[1]))
    interrupted.write_bytes(before)
    assert statuses(interrupted)[1] == ("second_seed0", "completed")


def test_a_run_that_was_retried_says_so(tmp_path, jobs, info, judge):
    writer = ResultsWriter(tmp_path / "results.json", info, jobs)
    for job in jobs:
        writer.start(job)
        writer.broke(job, "server died")
        assert not writer.is_under_way(job)
        writer.start(job)
    writer.append(judge(jobs[0]))
    writer.crash(jobs[1], "server died again")
    writer.give_up(jobs[2], "not known")
    first, second, third = load_results(writer.path).results
    assert (first.completed, first.notes[-1]) == (True, "attempt 1 broke and was retried: server died")
    assert second.status == "crashed: server died again (2 attempts)"
    assert third.status == "crashed: server died"


def test_repeats_have_names_of_their_own(tmp_path, jobs, info, judge):
    scenario = dataclasses.replace(jobs[0].scenario, seeds=(3, 1), repeats=2)
    planned = plan_jobs([scenario, jobs[1].scenario])
    keys = [job.key for job in planned]
    assert keys == ["first_seed3", "second_seed0", "first_seed1", "first_seed3_repeat1", "first_seed1_repeat1"]
    writer = ResultsWriter(tmp_path / "results.json", info, planned)
    for job in planned:
        writer.append(dataclasses.replace(judge(job), repeat=job.repeat))
    results = load_results(writer.path)
    assert [result.key for result in results.results] == keys
    assert results.results[3].title == "first, seed 3, repeat 1"
    assert {path.stem for path in Path(tmp_path, "scenarios").glob("*.json")} == set(keys)
    assert results.document["aggregate"]["runs"] == 5


def test_plan_replaces_seeds_and_repeats(jobs):
    assert [job.key for job in plan_jobs([jobs[0].scenario], [4], 2)] == ["first_seed4", "first_seed4_repeat1"]
    with pytest.raises(ValueError, match="a seed stands twice in 4, 4"):
        plan_jobs([jobs[0].scenario], [4, 4])
    with pytest.raises(ValueError, match="repeats is 0"):
        plan_jobs([jobs[0].scenario], [4], 0)
    for nothing in (([jobs[0].scenario], []), ([], [1])):
        with pytest.raises(ValueError, match="nothing to drive"):
            plan_jobs(*nothing)
