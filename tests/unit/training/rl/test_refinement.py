import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from training.models.checkpoint import (
    KIND_DELTA,
    CheckpointError,
    load_checkpoint,
    load_delta_head,
    load_waypoint_model,
)
from training.rl import command_line
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.task import DriveTask
from training.rl.evaluation import evaluate_toy
from training.rl.grpo import GRPOConfig
from training.rl.ppo import PPOConfig
from training.rl.refinement import RLRefinementTrainer, state_path
from training.rl.refinement_config import RefinementConfig, differing_settings
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.config import config_to_dict

ALGORITHMS = pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
SMALL = RefinementConfig(
    out_dir="unused",
    episodes=60,
    eval_every=20,
    eval_episodes=10,
    ppo=PPOConfig(num_envs=8, num_steps=64),
    grpo=GRPOConfig(groups=2, members=6),
)


def quiet(episodes: int, log: dict[str, float]) -> None:
    pass


def train(config: RefinementConfig) -> RLRefinementTrainer:
    trainer = RLRefinementTrainer(config)
    trainer.run(quiet)
    return trainer


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return dict(load_checkpoint(path, KIND_DELTA).tensors)


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@ALGORITHMS
def test_a_few_hundred_episodes_beat_the_base_plan(algorithm: str, tmp_path: Path) -> None:
    config = RefinementConfig(out_dir=str(tmp_path), algorithm=algorithm, episodes=500, eval_every=500)  # type: ignore[arg-type]
    summary = RLRefinementTrainer(config).run(quiet)
    verdicts = {name: entry["verdict"] for name, entry in summary["gain"].items()}
    assert {verdicts[name] for name in ("return", "ade_m", "fde_m", "goal_reach_rate")} == {"better"}
    assert summary["gain"]["return"]["difference"] > 3.0


