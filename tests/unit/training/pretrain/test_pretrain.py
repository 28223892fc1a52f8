import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.models.checkpoint import CheckpointError, load_encoder
from training.models.config import WaypointModelConfig
from training.pretrain.config import PretrainConfig
from training.pretrain.train import main
from training.pretrain.trainer import PretrainTrainer
from training.sft.config import SftConfig
from training.sft.trainer import SftTrainer
from waypilot.episodes import EpisodeError


def quiet(step: int, num_steps: int, loss: float) -> None:
    pass


def config(pattern: str, out_dir: Path, **changes: object) -> PretrainConfig:
    values = {"batch_size": 4, "num_steps": 6, "val_every_steps": 2, "num_threads": 1, "val_fraction": 0.0}
    return PretrainConfig(episodes_glob=pattern, out_dir=str(out_dir), **{**values, **changes})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_encoder(folder / "encoder.pt", WaypointModelConfig())[0].state_dict()


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_same_seed_same_bits_other_seed_other_bits(make_drives: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_drives()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        PretrainTrainer(config(pattern, tmp_path / name, seed=seed, num_steps=3)).run(quiet)
    assert equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not equal(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_a_resumed_run_ends_with_the_same_bits(make_drives: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_drives()
    PretrainTrainer(config(pattern, tmp_path / "whole")).run(quiet)
    PretrainTrainer(config(pattern, tmp_path / "parts")).run(quiet, stop_after=3)
    again = PretrainTrainer(config(pattern, tmp_path / "parts", num_workers=2, cache_gib=0.0))
    again.resume()
    assert again.step == 3
    again.run(quiet)
    assert equal(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_resuming_refuses_other_settings_and_other_runs(make_drives: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_drives()
    PretrainTrainer(config(pattern, tmp_path)).run(quiet, stop_after=1)
    with pytest.raises(CheckpointError, match="other max_gap_s"):
        PretrainTrainer(config(pattern, tmp_path, max_gap_s=1.0)).resume()
    sft = SftTrainer(SftConfig(episodes_glob=pattern, out_dir=str(tmp_path), val_fraction=0.0, num_threads=1))
    with pytest.raises(CheckpointError, match=r"no training state of format 'waypilot\.sft_state/1'"):
        sft.resume()


def test_labels_play_no_part(make_drives: Callable[..., str], tmp_path: Path) -> None:
    for name, labelled in (("with", True), ("without", False)):
        pattern = make_drives(labelled=labelled, folder=f"drives_{name}")
        PretrainTrainer(config(pattern, tmp_path / name, num_steps=3)).run(quiet)
    assert equal(weights(tmp_path / "with"), weights(tmp_path / "without"))


def test_the_encoder_learns_to_see_the_heading(make_drives: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_drives(drives=2, frames=24)
    trainer = PretrainTrainer(config(pattern, tmp_path, num_steps=80, batch_size=12, augment=False, lr=2e-3))
    before = trainer.evaluate(trainer.train_set)
    trainer.run(quiet, stop_after=80)
    after = trainer.evaluate(trainer.train_set)
    assert before["yaw_explained"] < 0.1
    assert after["yaw_explained"] > 0.7
    assert after["effective_rank"] > 2.0


def test_the_waypoint_trainer_takes_the_encoder(make_drives: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_drives()
    PretrainTrainer(config(pattern, tmp_path / "pre", num_steps=1)).run(quiet)
    path = tmp_path / "pre" / "encoder.pt"
    sft = SftConfig(
        episodes_glob=pattern,
        out_dir=str(tmp_path / "sft"),
        val_fraction=0.0,
        num_threads=1,
        init_encoder=str(path),
    )
    assert equal(SftTrainer(sft).model.encoder.state_dict(), weights(tmp_path / "pre"))
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    path.write_bytes(bytes(damaged))
    with pytest.raises(CheckpointError, match=r"encoder\.pt"):
        SftTrainer(sft)


def test_command_line_leaves_the_artifacts(make_drives: Callable[..., str], tmp_path: Path) -> None:
    out_dir = tmp_path / "run"
    arguments = ["--episodes-glob", make_drives(drives=4), "--batch-size", "4", "--num-steps", "2"]
    assert main([*arguments, "--val-fraction", "0.5", "--num-threads", "1", "--out-dir", str(out_dir)]) == 0
    metrics = json.loads((out_dir / "metrics.json").read_text())
    assert metrics["step"] == 2
    assert metrics["train_images"] + metrics["val_images"] == 48
    assert metrics["validation"].keys() >= {"yaw_error_rad", "yaw_explained", "feature_std", "effective_rank"}
    assert json.loads((out_dir / "config.json").read_text())["batch_size"] == 4
    assert list((out_dir / "tensorboard").glob("events*"))
    assert "step 2 of 2" in (out_dir / "train.log").read_text()
    _, checkpoint = load_encoder(out_dir / "encoder.pt", WaypointModelConfig())
    assert checkpoint.training["data_sha256"] == metrics["data_sha256"]
    assert [camera.name for camera in checkpoint.cameras] == ["front"]


def test_command_line_says_what_is_wrong(
    make_drives: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--out-dir", str(tmp_path / "run"), "--num-threads", "1"]
    assert main(["--episodes-glob", str(tmp_path / "nothing" / "*.json"), *arguments]) == 1
    assert "no file matches" in capsys.readouterr().err
    assert main(["--episodes-glob", make_drives(frames=2), "--val-fraction", "0", *arguments]) == 1
    assert "has another one 0.4 to 2 s later" in capsys.readouterr().err


def test_drives_that_are_all_held_out_are_refused(make_drives: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(EpisodeError, match="all 3 episodes are held out"):
        PretrainTrainer(config(make_drives(), tmp_path, val_towns=("Town",)))


@pytest.mark.parametrize(
    ("name", "value"), [("batch_size", 1), ("min_gap_s", 0.0), ("max_gap_s", 0.1), ("variance_weight", -1.0)]
)
def test_config_refuses_what_makes_no_sense(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=r"batch_size|gaps|variance_weight"):
        PretrainConfig(**{name: value})
