import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.collecting import make_learner
from training.data.waypoint_dataset import SampleBatch
from training.models.checkpoint import (
    KIND_DELTA,
    KIND_SFT,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    load_waypoint_model,
    save_checkpoint,
)
from training.models.config import WaypointModelConfig
from training.models.heads import DeltaWaypointHead
from training.models.preprocess import shrink_images, to_unit_range
from training.models.waypoint_model import ModelInput, WaypointModel
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.config import config_to_dict
from waypilot.geometry import Pose
from waypilot.rig import DEFAULT_RIG
from waypilot.types import EgoState, Observation, RouteCommand, Trajectory

CONFIG = WaypointModelConfig()


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    model = WaypointModel(CONFIG)
    torch.nn.init.normal_(model.head.linear.weight, std=0.1)
    return Checkpoint(KIND_SFT, config_to_dict(CONFIG), model.state_dict(), DEFAULT_RIG, {"seed": 0})


@pytest.fixture
def path(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    return tmp_path / "model.pt"


def images(size: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, 180, 320, 3), dtype=np.uint8)


def observation(image: np.ndarray | None, speed_mps: float = 6.0) -> Observation:
    return Observation(
        stamp_ns=50_000_000,
        ego=EgoState(50_000_000, Pose.from_xyz_rpy(1.0, 2.0, 0.0), (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0)),
        command=RouteCommand.LEFT,
        target_point_m=(10.0, 3.0),
        images={} if image is None else {"front": image},
        image_valid={"front": image is not None},
    )


def test_round_trip_keeps_every_bit_and_stays_small(path: Path, checkpoint: Checkpoint) -> None:
    loaded = load_checkpoint(path, KIND_SFT)
    assert loaded.cameras == DEFAULT_RIG
    assert loaded.model == checkpoint.model
    assert loaded.sha256 == checkpoint.sha256
    assert path.stat().st_size <= 8_000_000
    assert not path.with_name("model.pt.partial").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file_is_refused(path: Path, share: float) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(CheckpointError, match=r"model\.pt: is damaged"):
        load_checkpoint(path, KIND_SFT)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_flipped_bytes_are_refused(path: Path, share: float) -> None:
    data = bytearray(path.read_bytes())
    place = int(share * len(data))
    data[place : place + 64] = bytes(b ^ 0xFF for b in data[place : place + 64])
    path.write_bytes(bytes(data))
    with pytest.raises(CheckpointError):
        load_checkpoint(path, KIND_SFT)


def test_every_flipped_bit_of_the_plain_data_is_refused(path: Path) -> None:
    data = path.read_bytes()
    start = data.index(b"waypilot.checkpoint/1")
    for place in range(start, start + 1500, 25):
        path.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        with pytest.raises(CheckpointError):
            load_checkpoint(path, KIND_SFT)


class Bomb:
    exploded = False

    def __reduce__(self) -> tuple:
        return (setattr, (Bomb, "exploded", True))


def test_foreign_pickles_are_refused_and_never_run(path: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CheckpointError, match="damaged or not a file"):
        load_checkpoint(path, KIND_SFT)
    torch.save({"format": "waypilot.checkpoint/1", "bomb": Bomb()}, path)
    with pytest.raises(CheckpointError, match="damaged or not a file"):
        load_checkpoint(path, KIND_SFT)
    assert not Bomb.exploded


