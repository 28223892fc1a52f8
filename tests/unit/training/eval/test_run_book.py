"""What is handed out, in which order, and what becomes of runs that broke."""

from __future__ import annotations

import dataclasses

import pytest

from training.eval.ray_runner import drive_on_ray
from training.eval.run_book import RunBook
from training.eval.workplace import UnusableError
from waypilot.metrics import crashed_result
from waypilot.report.jobs import Job
from waypilot.report.results import ResultsWriter, RunInfo, load_results
from waypilot.scenarios import load_suite


class Listener:
    def __init__(self):
        self.heard = []

    def __getattr__(self, name):
        return lambda *values: self.heard.append((name, *(getattr(value, "key", value) for value in values)))


@pytest.fixture
def jobs():
    return [Job(load_suite("standard")[0], seed) for seed in range(3)]


@pytest.fixture
def make_book(tmp_path, jobs):
    def make(retries):
        writer = ResultsWriter(tmp_path / "results.json", RunInfo("standard", "in_process", "expert", {}), jobs)
        return RunBook(writer, Listener(), retries)

    return make


def judged(job):
    return dataclasses.replace(crashed_result(job.scenario, job.seed, "x"), status="completed")


def statuses(tmp_path):
    return [result.status for result in load_results(tmp_path / "results.json").results]


def test_a_lost_run_is_handed_out_next_and_crashes_when_its_retries_are_used_up(make_book, tmp_path, jobs):
    book = make_book(retries=1)
    assert book.next() == jobs[0]
    book.lost(jobs[0], "server died")
    assert book.next() == jobs[0]
    book.lost(jobs[0], "server died again")
    assert book.waiting == 2
    assert statuses(tmp_path) == ["crashed: server died again (2 attempts)"]
    book.ended(jobs[1], judged(book.next()))
    book.crashed(book.next(), "no such map")
    assert statuses(tmp_path)[1:] == ["completed", "crashed: no such map"]


def test_a_result_that_cannot_be_recorded_is_a_crash(make_book, tmp_path, jobs):
    book = make_book(retries=1)
    book.ended(jobs[0], dataclasses.replace(judged(book.next()), wall_clock={"fps": float("inf")}))
    book.ended(jobs[1], judged(book.next()))
    crashed, completed = statuses(tmp_path)
    assert crashed.startswith("crashed: its result cannot be recorded: Out of range float values")
    assert completed == "completed"


def test_what_is_given_up_says_why_and_progress_hears_of_everything(make_book, tmp_path, jobs):
    book = make_book(retries=1)
    book.next()
    book.lost(jobs[0], "server died")
    book.give_up_waiting("no server")
    assert statuses(tmp_path) == ["crashed: server died"] + ["crashed: not driven: no server"] * 2
    keys = [job.key for job in jobs]
    assert book._listener.heard == [
        ("runs_planned", 3, 0),
        ("run_started", keys[0]),
        ("run_broke", keys[0], "server died"),
        *(("run_ended", key) for key in keys),
    ]


def test_ray_that_is_not_installed_is_told_with_the_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UnusableError, match=r"requirements/ray.txt"):
        drive_on_ray("local", None, None, 1.0)