@ALGORITHMS
def test_same_seed_same_bits_other_seed_other_bits(algorithm: str, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(replace(SMALL, out_dir=str(tmp_path / name), algorithm=algorithm, seed=seed))
    assert equal(tensors(tmp_path / "a" / "final.pt"), tensors(tmp_path / "b" / "final.pt"))
    assert not equal(tensors(tmp_path / "a" / "final.pt"), tensors(tmp_path / "c" / "final.pt"))
    for name in ("metrics.json", "train_metrics.json", "rl_predictions.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@ALGORITHMS
def test_a_resumed_run_ends_with_the_same_bits(algorithm: str, tmp_path: Path) -> None:
    whole = replace(SMALL, out_dir=str(tmp_path / "whole"), algorithm=algorithm)
    train(whole)
    parts = replace(whole, out_dir=str(tmp_path / "parts"))
    RLRefinementTrainer(parts).run(quiet, stop_after=30)
    torch.rand(5)  # whatever else a program draws must not matter
    again = RLRefinementTrainer(parts)
    again.resume()
    assert 20 <= again.learner.episodes < 60
    again.run(quiet)
    assert equal(tensors(tmp_path / "whole" / "final.pt"), tensors(tmp_path / "parts" / "final.pt"))
    for name in ("metrics.json", "train_metrics.json", "rl_predictions.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


@ALGORITHMS
def test_the_sft_network_does_not_change(algorithm: str, sft_path: Path, tmp_path: Path) -> None:
    file_before = sft_path.read_bytes()
    config = replace(SMALL, out_dir=str(tmp_path / "run"), algorithm=algorithm, sft_model=str(sft_path))
    trainer = RLRefinementTrainer(config)
    before = {name: tensor.clone() for name, tensor in trainer.task.base.model.state_dict().items()}
    plan_before = evaluate_toy(trainer.task.base, config.env, None, 5)
    trainer.run(quiet)
    assert equal(before, trainer.task.base.model.state_dict())
    assert np.array_equal(plan_before.driven_m, evaluate_toy(trainer.task.base, config.env, None, 5).driven_m)
    assert sft_path.read_bytes() == file_before
    # Something did learn.
    assert float(trainer.agent.head.last.weight.detach().abs().max()) > 0.0


def test_the_first_checkpoint_is_the_sft_plan_and_later_ones_are_not(sft_path: Path, tmp_path: Path) -> None:
    config = replace(SMALL, out_dir=str(tmp_path / "run"), sft_model=str(sft_path))
    train(config)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    first = {name: metrics["evaluations"][0][name] for name in metrics["sft_only"]}
    assert first == metrics["sft_only"]
    assert first["delta_moved_share"] == 0.0
    assert metrics["evaluations"][-1]["delta_moved_share"] > 0.5
    assert (metrics["horizon_s"], metrics["rate_hz"]) == (5.0, 4.0)


def test_checkpoints_drive_the_policy(sft_path: Path, tmp_path: Path) -> None:
    train(replace(SMALL, out_dir=str(tmp_path / "run"), sft_model=str(sft_path)))
    _, sft = load_waypoint_model(sft_path)
    head = load_delta_head(tmp_path / "run" / "final.pt", sft)
    assert head.use_target_point
    plain = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(sft_path)))
    refined = WaypointPolicyTorch(
        WaypointPolicyConfig(checkpoint=str(sft_path), delta_checkpoint=str(tmp_path / "run" / "final.pt"))
    )
    images = {"front": np.zeros((1, 180, 320, 3), dtype=np.uint8)}
    given = {"speed_mps": [5.0], "target_point_m": [[10.0, 4.0]]}
    with torch.no_grad():
        difference = refined(images, **given) - plain(images, **given)
    assert 0.0 < float(difference.abs().max()) <= SMALL.agent.max_delta_m


def test_every_iteration_logs_what_the_documents_promise(tmp_path: Path) -> None:
    for algorithm, more in (
        ("ppo", {"loss/value", "loss/explained_variance"}),
        ("grpo", {"train/group_spread"}),
    ):
        out_dir = tmp_path / algorithm
        train(replace(SMALL, out_dir=str(out_dir), algorithm=algorithm))
        iterations = json.loads((out_dir / "train_metrics.json").read_text())["iterations"]
        losses = {"loss/policy", "loss/entropy", "loss/kl", "loss/kl_from_sft", "loss/clip_fraction", "loss/grad_norm"}
        use = {"delta/moved_share", "delta/mean_m", "delta/last_waypoint_m"}
        assert losses | use | more | {"train/return", "episodes", "env_steps"} <= set(iterations[-1])
        assert all(np.isfinite(value) for entry in iterations for value in entry.values())
        assert list((out_dir / "tensorboard").glob("events.out.*"))


def test_a_new_run_clears_the_checkpoints_of_an_earlier_one(tmp_path: Path) -> None:
    stray = tmp_path / "checkpoint_999999.pt"
    stray.write_bytes(b"old")
    train(replace(SMALL, out_dir=str(tmp_path)))
    assert not stray.exists()


@pytest.mark.parametrize("advantage", ["outcome", "process"])
def test_the_scale_of_grpos_advantages_changes_what_is_learned(
    advantage: Literal["outcome", "process"], tmp_path: Path
) -> None:
    scales: tuple[Literal["group", "batch"], ...] = ("group", "batch")
    for scale in scales:
        grpo = replace(SMALL.grpo, advantage=advantage, advantage_scale=scale)
        train(replace(SMALL, algorithm="grpo", grpo=grpo, out_dir=str(tmp_path / scale)))
    by_group, by_batch = (tensors(tmp_path / scale / "final.pt") for scale in scales)
    assert all(tensor.isfinite().all() for tensor in by_batch.values())
    assert not equal(by_group, by_batch)


def test_resuming_refuses_other_settings_and_other_networks(sft_path: Path, tmp_path: Path) -> None:
    config = replace(SMALL, out_dir=str(tmp_path / "run"))
    train(config)
    with pytest.raises(CheckpointError, match=r"other seed \(0 there, 5 here\)"):
        RLRefinementTrainer(replace(config, seed=5)).resume()
    with pytest.raises(CheckpointError, match="no such file"):
        RLRefinementTrainer(replace(config, out_dir=str(tmp_path / "elsewhere"))).resume()
    (tmp_path / "run" / "state.pt").write_bytes(sft_path.read_bytes())
    with pytest.raises(CheckpointError, match="no training state"):
        RLRefinementTrainer(config).resume()


def test_a_command_refuses_another_run_before_it_builds_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    train(replace(SMALL, out_dir=str(tmp_path)))
    monkeypatch.setattr(command_line, "RLRefinementTrainer", lambda config: pytest.fail("built a trainer"))
    for words, message in (
        (["--out-dir", str(tmp_path), "--seed", "5", "--resume"], "seed (0 there, 5 here)"),
        (["--out-dir", str(tmp_path / "new"), "--resume"], "holds no run to go on with: leave out --resume"),
        (["--out-dir", str(tmp_path)], "holds a run: add --resume"),
    ):
        assert command_line.train("train", "text", {"algorithm": "ppo"}, words) == 1
        assert message in caplog.text


@pytest.mark.parametrize(("saved", "told"), [(True, "go on with --resume"), (False, "start anew")])
def test_an_interrupted_command_says_what_is_kept(
    saved: bool, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def interrupted(config: RefinementConfig, resume: bool) -> None:
        if saved:
            state_path(config).write_bytes(b"")
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line, "train_run", interrupted)
    words = ["--out-dir", str(tmp_path)]
    assert command_line.train("train", "text", {}, words) == command_line.INTERRUPTED_EXIT_CODE
    assert told in caplog.text


def test_a_run_kept_before_a_setting_existed_did_what_is_its_default_now() -> None:
    kept = json.loads(json.dumps(config_to_dict(SMALL)))
    del kept["drive"]["device"]
    assert differing_settings(kept, replace(SMALL, out_dir="moved")) == []
    on_gpu = replace(SMALL, drive=replace(SMALL.drive, device="cuda"))
    assert differing_settings(kept, on_gpu) == ["drive.device ('cpu' there, 'cuda' here)"]


def test_drives_refuse_a_device_that_is_not_there(sft_path: Path) -> None:
    drive = replace(SMALL.drive, device="abacus")
    with pytest.raises(ValueError, match="device is 'abacus'"):
        DriveTask(replace(SMALL, world="drive", sft_model=str(sft_path), drive=drive))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"episodes": 0}, "episodes"),
        ({"out_dir": ""}, "out_dir"),
        ({"seed": -1}, "seed"),
        (
            {"world": "drive", "algorithm": "grpo", "drive": DriveEnvConfig(workers=3)},
            r"multiple of drive.workers \(3\)",
        ),
    ],
)
def test_impossible_runs_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **changes)


def test_impossible_learners_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody to be compared"):
        GRPOConfig(members=1)
    with pytest.raises(ValueError, match="minibatch"):
        PPOConfig(num_envs=1, num_steps=2)
    with pytest.raises(ValueError, match="discount"):
        PPOConfig(discount=1.5)
