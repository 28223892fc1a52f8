"""What several stacks record is taken over as it is; a worker that dies or finds another simulator spoils nothing."""

from __future__ import annotations

import dataclasses
import errno
import os
from pathlib import Path
from typing import ClassVar

import pytest

from waypilot.metrics import crashed_result
from waypilot.report.results import ResultsWriter, load_results
from waypilot.supervisor import workers
from waypilot.supervisor.__main__ import main
from waypilot.supervisor.child import Child
from waypilot.supervisor.record import plan_runs, run_info

TABLE = Path(__file__).resolve().parents[4] / "launch" / "stack.yaml"
SCENARIOS = "turn_clear,straight_rain"


class StackInFolder(Child):
    """A worker's supervisor: it writes what the test wants into its folder and ends at once."""

    lives: ClassVar = {}

    def __init__(self, name, command, log, _environment):
        self.name, self.log_path = name, log
        words = dict(word.split(":=", 1) for word in command if ":=" in word)
        folder = Path(words["output_dir"])
        self._exit_code = self.lives[folder.name](folder, words["runs"])

    def exit_code(self):
        return self._exit_code

    def send(self, _number):
        pass

    def kill_group(self):
        pass


@pytest.fixture
def stacks(monkeypatch):
    """Say what each life of each worker does, by the name of its folder."""
    monkeypatch.setattr(workers, "Child", StackInFolder)
    monkeypatch.setattr(StackInFolder, "lives", {})
    return StackInFolder.lives


def record_of(folder, runs, server="0.9.16"):
    suite, jobs = plan_runs(SCENARIOS, "0", "suite", runs)
    return ResultsWriter(folder / "results.json", run_info(suite, "expert", "", True, server), jobs)


def drives_all(folder, runs, server="0.9.16", picture="good"):
    writer = record_of(folder, runs, server)
    for job in writer.open_jobs:
        start(writer, job, picture)
        writer.append(dataclasses.replace(crashed_result(job.scenario, job.seed, "x"), status="completed"))
    return 0


def breaks_in_the_first(folder, runs):
    writer = record_of(folder, runs)
    start(writer, writer.open_jobs[0], "broken")
    return -9


def gives_up(folder, _runs):
    log = folder.parents[1] / "logs" / f"worker_{folder.name}.log"
    log.parent.mkdir(exist_ok=True)
    log.write_text("started\nwaypilot.supervisor: no executable policy_node\n")
    return 2


def start(writer, job, picture):
    writer.start(job)
    writer.picture_dir(job).mkdir(parents=True)
    (writer.picture_dir(job) / "t000.00s.jpg").write_text(picture)


def command(out, *options):
    return [str(TABLE), "--workers", "2", *options, f"output_dir:={out}", f"scenarios:={SCENARIOS}", "policy:=expert"]


def pictures(out):
    return {path.parent.name: path.read_text() for path in (out / "scenarios").glob("*/*.jpg")}


def test_pictures_of_a_broken_attempt_never_replace_those_of_the_one_that_ended(stacks, tmp_path):
    stacks |= {"0": breaks_in_the_first, "0_2": drives_all, "1": drives_all}
    assert main(command(tmp_path)) == 0
    good = {"turn_clear_seed0": "good", "straight_rain_seed0": "good"}
    assert pictures(tmp_path) == good
    # What the killed worker's processes wrote after that, and an evaluation that was killed here.
    late = tmp_path / "workers" / "0" / "scenarios" / "turn_clear_seed0"
    assert not late.exists()
    late.mkdir(parents=True)
    (late / "t000.00s.jpg").write_text("broken")
    assert main(command(tmp_path, "--resume")) == 0
    assert pictures(tmp_path) == good


def test_a_run_that_is_given_up_keeps_its_pictures(stacks, tmp_path):
    stacks |= {"0": breaks_in_the_first, "1": drives_all}
    assert main(command(tmp_path, "--retries", "0")) == 1
    assert pictures(tmp_path)["turn_clear_seed0"] == "broken"
    first, second = load_results(tmp_path / "results.json").results
    assert (first.status, second.status) == ("crashed: worker 0 was killed by SIGKILL", "completed")


def test_a_worker_that_gives_up_is_quoted(stacks, tmp_path):
    stacks |= {"0": gives_up, "0_2": gives_up, "1": drives_all}
    assert main(command(tmp_path)) == 1
    status = load_results(tmp_path / "results.json").results[0].status
    assert status == "crashed: not driven: worker 0 exited with code 2: waypilot.supervisor: no executable policy_node"


def test_workers_with_different_simulators_are_wrong_arguments(stacks, tmp_path, capsys):
    stacks |= {"0": drives_all, "1": lambda folder, runs: drives_all(folder, runs, server="0.9.15")}
    assert main(command(tmp_path)) == 2
    assert "versions.carla_server was '0.9.16' and is '0.9.15' now" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ENOSPC])
def test_whatever_cannot_be_written_is_no_wrong_argument(stacks, tmp_path, number):
    def cannot(*_):
        raise OSError(number, os.strerror(number))

    stacks |= {"0": drives_all, "1": cannot}
    assert main(command(tmp_path)) == 1


@pytest.mark.parametrize("word", ["checkpoint", "runs"])
def test_a_file_that_is_not_there_is_a_wrong_argument(tmp_path, word, capsys):
    assert main([str(TABLE), f"output_dir:={tmp_path}", f"{word}:={tmp_path / 'none'}"]) == 2
    assert f"{word}: [Errno 2] No such file" in capsys.readouterr().err
