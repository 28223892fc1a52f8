import json
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.augment import AugmentConfig, augment_images, drop_cameras
from training.data.sample_table import build_table, choose_drives, load_drives, load_episodes, split_episodes
from training.data.waypoint_dataset import BatchOrder, WaypointDataset, training_loader
from training.models.checkpoint import (
    KIND_ENCODER,
    Checkpoint,
    CheckpointError,
    encoder_sizes,
    load_waypoint_model,
    save_checkpoint,
)
from training.models.config import WaypointModelConfig
from training.models.encoder import CameraEncoder, build_encoder
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from training.run_setup import learning_rate_factor
from training.sft.config import SftConfig
from training.sft.displacement import displacement_metrics
from training.sft.losses import change_weights, path_directions, waypoint_loss
from training.sft.train_waypoint_bc_torch_v0 import main
from training.sft.trainer import SftTrainer
from waypilot.episodes import EpisodeError, find_episodes
from waypilot.rig import DEFAULT_RIG

# Twenty times fewer pixels than the real camera: what is proved here does not depend on their number.
SMALL_RIG = (replace(DEFAULT_RIG[0], width_px=96, height_px=84),)
SMALL_MODEL = WaypointModelConfig(image_width_px=96, image_height_px=84)


@pytest.fixture
def make_episodes(make_episodes: Callable[..., str]) -> Callable[..., str]:
    return partial(make_episodes, rig=SMALL_RIG)


def quiet(step: int, num_steps: int, loss: float) -> None:
    pass


def config(pattern: str, out_dir: Path, **changes: object) -> SftConfig:
    values = {"batch_size": 8, "num_steps": 6, "val_every_steps": 2, "num_threads": 1, "val_fraction": 0.0}
    return SftConfig(episodes_glob=pattern, out_dir=str(out_dir), **{**values, **changes})


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_waypoint_model(folder / "model.pt")[0].state_dict()


