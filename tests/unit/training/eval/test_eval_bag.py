"""Open-loop evaluation on bags: truth from odometry, in the right frame at the right stamp; damage is survived."""

import json
from pathlib import Path

import numpy as np
import pytest

from training.eval.eval_bag import main

CHECKPOINT = Path(__file__).parents[4] / "checkpoints" / "sft_waypoint_bc_v0.pt"


def run(bag, out, *more):
    code = main(["--bag", str(bag), "--checkpoint", str(CHECKPOINT), "--output", str(out), *more])
    path = out / "metrics.json"
    return code, json.loads(path.read_text())["results"][0] if path.exists() else None


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_policy_that_plans_what_was_driven_has_no_error(drives, tmp_path, storage, monkeypatch):
    import torch

    from training.rl.waypoint_policy_torch import WaypointPolicyTorch

    ahead = np.array([drives.place(drives.START_NS + (i + 1) * 250_000_000)[:2] for i in range(20)])

    def circle(self, images, *_):
        return torch.from_numpy(np.repeat(ahead[None], len(images["front"]), axis=0))

    monkeypatch.setattr(WaypointPolicyTorch, "__call__", circle)
    code, result = run(drives.write(tmp_path / "bag", drives.upstream(160), storage), tmp_path / "out")
    assert code == 0
    assert {name: values["frames"] for name, values in result["all"].items()} == {
        "1s": 140,
        "2s": 120,
        "3s": 100,
        "5s": 60,
    }
    assert max(values["fde_m"] for values in result["all"].values()) < 1e-9
    assert result["counts"]["frames"] == 160


def test_a_truncated_bag_is_evaluated_as_far_as_it_is_whole(drives, tmp_path, capsys):
    path = drives.write(tmp_path / "bag", drives.upstream(80))
    file = path / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    code, result = run(path, tmp_path / "out")
    assert code == 0
    assert 30 <= result["counts"]["frames"] <= 40
    assert result["all"]["1s"]["frames"] == result["counts"]["frames"] - 20
    assert "cannot be read beyond" in capsys.readouterr().err


def test_without_odometry_the_message_says_so(drives, tmp_path, capsys):
    messages = [entry for entry in drives.upstream(3) if "odometry" not in entry[0]]
    code, _ = run(drives.write(tmp_path / "bag", messages), tmp_path / "out")
    assert code == 2
    assert "without odometry there is no ground truth" in capsys.readouterr().err