def test_other_files_of_tensors_are_refused(path: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        load_checkpoint(tmp_path / "missing.pt", KIND_SFT)
    torch.save(checkpoint.tensors, tmp_path / "bare.pt")
    with pytest.raises(CheckpointError, match=r"format is None, expected 'waypilot\.checkpoint/1'"):
        load_checkpoint(tmp_path / "bare.pt", KIND_SFT)
    with pytest.raises(CheckpointError, match="kind 'sft', expected 'delta'"):
        load_checkpoint(path, KIND_DELTA)
    payload = torch.load(path, weights_only=True)
    torch.save({**payload, "format": "waypilot.checkpoint/2"}, tmp_path / "newer.pt")
    with pytest.raises(CheckpointError, match=r"waypilot\.checkpoint/2"):
        load_checkpoint(tmp_path / "newer.pt", KIND_SFT)


def test_sizes_that_do_not_fit_the_tensors_are_refused(path: Path, checkpoint: Checkpoint) -> None:
    save_checkpoint(path, replace(checkpoint, model={**checkpoint.model, "latent_dim": 64}))
    with pytest.raises(CheckpointError, match="do not fit"):
        load_waypoint_model(path)
    save_checkpoint(path, replace(checkpoint, model={**checkpoint.model, "depth": 3}))
    with pytest.raises(CheckpointError, match="depth"):
        load_waypoint_model(path)


def test_policy_sees_exactly_what_training_sees(path: Path) -> None:
    image = images(3)
    policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(path)))
    sample = SampleBatch(
        images=shrink_images(torch.from_numpy(image), CONFIG)[:, None],
        image_valid=torch.ones(3, 1, dtype=torch.bool),
        speed_mps=torch.tensor([0.0, 4.0, 8.0]),
        command=torch.tensor([1, 4, 3]),
        target_point_m=torch.zeros(3, 2),
        waypoints_m=torch.zeros(3, 20, 2),
        ahead_m=torch.zeros(3, 4),
    )
    trained_on = ModelInput(
        to_unit_range(sample.images), sample.image_valid, sample.speed_mps, sample.command, sample.target_point_m
    )
    with torch.inference_mode():
        expected = policy.model(trained_on)
    commands = [int(RouteCommand.LEFT), int(RouteCommand.LANE_FOLLOW), int(RouteCommand.STRAIGHT)]
    assert torch.equal(policy({"front": image}, speed_mps=sample.speed_mps, command=commands), expected)


def test_a_device_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(ValueError, match="device is 'abacus', which cannot be used here"):
        WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(path), device="abacus"))


def test_call_in_the_users_form(path: Path) -> None:
    cfg = WaypointPolicyConfig(checkpoint=str(path))
    batch = images(2)
    waypoints = WaypointPolicyTorch(cfg)({"front": batch}, image_valid={"front": np.array([True, False])})
    assert waypoints.shape == (2, 20, 2)
    policy = WaypointPolicyTorch(cfg)
    blank = policy({"front": np.zeros_like(batch)}, image_valid={"front": np.array([False, False])})
    assert torch.equal(waypoints[1], blank[1])
    assert torch.equal(waypoints[0], policy({"front": batch})[0])
    with pytest.raises(ValueError, match="no camera rear"):
        policy({"rear": batch})
    with pytest.raises(ValueError, match="image_valid has 3 entries"):
        policy({"front": batch}, image_valid={"front": [True] * 3})
    with pytest.raises(ValueError, match="no images"):
        policy({})


def test_plan_has_the_stamp_and_the_same_bits_as_the_call(path: Path) -> None:
    policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(path)))
    image = images()
    plan = policy.plan(observation(image[0]))
    expected = policy({"front": image}, speed_mps=[6.0], command=[int(RouteCommand.LEFT)])[0].double().numpy()
    assert plan.final.stamp_ns == 50_000_000
    assert plan.final.dt_ns == 250_000_000
    assert np.array_equal(plan.final.waypoints_m, expected)
    assert plan.sft is not None
    assert np.array_equal(plan.sft.waypoints_m, expected)
    assert np.array_equal(plan.delta_m, np.zeros((20, 2)))
    assert np.array_equal(policy.plan(observation(image[0])).final.waypoints_m, expected)


def test_a_missing_target_point_is_not_taken_for_the_origin(tmp_path: Path) -> None:
    config = replace(CONFIG, use_target_point=True)
    checkpoint = Checkpoint(KIND_SFT, config_to_dict(config), WaypointModel(config).state_dict(), DEFAULT_RIG)
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(tmp_path / "model.pt")))
    with pytest.raises(ValueError, match="expected target_point_m"):
        policy({"front": images()})
    assert policy({"front": images()}, target_point_m=[[10.0, 1.0]]).shape == (1, 20, 2)


@pytest.fixture
def two_cameras(tmp_path: Path) -> WaypointPolicyTorch:
    """A policy that sees through the cameras front and rear; its file is ``tmp_path / "model.pt"``."""
    torch.manual_seed(0)
    config = replace(CONFIG, cameras=("front", "rear"))
    rig = (DEFAULT_RIG[0], replace(DEFAULT_RIG[0], name="rear"))
    model = WaypointModel(config)
    torch.nn.init.normal_(model.head.linear.weight, std=0.1)
    save_checkpoint(tmp_path / "model.pt", Checkpoint(KIND_SFT, config_to_dict(config), model.state_dict(), rig))
    return WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(tmp_path / "model.pt")))