def assert_equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_same_seed_same_bits_other_seed_other_bits(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        SftTrainer(config(pattern, tmp_path / name, seed=seed)).run(quiet)
    assert_equal(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not torch.equal(weights(tmp_path / "a")["head.linear.weight"], weights(tmp_path / "c")["head.linear.weight"])


def test_a_resumed_run_ends_with_the_same_bits(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes()
    SftTrainer(config(pattern, tmp_path / "whole")).run(quiet)
    SftTrainer(config(pattern, tmp_path / "parts")).run(quiet, stop_after=3)
    again = SftTrainer(config(pattern, tmp_path / "parts"))
    again.resume()
    assert again.step == 3
    again.run(quiet)
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_an_interrupted_run_is_saved_and_goes_on_to_the_same_bits(
    make_episodes: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    # Whoever runs the tests in a shell's background has interrupts ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    options = ["--episodes-glob", make_episodes(), "--num-steps", "5", "--num-threads", "1"]
    assert main([*options, "--out-dir", str(tmp_path / "whole")]) == 0
    take_step = SftTrainer._train_step

    def interrupted_in_step_3(self: SftTrainer, *arguments: object) -> float:
        if self.step == 2:
            signal.raise_signal(signal.SIGINT)
        return take_step(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SftTrainer, "_train_step", interrupted_in_step_3)
        assert main([*options, "--out-dir", str(tmp_path / "parts")]) == 130
    assert "interrupted after step 3" in (tmp_path / "parts" / "train.log").read_text()
    assert main([*options, "--out-dir", str(tmp_path / "parts"), "--resume"]) == 0
    assert_equal(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    assert main([*options, "--out-dir", str(tmp_path / "parts"), "--resume"]) == 0
    assert "finished already" in (tmp_path / "parts" / "train.log").read_text()


def test_training_where_policies_are_evaluated_is_warned_of(
    make_episodes: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pattern = make_episodes(episodes=1)
    SftTrainer(config(pattern, tmp_path / "a"))
    assert "policies are evaluated" not in caplog.text
    monkeypatch.setattr("training.run_trainer.EVALUATION_TOWNS", frozenset({"Town"}))
    SftTrainer(config(pattern, tmp_path / "b"))
    assert "training on drives in ['Town'], where policies are evaluated" in caplog.text


def test_a_loss_that_explodes_is_told(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    options = ["--num-steps", "4", "--num-threads", "1", "--val-fraction", "0", "--lr", "1e30"]
    assert main(["--episodes-glob", make_episodes(), "--out-dir", str(tmp_path / "a"), *options]) == 1
    assert "lower the learning rate (--lr)" in (tmp_path / "a" / "train.log").read_text()


def test_resuming_refuses_other_settings_and_other_data(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(episodes=2)
    SftTrainer(config(pattern, tmp_path / "run")).run(quiet, stop_after=1)
    with pytest.raises(CheckpointError, match="other lr"):
        SftTrainer(config(pattern, tmp_path / "run", lr=0.5)).resume()
    episode_path = find_episodes(pattern)[0]
    image_path = episode_path.parent / "front" / "000000.jpg"
    image_path.write_bytes(image_path.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="other episodes"):
        SftTrainer(config(pattern, tmp_path / "run")).resume()
    image_path.unlink()
    with pytest.raises(EpisodeError, match=r"000000\.jpg"):
        SftTrainer(config(pattern, tmp_path / "run"))
    episode_path.unlink()
    with pytest.raises(CheckpointError, match="other episodes"):
        SftTrainer(config(pattern, tmp_path / "run")).resume()


def test_the_network_learns_where_the_road_bends(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(episodes=4, frames=16)
    trainer = SftTrainer(config(pattern, tmp_path, num_steps=30, batch_size=16, augment=False, lr=2e-3))
    losses: list[float] = []
    trainer.run(lambda step, total, loss: losses.append(loss))
    metrics = trainer.evaluate(trainer.train_set)
    assert np.mean(losses[-5:]) < 0.2 * losses[0]
    assert metrics["model"]["all"]["fde@5s_m"] < 0.4 * metrics["constant_velocity"]["all"]["fde@5s_m"]


def test_a_network_without_cameras_sees_speed_and_command_only(
    make_episodes: Callable[..., str], tmp_path: Path
) -> None:
    trainer = SftTrainer(config(make_episodes(), tmp_path, use_cameras=False))
    trainer.run(quiet)
    model, _ = load_waypoint_model(tmp_path / "model.pt")
    assert not any(name.startswith("encoder") for name in model.state_dict())
    assert not trainer.train_set[0].image_valid.any()
    plans = [model(trainer._model_input(trainer.train_set[index])) for index in (0, 1)]
    assert torch.equal(*plans)  # same speed and command, other images


def encoder_checkpoint(path: Path, model_config: WaypointModelConfig, seed: int) -> Checkpoint:
    torch.manual_seed(seed)
    tensors = CameraEncoder(model_config).state_dict()
    checkpoint = Checkpoint(KIND_ENCODER, encoder_sizes(model_config), tensors)
    save_checkpoint(path, checkpoint)
    return checkpoint


def test_training_starts_from_the_encoder_it_is_given(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern, path = make_episodes(), tmp_path / "encoder.pt"
    checkpoint = encoder_checkpoint(path, SMALL_MODEL, seed=5)
    trainer = SftTrainer(config(pattern, tmp_path / "run", init_encoder=str(path)))
    fresh = SftTrainer(config(pattern, tmp_path / "fresh"))
    assert_equal(trainer.model.encoder.state_dict(), dict(checkpoint.tensors))
    assert_equal(trainer.average.state_dict(), trainer.model.state_dict())
    assert_equal(trainer.model.fusion.state_dict(), fresh.model.fusion.state_dict())
    trainer.run(quiet, stop_after=1)
    assert load_waypoint_model(tmp_path / "run" / "model.pt")[1].training["encoder_sha256"] == checkpoint.sha256


def test_an_encoder_for_other_images_is_refused(
    make_episodes: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "encoder.pt"
    encoder_checkpoint(path, replace(SMALL_MODEL, crop_top_px=20), seed=0)
    arguments = ["--episodes-glob", make_episodes(episodes=1), "--out-dir", str(tmp_path / "run")]
    assert main([*arguments, "--init-encoder", str(path)]) == 1
    assert "was made for crop_top_px 20, the network has 52" in capsys.readouterr().err


def test_a_fraction_of_the_labels_is_whole_drives(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(episodes=10, frames=2)
    drives = load_drives(pattern).episodes
    chosen = [[episode.route_id for _, episode in choose_drives(drives, share, 3)] for share in (0.2, 0.5, 1.0)]
    assert [len(names) for names in chosen] == [2, 5, 10]
    assert set(chosen[0]) < set(chosen[1])
    others = [[episode.route_id for _, episode in choose_drives(drives, 0.2, seed)] for seed in range(10)]
    assert len({tuple(names) for names in others}) > 1
    assert len(choose_drives(drives, 0.001, 0)) == 1
    assert len(SftTrainer(config(pattern, tmp_path, label_fraction=0.2)).train_set) == 4


def test_drives_in_memory_give_the_same_bits_and_are_decoded_once(
    make_episodes: Callable[..., str], tmp_path: Path
) -> None:
    pattern = make_episodes()
    drives = load_drives(pattern)
    SftTrainer(config(pattern, tmp_path / "first"), drives).run(quiet)
    assert len(drives.images) == 32
    for path in drives.images:
        path.unlink()
    SftTrainer(config(pattern, tmp_path / "second"), drives).run(quiet)
    assert_equal(weights(tmp_path / "first"), weights(tmp_path / "second"))


def test_command_line_leaves_the_artifacts(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes()
    arguments = [
        "--episodes-glob",
        pattern,
        "--batch-size",
        "4",
        "--num-steps",
        "3",
        "--val-fraction",
        "0.5",
        "--num-threads",
        "1",
    ]
    out_dir = tmp_path / "run"
    assert main([*arguments, "--out-dir", str(out_dir)]) == 0
    metrics = json.loads((out_dir / "metrics.json").read_text())
    assert metrics["step"] == 3
    assert metrics["train_samples"] + metrics["val_samples"] == 32
    assert metrics["validation"]["model"]["lane_follow"]["samples"] == metrics["val_samples"] > 0
    assert json.loads((out_dir / "config.json").read_text())["batch_size"] == 4
    assert list((out_dir / "tensorboard").glob("events*"))
    assert "step 3 of 3" in (out_dir / "train.log").read_text()
    model, checkpoint = load_waypoint_model(out_dir / "model.pt")
    assert checkpoint.training["data_sha256"] == metrics["data_sha256"]
    assert model.config.num_waypoints == 20


def test_command_line_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out_dir = str(tmp_path / "run")
    assert main(["--episodes-glob", str(tmp_path / "nothing" / "*.json"), "--out-dir", out_dir]) == 1
    assert "no file matches" in capsys.readouterr().err
    (tmp_path / "other.json").write_text('{"schema": "something"}')
    assert main(["--episodes-glob", str(tmp_path / "*.json"), "--out-dir", out_dir]) == 1
    assert "other.json: schema: is 'something'" in capsys.readouterr().err


def test_a_missing_target_point_is_not_taken_for_the_origin(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(episodes=2, frames=2)
    SftTrainer(config(pattern, tmp_path, use_target_point=True))
    path = find_episodes(pattern)[1]
    data = json.loads(path.read_text())
    data["frames"][1]["target_point_m"] = None
    path.write_text(json.dumps(data))
    SftTrainer(config(pattern, tmp_path))
    with pytest.raises(EpisodeError, match=r"frames\[1\].target_point_m is null"):
        SftTrainer(config(pattern, tmp_path, use_target_point=True))


def test_images_that_fit_no_network_are_told(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    rig = (replace(DEFAULT_RIG[0], width_px=100, height_px=84),)
    with pytest.raises(EpisodeError, match="no network fits images of 100x84 pixels"):
        SftTrainer(config(make_episodes(episodes=1, rig=rig), tmp_path))


def test_batch_order_depends_on_the_seed_and_not_on_where_it_starts(make_episodes: Callable[..., str]) -> None:
    whole = list(BatchOrder(10, 4, seed=3, first_step=0, last_step=6))
    assert whole[3:] == list(BatchOrder(10, 4, seed=3, first_step=3, last_step=6))
    assert whole != list(BatchOrder(10, 4, seed=4, first_step=0, last_step=6))
    first_epoch = [index for batch in whole[:2] for index in batch]
    assert len(set(first_epoch)) == 8

    table = build_table(load_episodes(find_episodes(make_episodes()))[0])
    dataset = WaypointDataset(table, SMALL_MODEL, cache=False)
    cached = WaypointDataset(table, SMALL_MODEL, cache=True)
    alone = [b.images for b in training_loader(dataset, BatchOrder(32, 8, 0, 0, 4), num_workers=0)]
    workers = [b.images for b in training_loader(dataset, BatchOrder(32, 8, 0, 0, 4), num_workers=2)]
    memory = [b.images for b in training_loader(cached, BatchOrder(32, 8, 0, 0, 4), num_workers=0)]
    for a, b, c in zip(alone, workers, memory, strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_split_keeps_a_route_on_one_side_and_holds_towns_out(make_episodes: Callable[..., str]) -> None:
    episodes, _ = load_episodes(find_episodes(make_episodes(episodes=12, frames=1)))
    train, validation = split_episodes(episodes, 0.5, ())
    assert train
    assert validation
    assert sorted(str(p) for p, _ in train + validation) == [str(p) for p, _ in episodes]
    fewer = split_episodes(episodes[:6], 0.5, ())
    assert {p for p, _ in fewer[1]} == {p for p, _ in validation} & {p for p, _ in episodes[:6]}
    assert split_episodes(episodes, 0.0, ("Town",))[0] == []


def test_loss_weighs_errors_across_the_path_more() -> None:
    label = torch.stack([torch.zeros(1, 20), 2.0 * torch.arange(1, 21)[None]], dim=-1)  # driving along +y
    across, along = label.clone(), label.clone()
    across[..., 0] += 1.0
    along[..., 1] += 1.0
    loss = [float(waypoint_loss(p, label, 0.25, lateral_weight=3.0, time_constant_s=4.0)) for p in (across, along)]
    assert loss[0] == pytest.approx(3.0 * loss[1])
    assert loss[1] == pytest.approx(1.0 - 0.125)  # smooth L1 of 1 m with beta 0.25 m, weights of mean 1


def test_frames_whose_plan_changes_the_speed_count_more() -> None:
    """A label that stands, seen at 0, 1.5 and 9 m/s, and one that goes on at 8 m/s, seen at 8 m/s."""
    still, going = torch.zeros(20, 2), torch.zeros(20, 2)
    going[:, 0] = 2.0 * torch.arange(1, 21)
    label = torch.stack([still, still, still, going])
    weights = change_weights(label, torch.tensor([0.0, 1.5, 9.0, 8.0]), 0.25, most=4.0)
    assert weights.tolist() == pytest.approx([1.0, 3.0, 5.0, 1.0])
    predicted = label.clone()
    predicted[2, :, 0] += 1.0
    plain = waypoint_loss(predicted, label, 0.25, 3.0, 4.0)
    weighed = waypoint_loss(predicted, label, 0.25, 3.0, 4.0, weights)
    assert float(weighed) == pytest.approx(float(plain) * 5.0 / 10.0 * 4.0)


def test_direction_of_a_standing_label_is_straight_ahead() -> None:
    assert torch.equal(path_directions(torch.zeros(1, 3, 2)), torch.tensor([[[1.0, 0.0]] * 3]))


def test_displacement_known_answer() -> None:
    label = np.zeros((1, 20, 2))
    predicted = label.copy()
    predicted[0, :, 1] = np.arange(1, 21) * 0.1
    metrics = displacement_metrics(predicted, label, 0.25)
    assert metrics["fde@1s_m"] == pytest.approx(0.4)
    assert metrics["ade@1s_m"] == pytest.approx(0.25)
    assert metrics["fde@5s_m"] == pytest.approx(2.0)
    assert "fde@5s_m" not in displacement_metrics(predicted[:, :12], label[:, :12], 0.25)


def test_learning_rate_warms_up_and_falls() -> None:
    factors = [learning_rate_factor(step, 1000, 100) for step in range(1000)]
    assert factors[0] == pytest.approx(0.01)
    assert max(factors) == pytest.approx(1.0)
    assert np.argmax(factors) in (99, 100)
    assert all(np.diff(factors[100:]) < 0)


def test_augmentation_is_seeded_bounded_and_off_at_zero() -> None:
    images = torch.rand(6, 3, 64, 160, generator=torch.Generator().manual_seed(0))
    a = augment_images(images, AugmentConfig(), torch.Generator().manual_seed(1))
    b = augment_images(images, AugmentConfig(), torch.Generator().manual_seed(1))
    assert torch.equal(a, b)
    assert not torch.equal(a, images)
    assert float(a.min()) >= 0.0
    assert float(a.max()) <= 1.0
    off = AugmentConfig(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    assert torch.allclose(augment_images(images, off, torch.Generator().manual_seed(1)), images, atol=1e-6)


def test_a_sample_never_loses_its_last_camera() -> None:
    valid = torch.tensor([[True, True], [True, False], [False, False]])
    kept = [drop_cameras(valid, 0.9, torch.Generator().manual_seed(seed)) for seed in range(50)]
    assert all(k[:2].any(dim=1).all() and not (k & ~valid).any() for k in kept)
    assert any(not k[0].all() for k in kept)


@pytest.mark.parametrize(
    ("name", "value"),
    [("lr", 0.0), ("val_fraction", 1.0), ("ema_decay", 1.0), ("num_steps", -1), ("label_fraction", 0.0)],
)
def test_config_refuses_what_makes_no_sense(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        SftConfig(**{name: value})


def test_moved_views_train_with_moved_waypoints(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes()
    trainer = SftTrainer(config(pattern, tmp_path / "a", shift_m=0.5, turn_rad=0.05, use_target_point=True))
    batch = trainer.train_set.__getitems__([0, 1, 2])
    moved, images = trainer._augmented(batch)
    left_m = batch.waypoints_m[:, 0] - moved.waypoints_m[:, 0]
    assert (left_m.norm(dim=1) > 0.01).all()
    assert not torch.equal(moved.target_point_m, batch.target_point_m)
    assert images.shape == (3, 1, 3, *images.shape[-2:])
    trainer.run(quiet)
    SftTrainer(config(pattern, tmp_path / "b", shift_m=0.5, turn_rad=0.05, use_target_point=True)).run(quiet)
    assert_equal(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_another_backbone_trains_from_its_own_encoder_and_drives(
    make_episodes: Callable[..., str], tmp_path: Path
) -> None:
    plain = replace(SMALL_MODEL, backbone="plain")
    torch.manual_seed(5)
    encoder = Checkpoint(KIND_ENCODER, encoder_sizes(plain), build_encoder(plain).state_dict())
    save_checkpoint(tmp_path / "encoder.pt", encoder)
    settings = {"init_encoder": str(tmp_path / "encoder.pt"), "backbone": "plain"}
    pattern = make_episodes()
    SftTrainer(config(pattern, tmp_path / "a", **settings)).run(quiet)
    policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(tmp_path / "a" / "model.pt")))
    assert policy.model.config.backbone == "plain"
    with pytest.raises(CheckpointError, match="was made for backbone 'plain', the network has 'residual'"):
        SftTrainer(config(pattern, tmp_path / "b", init_encoder=settings["init_encoder"]))
