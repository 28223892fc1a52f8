"""Open loop beside closed loop: matched by checkpoint, refused where that fails."""

from __future__ import annotations

import dataclasses
import json

import pytest

from training.eval.rank_correlation import main
from waypilot.geometry import SE2
from waypilot.metrics import crashed_result
from waypilot.metrics.registry import all_invalid
from waypilot.report.results import CheckpointInfo, Job, ResultsWriter, RunInfo
from waypilot.scenarios import WEATHER_PRESETS, Scenario

SCENARIO = Scenario("first", "Tiny", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), (40.0, 0.0))


def closed(folder, number, score, suite="tiny", name=None, scenario=SCENARIO, config=None):
    info = RunInfo(suite, "in_process", "net", {}, CheckpointInfo(f"{number}.pt", f"{number:064x}"), config or {})
    writer = ResultsWriter(folder / (name or f"closed{number}") / "results.json", info, [Job(scenario, 0)])
    metrics = tuple(
        dataclasses.replace(m, value=score, valid=True, reason="") if m.name == "driving_score_2_1" else m
        for m in all_invalid("not part of this test")
    )
    writer.append(dataclasses.replace(crashed_result(scenario, 0, "x"), status="completed", metrics=metrics))
    return str(writer.path)


def opened(folder, number, ade_m, fde_m, drives=7):
    path = folder / f"open{number}.json"
    checkpoint = {"name": f"{number}.pt", "sha256": f"{number:064x}"}
    entry = {"ade_m": ade_m, "fde_m": fde_m, "checkpoint": checkpoint, "setting": {"drives": drives}}
    path.write_text(json.dumps({"network": entry}))
    return str(path)


@pytest.fixture
def files(tmp_path):
    """Five checkpoints: ADE orders them as driving does, FDE with two swaps; open-loop files in another order."""
    closed_files = [closed(tmp_path, number, 50.0 + 10.0 * number) for number in range(5)]
    fde_m = [5.0, 3.0, 4.0, 1.0, 2.0]
    open_files = [opened(tmp_path, number, 1.0 - 0.1 * number, fde_m[number]) for number in reversed(range(5))]
    return closed_files, open_files


def test_known_order_gives_known_correlations(files, tmp_path, capsys):
    output = tmp_path / "ranks.json"
    assert main(["--closed", *files[0], "--open", *files[1], "--output", str(output)]) == 0
    ranks = json.loads(output.read_text())["ranks"]
    assert (ranks["ade_m"]["n"], ranks["ade_m"]["spearman"], ranks["ade_m"]["kendall"]) == (5, -1.0, -1.0)
    assert ranks["fde_m"]["spearman"] == pytest.approx(-0.8)
    assert ranks["fde_m"]["kendall"] == pytest.approx(-0.6)
    assert ranks["fde_m"]["kendall_low"] <= -0.6 <= ranks["fde_m"]["kendall_high"]
    assert ranks["ade_m"]["chance"] == pytest.approx(2 / 120)
    assert "over n = 5 checkpoints, by chance as clear in 1.7 % of orders" in capsys.readouterr().out


def test_what_has_no_partner_is_refused(files, tmp_path, capsys):
    closed_files, open_files = files
    assert main(["--closed", *closed_files, "--open", *open_files[1:]]) == 2
    assert "no open-loop file judges 4.pt" in capsys.readouterr().err
    assert main(["--closed", *closed_files[1:], "--open", *open_files]) == 2
    assert "no results.json was driven by 0.pt" in capsys.readouterr().err
    assert main(["--closed", *closed_files, closed(tmp_path, 7, 1.0, "town"), "--open", *open_files]) == 2
    assert "suite is 'town'" in capsys.readouterr().err
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    assert main(["--closed", *closed_files, "--open", str(broken)]) == 2
    assert "is no open-loop evaluation with checkpoint and setting" in capsys.readouterr().err


def test_what_was_evaluated_otherwise_is_refused(files, tmp_path, capsys):
    closed_files, open_files = files
    faster = dataclasses.replace(SCENARIO, target_speed_mps=9.0)
    for wrong, message in (
        (closed(tmp_path, 4, 90.0, name="faster", scenario=faster), "first.target_speed_mps is 9.0"),
        (closed(tmp_path, 4, 90.0, name="delta", config={"delta_checkpoint": {"name": "d.pt"}}), "a delta head drove"),
        (closed(tmp_path, 3, 90.0, name="twice"), "3.pt drove another results.json as well"),
    ):
        assert main(["--closed", *closed_files[:4], wrong, "--open", *open_files]) == 2
        assert message in capsys.readouterr().err
    assert main(["--closed", *closed_files, "--open", *open_files[:4], opened(tmp_path, 0, 1.0, 5.0, drives=8)]) == 2
    assert "setting.drives is 8, of 4.pt it is 7; judge all on the same drives" in capsys.readouterr().err
