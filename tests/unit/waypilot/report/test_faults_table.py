"""The table of faults goes between the two marks of a page and leaves the rest alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from waypilot.faults import Fault, FaultKind
from waypilot.metrics import Metric
from waypilot.metrics.evaluate import crashed_result
from waypilot.report.faults_table import BEGIN, END, main
from waypilot.report.results import Job, ResultsWriter, RunInfo
from waypilot.scenarios import load_suite


@pytest.fixture
def results(tmp_path: Path) -> Path:
    fault = Fault(FaultKind.CAMERA_LATE, 5.0, 3.0, delay_s=0.2)
    scenario = dataclasses.replace(load_suite("faults")[0], name="late", faults=(fault,))
    path = tmp_path / "results.json"
    writer = ResultsWriter(
        path, RunInfo(suite="faults", loop="in_process", policy="expert", versions={}), [Job(scenario, 0)]
    )
    blank = crashed_result(scenario, 0, "nothing")
    known = {
        "fault_reaction_time": Metric(
            "fault_reaction_time", 0.25, "s", True, note="controller: stale plan: 0.45 s old"
        ),
        "fault_recovered": Metric("fault_recovered", 0.0, "1", True),
    }
    metrics = tuple(known.get(metric.name, metric) for metric in blank.metrics)
    writer.append(dataclasses.replace(blank, status="failed: time-out", metrics=metrics))
    return path


def test_the_table_replaces_what_stands_between_the_marks(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert main([str(results), "--out", str(page)]) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| late ")]
    assert row.split(" | ")[1:] == [
        "in process",
        "camera_late, delay_s 0.2, at 5 s for 3 s",
        "0.25 s",
        "controller: stale plan",
        "-",
        "-",
        "no",
        "failed: time-out |",
    ]


def test_a_page_without_marks_and_a_missing_file_are_errors(results: Path, tmp_path: Path, capsys) -> None:
    page = tmp_path / "faults.md"
    page.write_text("nothing")
    assert main([str(results), "--out", str(page)]) == 2
    assert main([str(tmp_path / "none.json"), "--out", str(page)]) == 2
    printed = capsys.readouterr().err
    assert "lacks the lines" in printed
    assert "none.json" in printed
    assert page.read_text() == "nothing"