def test_when_one_of_two_cameras_is_gone_the_other_one_drives(two_cameras: WaypointPolicyTorch) -> None:
    front, rear = images(seed=1)[0], images(seed=2)[0]

    def plan(rear_image: np.ndarray, rear_valid: bool, front_valid: bool = True) -> Trajectory:
        seen = replace(
            observation(front),
            images={"front": front, "rear": rear_image},
            image_valid={"front": front_valid, "rear": rear_valid},
        )
        return two_cameras.plan(seen).final

    gone = plan(rear, rear_valid=False)
    assert gone.invalid_reason() is None
    assert np.array_equal(gone.waypoints_m, plan(255 - rear, rear_valid=False).waypoints_m)
    assert not np.array_equal(gone.waypoints_m, plan(rear, rear_valid=True).waypoints_m)
    assert plan(rear, rear_valid=False, front_valid=False).invalid_reason() == "no waypoints"


def test_cameras_with_different_batches_are_an_error(two_cameras: WaypointPolicyTorch, tmp_path: Path) -> None:
    policy = two_cameras
    with pytest.raises(ValueError, match="same number of images"):
        policy({"front": images(2), "rear": images(1)})
    with pytest.raises(CheckpointError, match="was trained with the cameras"):
        make_learner(f"checkpoint:{tmp_path / 'model.pt'}")


def test_images_that_are_views_are_read_right(path: Path) -> None:
    policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(path)))
    bgra = np.random.default_rng(0).integers(0, 256, (180, 320, 4), dtype=np.uint8)
    view = bgra[:, :, 2::-1]
    view.setflags(write=False)
    a = policy.plan(observation(view)).final.waypoints_m
    assert np.array_equal(a, policy.plan(observation(np.ascontiguousarray(view))).final.waypoints_m)


def test_without_a_camera_there_is_no_plan(path: Path) -> None:
    plan = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(path))).plan(observation(None))
    assert plan.final.invalid_reason() == "no waypoints"


def save_delta(path: Path, sft: Checkpoint, std: float) -> None:
    torch.manual_seed(1)
    head = DeltaWaypointHead(128, 20)
    torch.nn.init.normal_(head.last.weight, std=std)
    sizes = {"latent_dim": 128, "num_waypoints": 20}
    save_checkpoint(path, Checkpoint(KIND_DELTA, sizes, head.state_dict(), (), {"sft_sha256": sft.sha256}))


def test_delta_is_added_and_the_sft_network_stays_frozen(path: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    save_delta(tmp_path / "delta.pt", checkpoint, std=0.5)
    plain = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=str(path)))
    cfg = WaypointPolicyConfig(checkpoint=str(path), delta_checkpoint=str(tmp_path / "delta.pt"))
    refined = WaypointPolicyTorch(cfg)
    image = images()[0]
    base, plan = plain.plan(observation(image)), refined.plan(observation(image))
    assert plan.sft is not None
    assert np.array_equal(plan.sft.waypoints_m, base.final.waypoints_m)
    assert np.abs(plan.delta_m).max() > 0.01
    assert np.array_equal(plan.final.waypoints_m, plan.sft.waypoints_m + plan.delta_m)
    assert not any(parameter.requires_grad for parameter in refined.model.parameters())


def test_delta_of_another_network_is_refused(path: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    other = replace(checkpoint, tensors={**checkpoint.tensors, "head.linear.bias": torch.ones(40)})
    save_delta(tmp_path / "delta.pt", other, std=0.0)
    with pytest.raises(CheckpointError, match="was trained on the network"):
        WaypointPolicyTorch(WaypointPolicyConfig(str(path), delta_checkpoint=str(tmp_path / "delta.pt")))


def test_config_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="checkpoint is empty"):
        WaypointPolicyConfig(checkpoint="")
    with pytest.raises(ValueError, match="num_threads"):
        WaypointPolicyConfig(checkpoint="x.pt", num_threads=0)
