"""A worker that stops in the middle of a message is noticed like any other that falls silent."""

from __future__ import annotations

import textwrap

import pytest
from rich.console import Console

from training.eval import worker_pool
from training.eval.run_book import RunBook
from training.eval.worker_pool import PoolConfig, WorkerPool
from training.eval.workplace import WorkplaceConfig
from waypilot.report.jobs import Job
from waypilot.report.progress import ProgressDisplay
from waypilot.report.results import ResultsWriter, RunInfo, load_results
from waypilot.scenarios import load_suite
from waypilot_carla import SessionConfig

STUCK_ONCE = """
    import dataclasses, os, struct, time
    from training.eval.worker import Ended, Ready
    from training.eval.workplace import Identity
    from waypilot.metrics import crashed_result

    def work(config, connection, parent_pid, verbose):
        connection.send(Ready(Identity("expert", {}), None))
        job = connection.recv()
        try:
            os.close(os.open(config.output_dir / "was_here", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            connection.send(Ended(dataclasses.replace(crashed_result(job.scenario, job.seed, "x"), status="completed")))
            connection.recv()
        else:
            os.write(connection.fileno(), struct.pack("!i", 1000) + b"the first of a thousand bytes")
            time.sleep(300)
"""


@pytest.mark.timeout(120)
def test_half_a_message_does_not_hold_the_pool(tmp_path, monkeypatch):
    (tmp_path / "stuck_worker.py").write_text(textwrap.dedent(STUCK_ONCE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(worker_pool, "work", __import__("stuck_worker").work)
    jobs = [Job(load_suite("standard")[0], 0)]

    def open_book(_identity):
        info = RunInfo("standard", "in_process", "expert", {})
        return RunBook(ResultsWriter(tmp_path / "results.json", info, jobs), ProgressDisplay(Console()), retries=1)

    config = WorkplaceConfig(SessionConfig(), own_server=True, town="", output_dir=tmp_path)
    WorkerPool([config], open_book, PoolConfig(silence_timeout_s=6.0), replace_lost=True).run()
    (result,) = load_results(tmp_path / "results.json").results
    assert result.completed
    assert result.notes == ("attempt 1 broke and was retried: no sign of life from the worker for 6 s, it was ended",)
