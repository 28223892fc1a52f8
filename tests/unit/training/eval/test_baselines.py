import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.sample_table import load_drives
from training.eval.baselines import held_out, judge, main
from training.eval.open_loop import (
    CameraUse,
    JudgedFrames,
    constant_turn_rate,
    drive_means,
    mean_interval,
    network_plans,
)
from training.models.checkpoint import KIND_SFT, Checkpoint, CheckpointError
from training.models.config import WaypointModelConfig
from training.models.waypoint_model import WaypointModel
from training.sft.config import SftConfig
from training.sft.displacement import constant_velocity
from training.sft.trainer import SftTrainer
from waypilot.episodes import EpisodeError
from waypilot.report.results import CheckpointInfo

SPLIT = {"config": {"val_fraction": 0.5, "val_towns": []}}


def quiet(step: int, num_steps: int, loss: float) -> None:
    pass


def test_constant_turn_rate_stays_on_its_circle() -> None:
    plan = constant_turn_rate(np.array([2.0, 2.0]), np.array([0.5, -0.5]), 20, 0.25)
    radius_m = 4.0
    assert np.hypot(plan[0, :, 0], plan[0, :, 1] - radius_m) == pytest.approx(radius_m)
    assert plan[0, -1] == pytest.approx([radius_m * np.sin(2.5), radius_m * (1.0 - np.cos(2.5))])
    assert plan[1, :, 1] == pytest.approx(-plan[0, :, 1])


def test_constant_turn_rate_without_turning_is_constant_velocity() -> None:
    speed_mps = np.array([8.0, 0.0, 3.0])
    straight = constant_velocity(speed_mps, 20, 0.25)
    assert constant_turn_rate(speed_mps, np.zeros(3), 20, 0.25) == pytest.approx(straight, abs=2e-4)
    assert constant_turn_rate(speed_mps, np.full(3, 1e-9), 20, 0.25) == pytest.approx(straight, abs=2e-4)


def test_drive_means_and_their_interval() -> None:
    means, frames = drive_means(np.array([1.0, 3.0, 5.0]), np.array([0, 0, 1]))
    assert means.tolist() == [2.0, 5.0]
    assert frames.tolist() == [2, 1]
    assert mean_interval(means[None], frames)[0] == pytest.approx(3.0)
    assert mean_interval(np.full((3, 4), 0.7), np.array([1, 2, 3, 4])) == pytest.approx((0.7, 0.7, 0.7))
    seeds_differ = np.array([[-1.0] * 4, [1.0] * 4])
    _, low, high = mean_interval(seeds_differ, np.ones(4, dtype=np.int64))
    assert (low, high) == pytest.approx((-1.0, 1.0))


@pytest.fixture
def frames(make_episodes: Callable[..., str]) -> JudgedFrames:
    return JudgedFrames.of(load_drives(make_episodes(episodes=2, frames=3)).episodes, WaypointModelConfig())


def random_model(**changes: object) -> WaypointModel:
    torch.manual_seed(0)
    model = WaypointModel(WaypointModelConfig(**changes))
    torch.nn.init.normal_(model.head.linear.weight)
    return model


def test_frames_know_their_drives(frames: JudgedFrames) -> None:
    assert frames.drive.tolist() == [0, 0, 0, 1, 1, 1]
    assert frames.yaw_rate_radps.shape == (6,)


def test_ablations_take_the_cameras_away_or_mix_them_up(frames: JudgedFrames) -> None:
    model = random_model()
    seen, blind, mixed = (network_plans(model, frames.dataset, use) for use in CameraUse)
    assert np.allclose(blind, blind[0])  # all frames have the same speed and command
    assert not np.allclose(seen[0], blind[0])
    # Half the data set further on: the first frame sees what the fourth saw, and everything else is alike.
    assert mixed[0] == pytest.approx(seen[3], abs=1e-4)
    assert mixed[3] == pytest.approx(seen[0], abs=1e-4)
    assert not np.allclose(mixed[0], seen[0])


def test_judging_known_answers(frames: JudgedFrames) -> None:
    table = frames.dataset.table
    perfect = judge(table.waypoints_m, frames)
    assert perfect["ade_m"] == perfect["fde_m"] == 0.0
    aside = judge(table.waypoints_m + np.array([0.0, 0.5], dtype=np.float32), frames)
    names = ("ade_m", "ade_low_m", "ade_high_m", "fde_m", "ade@3s_m")
    assert [aside[name] for name in names] == pytest.approx([0.5] * 5, abs=1e-6)
    assert aside["turn_ade_m"] is None  # no frame is before a turn


def test_only_drives_that_no_training_saw_are_judged(make_episodes: Callable[..., str]) -> None:
    episodes = load_drives(make_episodes(episodes=12, frames=1)).episodes
    checkpoint = Checkpoint(KIND_SFT, {}, {}, training=SPLIT)
    chosen = held_out(episodes, [checkpoint, checkpoint], ())
    assert 0 < len(chosen) < 12
    assert len(held_out(episodes, [checkpoint], ("Town",))) == 12
    other = Checkpoint(KIND_SFT, {}, {}, training={"config": {"val_fraction": 0.2, "val_towns": []}})
    with pytest.raises(CheckpointError, match="held out different drives"):
        held_out(episodes, [checkpoint, other], ())
    with pytest.raises(CheckpointError, match="does not tell"):
        held_out(episodes, [Checkpoint(KIND_SFT, {}, {})], ())
    with pytest.raises(EpisodeError, match="none of 12 episodes is held out"):
        held_out(episodes, [checkpoint], ("Elsewhere",))


def test_command_line_writes_table_and_numbers(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(episodes=6, frames=4)
    values = {"batch_size": 4, "num_steps": 1, "num_threads": 1, "val_fraction": 0.5}
    for name, use_cameras in (("full", True), ("ego", False)):
        config = SftConfig(episodes_glob=pattern, out_dir=str(tmp_path / name), use_cameras=use_cameras, **values)
        SftTrainer(config).run(quiet)
    full, ego = (str(tmp_path / name / "model.pt") for name in ("full", "ego"))
    output, page = tmp_path / "numbers.json", tmp_path / "page.md"
    arguments = ["--checkpoint", full, "--episodes-glob", pattern, "--output", str(output), "--report", str(page)]
    assert main([*arguments, "--ego-checkpoint", ego]) == 0
    results = json.loads(output.read_text())
    assert list(json.loads(output.read_text())) == sorted(results)
    assert "ego state only" in results
    assert results["network"]["checkpoint"] == dataclasses.asdict(CheckpointInfo.of_file(Path(full)))
    setting = results["network"]["setting"]
    assert (setting["drives"], setting["frames"], setting["towns"]) == (3, 12, ["Town"])
    assert len(setting["episodes_sha256"]) == 64
    rows = [line.split("|")[1].strip() for line in page.read_text().splitlines() if line.startswith("| ")]
    assert rows == [
        "plan",
        "constant velocity",
        "constant turn rate and velocity",
        "ego state only",
        "network, cameras invalid",
        "network, cameras shuffled",
        "network",
    ]
    assert f"| {results['network']['ade_m']:.2f} [" in page.read_text()
    assert main([*arguments, "--ego-checkpoint", full]) == 1
