"""The control beside learned heads: the same change of speed, whatever is seen."""

from pathlib import Path

import numpy as np
import pytest
import torch

from training.models.checkpoint import KIND_SFT, load_checkpoint, load_delta_head
from training.rl.constant_head import EXIT_UNUSABLE, main

DT_S = 0.25


def straight_plan(speed_mps: float) -> torch.Tensor:
    arc = speed_mps * DT_S * torch.arange(1, 21)
    return torch.stack([arc, torch.zeros_like(arc)], dim=1)[None]


def made(sft_path: Path, output: Path, change_mps: float) -> int:
    return main(["--sft-model", str(sft_path), f"--change-mps={change_mps}", "--output", str(output)])


@pytest.mark.parametrize(("change_mps", "speed_mps"), [(-1.0, 4.0), (2.5, 7.5), (-9.0, 0.0)])
def test_every_plan_is_driven_slower_or_faster_by_as_much(
    change_mps: float, speed_mps: float, sft_path: Path, tmp_path: Path
) -> None:
    assert made(sft_path, tmp_path / "head.pt", change_mps) == 0
    head = load_delta_head(tmp_path / "head.pt", load_checkpoint(sft_path, KIND_SFT))
    plan_m = straight_plan(5.0)
    for latent in (torch.zeros(1, 16), torch.full((1, 16), 3.0)):
        moved_m = plan_m + head(latent, None, plan_m)
        assert np.allclose(moved_m.detach(), straight_plan(speed_mps), atol=1e-5)


def test_equal_commands_write_equal_files(sft_path: Path, tmp_path: Path) -> None:
    files = [tmp_path / folder / "head.pt" for folder in ("a", "b")]
    assert [made(sft_path, file, 1.0) for file in files] == [0, 0]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("change_mps", [0.0, float("nan")])
def test_what_cannot_be_made_is_said(
    change_mps: float, sft_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert made(sft_path, tmp_path / "head.pt", change_mps) == EXIT_UNUSABLE
    assert "expected a number other than zero" in capsys.readouterr().err
    assert made(tmp_path / "gone.pt", tmp_path / "head.pt", 1.0) == EXIT_UNUSABLE
    assert "gone.pt" in capsys.readouterr().err
