import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from training.models.checkpoint import CheckpointError
from training.pretrain.cells import PRETRAINED, SCRATCH, Cell, CellRunner, CompareConfig, same_data
from training.pretrain.compare import main
from training.pretrain.compare_report import Grid, plot, report


def result(ade_m: list[float], fde_m: list[float]) -> dict:
    return {"ade_m": ade_m, "fde_m": fde_m, "frames": [10, 30], "train_samples": 5, "data_sha256": "0" * 64}


def made_up_grid() -> Grid:
    results = {}
    for seed in (0, 1, 2):
        results[Cell(SCRATCH, 0.1, seed)] = result([2.0, 1.0], [3.0, 3.0])
        results[Cell(PRETRAINED, 0.1, seed)] = result([1.5, 0.5], [3.0 + 0.1 * (seed - 1), 3.0 - 0.1 * (seed - 1)])
    return Grid(CompareConfig(), (0, 1, 2), (0.1,), results)


def test_report_weighs_drives_by_frames_and_judges_by_the_interval() -> None:
    page = report(made_up_grid(), "command", "figure.svg")
    assert "| 10% | 5 | ADE | 1.250 | 0.750 | -0.500 [-0.500, -0.500], -40% | better |" in page
    fde_row = next(line for line in page.splitlines() if "| FDE |" in line)
    assert fde_row.endswith("| undecided |")
    assert "![errors by seed](figure.svg)" in page
    assert plot(made_up_grid()) == plot(made_up_grid())


def test_finished_cells_are_kept_and_the_rest_is_made(make_drives: Callable[..., str], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    arguments = ["--episodes-glob", make_drives(drives=6, frames=6), "--val-fraction", "0.5", "--batch-size", "4"]
    arguments += ["--pretrain-steps", "1", "--sft-steps", "1", "--label-fractions", "1", "--report", str(page)]
    arguments += ["--out-dir", str(tmp_path / "out")]
    assert main([*arguments, "--seeds", "0", "--no-report"]) == 0
    assert not page.exists()
    kept = tmp_path / "out" / "cells" / "scratch_1_0.json"
    changed = json.loads(kept.read_text())
    changed["ade_m"] = [1e6] * len(changed["ade_m"])
    kept.write_text(json.dumps(changed))
    assert main([*arguments, "--seeds", "0", "1"]) == 0
    assert json.loads(kept.read_text())["ade_m"][0] == 1e6
    assert sorted(path.stem for path in kept.parent.iterdir()) == [
        f"{start}_1_{seed}" for start in (PRETRAINED, SCRATCH) for seed in (0, 1)
    ]
    assert "500000" in page.read_text()
    assert page.with_suffix(".svg").read_bytes().startswith(b"<?xml")


def test_cells_of_other_settings_are_refused(
    make_drives: Callable[..., str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cells = tmp_path / "cells"
    cells.mkdir()
    (cells / "scratch_0.1_0.json").write_text(json.dumps({"settings": {"sft_steps": 3}}))
    with pytest.raises(CheckpointError, match="give the same options or another --out-dir"):
        CellRunner(CompareConfig(), tmp_path).result(Cell(SCRATCH, 0.1, 0))
    assert main(["--out-dir", str(tmp_path), "--episodes-glob", make_drives()]) == 1
    assert "another --out-dir" in caplog.text


def test_cells_of_different_episodes_are_refused() -> None:
    same_data({"a": {"data_sha256": "1"}, "b": {"data_sha256": "1"}})
    with pytest.raises(CheckpointError, match="2 different sets of episodes"):
        same_data({"a": {"data_sha256": "1"}, "b": {"data_sha256": "2"}})


def test_both_starts_of_a_seed_share_the_drives(make_drives: Callable[..., str], tmp_path: Path) -> None:
    config = CompareConfig(make_drives(drives=6, frames=6), 1, 1, 4, 0.5)
    runner = CellRunner(config, tmp_path)
    scratch, pretrained = (runner.result(Cell(start, 0.5, 0)) for start in (SCRATCH, PRETRAINED))
    assert scratch["train_samples"] == pretrained["train_samples"] > 0
    assert scratch["drives"] == pretrained["drives"]
    assert scratch["frames"] == [6] * len(scratch["drives"])
    assert not np.allclose(scratch["ade_m"], pretrained["ade_m"])
