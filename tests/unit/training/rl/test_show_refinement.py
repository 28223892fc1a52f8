"""Pictures of refinement runs: the head is watched where it drives, curves need runs that can be read."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.drive_plan import DrivePlanConfig
from training.models.heads import DeltaWaypointHead
from training.models.path_delta import PathDeltaConfig
from training.rl.drive_env.acting import watch
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.show_refinement import CURVES, EXIT_UNUSABLE, draw_acting, main
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.config import config_to_dict

CONFIG = DriveEnvConfig(towns=("Lite02",), max_drive_s=2.0, drives=DrivePlanConfig(encounters=1.0))


def braking_policy(sft_path: Path) -> WaypointPolicyTorch:
    """A policy whose head asks for 3 m/s less, whatever it sees."""
    policy = WaypointPolicyTorch(WaypointPolicyConfig(str(sft_path)))
    model = policy.model.config
    path = config_to_dict(PathDeltaConfig(dt_s=model.waypoint_dt_s, slower_mps=8.0, faster_mps=8.0, lateral_m=0.0))
    head = DeltaWaypointHead(model.latent_dim, model.num_waypoints, 12.0, num_modes=1, path=path)
    with torch.no_grad():
        head.last.bias[0] = float(np.arctanh(-3.0 / 8.0))
    policy.delta_head = head.requires_grad_(False)
    return policy


@pytest.fixture(autouse=True)
def _one_town(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.rl.drive_env.acting.SELECTION_TOWNS", ("Lite02",))


def test_the_change_of_speed_is_the_heads(sft_path: Path) -> None:
    looks = watch(braking_policy(sft_path), CONFIG, 3)
    assert 3 <= len(looks.change_mps) <= 3 * CONFIG.max_steps
    assert (looks.change_mps <= 1e-4).all()
    assert (looks.change_mps >= -3.0 - 1e-3).all()
    assert ((looks.gap_m > 0.0) & ((looks.gap_m < 40.0) | np.isinf(looks.gap_m))).all()
    picture = draw_acting(looks)
    assert picture.startswith(b"<?xml")
    assert picture == draw_acting(looks)


def test_a_policy_without_a_head_cannot_be_watched(sft_path: Path) -> None:
    policy = WaypointPolicyTorch(WaypointPolicyConfig(str(sft_path)))
    with pytest.raises(ValueError, match="no delta head"):
        watch(policy, replace(CONFIG, workers=2), 1)


def test_curves_are_drawn_of_runs_that_can_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        entry = {name: float(number) for name in CURVES}
        run = tmp_path / f"run{number}"
        run.mkdir()
        evaluations = [entry | {"env_steps": 0}, entry | {"env_steps": 100}]
        (run / "metrics.json").write_text(json.dumps({"sft_only": entry, "evaluations": evaluations}))
    runs, picture = [str(tmp_path / "run0"), str(tmp_path / "run1")], tmp_path / "curves.svg"
    assert main(["--ppo", *runs, "--curves", str(picture)]) == 0
    drawn = picture.read_bytes()
    assert drawn.count(b'<g id="axes_') == len(CURVES)
    assert main(["--ppo", runs[0], runs[0], "--curves", str(picture)]) == 0
    assert picture.read_bytes() != drawn
    assert main(["--ppo", str(tmp_path / "gone"), "--curves", str(picture)]) == EXIT_UNUSABLE
    assert "gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to draw"),
        (["--ppo", "run"], "there is nothing to draw"),
        (["--curves", "curves.svg"], "--curves needs runs"),
        (["--act", "run"], "--act and --acting belong together"),
    ],
)
def test_a_call_that_could_draw_nothing_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert message in capsys.readouterr().err
