"""What is recorded when a life of the stack ends early: the words of whoever ended it."""

from __future__ import annotations

import os

import pytest

from waypilot.report.results import Earlier, load_results
from waypilot.supervisor.life import run_evaluation
from waypilot.supervisor.table import ProcessSpec

UP = """
import sys
from pathlib import Path
from waypilot.report.results import Earlier, ResultsWriter
from waypilot.supervisor.record import plan_runs, run_info

suite, jobs = plan_runs("turn_clear", "0,1", "suite")
writer = ResultsWriter(Path(sys.argv[1]) / "results.json", run_info(suite, "expert", "", True, "0.9.16"), jobs,
                       Earlier.CONTINUE)
writer.start(writer.open_jobs[0])
"""


class EvaluatorAlone:
    """A table whose only process is an evaluator."""

    def processes(self, values):
        return (ProcessSpec("evaluator", module="evaluator", arguments=(values["output_dir"],), ends_run=True),)


@pytest.mark.parametrize("begins", ["", UP])
def test_an_evaluator_that_gives_up_is_quoted_whether_it_drove_or_not(tmp_path, monkeypatch, begins):
    (tmp_path / "evaluator.py").write_text(begins + "raise SystemExit('no odometry for 5 s')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    values = {"output_dir": str(tmp_path / "out"), "scenarios": "turn_clear", "seeds": "0,1", "repeats": "suite"}
    values |= {
        "runs": "",
        "policy": "expert",
        "checkpoint": "",
        "delta_checkpoint": "",
        "lock_step": True,
        "domain_id": "auto",
    }
    said = []
    assert run_evaluation(EvaluatorAlone(), values, Earlier.REPLACE, 0, said.append) == 1
    statuses = [result.status for result in load_results(tmp_path / "out" / "results.json").results]
    assert statuses == ["crashed: evaluator exited with code 1: no odometry for 5 s"] * 2
