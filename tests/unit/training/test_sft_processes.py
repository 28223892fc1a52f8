"""Training by two processes, as ``torchrun`` starts them on a CPU, against one process alone."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.waypoint_dataset import BatchOrder
from training.models.checkpoint import load_waypoint_model
from training.models.config import WaypointModelConfig
from training.models.waypoint_model import ModelInput, WaypointModel
from training.sft.config import SftConfig
from training.sft.processes import Processes, join_processes, reduced_precision
from training.sft.train_waypoint_bc_torch_v0 import main
from training.sft.trainer import SftTrainer
from waypilot.rig import DEFAULT_RIG

SMALL_RIG = (replace(DEFAULT_RIG[0], width_px=96, height_px=84),)
STEPS = 6
TRAIN_IN_PARTS = """
import sys
from training.sft.config import SftConfig
from training.sft.processes import join_processes
from training.sft.trainer import SftTrainer

def run(processes, out_dir, stop_after=None, resume=False, **changes):
    config = SftConfig(
        sys.argv[1], out_dir, batch_size=8, num_steps=6, num_threads=1, val_fraction=0.0, **changes
    )
    trainer = SftTrainer(config, processes=processes)
    if resume:
        trainer.resume()
    trainer.run(lambda step, num_steps, loss: None, stop_after)

with join_processes("cpu") as processes:
    run(processes, "parts", stop_after=4)
    run(processes, "parts", resume=True)
    run(processes, "plain", augment=False)
"""


def torchrun(folder: Path, *words: str) -> None:
    """Start two processes in a folder; anything but success fails with what they printed."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr


def weights(folder: Path) -> torch.Tensor:
    tensors = load_waypoint_model(folder / "model.pt")[0].state_dict()
    return torch.cat([tensors[name].flatten() for name in sorted(tensors)])


def test_two_processes_train_as_one_and_resume_to_the_same_bits(
    make_episodes: Callable[..., str], tmp_path: Path
) -> None:
    pattern = make_episodes(rig=SMALL_RIG)
    options = ["--batch-size", "8", "--num-steps", str(STEPS), "--num-threads", "1", "--val-fraction", "0"]
    command = ["--episodes-glob", pattern, *options]
    torchrun(tmp_path, "-m", "training.sft.train_waypoint_bc_torch_v0", *command, "--out-dir", "whole")
    (tmp_path / "parts.py").write_text(TRAIN_IN_PARTS)
    torchrun(tmp_path, "parts.py", pattern)
    assert torch.equal(weights(tmp_path / "parts"), weights(tmp_path / "whole"))
    assert json.loads((tmp_path / "whole" / "config.json").read_text())["processes"] == 2
    assert (tmp_path / "whole" / "train.log").read_text().count("step 6 of 6") == 1  # only one of them writes

    assert main([*command, "--out-dir", str(tmp_path / "alone"), "--no-augment"]) == 0
    assert main([*command, "--out-dir", str(tmp_path / "other"), "--no-augment", "--seed", "1"]) == 0
    alone, plain, other = (weights(tmp_path / name) for name in ("alone", "plain", "other"))
    torch.testing.assert_close(plain, alone, rtol=0.0, atol=1e-4)
    assert (plain - alone).norm() < 1e-5 * (other - alone).norm()

    # What a run of two has left, one cannot continue: the shares of the batches were augmented apart.
    assert main([*command, "--out-dir", str(tmp_path / "whole"), "--resume"]) == 1
    assert "was written with other processes" in (tmp_path / "whole" / "train.log").read_text()


def test_processes_share_what_one_sees_alone() -> None:
    alone = list(BatchOrder(20, 6, seed=1, first_step=2, last_step=9))
    shares = [list(BatchOrder(20, 6, 1, 2, 9, rank, 3)) for rank in range(3)]
    for step, batch in enumerate(alone):
        parts = [share[step] for share in shares]
        assert {len(part) for part in parts} == {2}
        assert sorted(index for part in parts for index in part) == sorted(batch)


def test_a_batch_that_cannot_be_shared_is_refused(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    config = SftConfig(
        episodes_glob=make_episodes(rig=SMALL_RIG), out_dir=str(tmp_path), batch_size=9, val_fraction=0.0, num_threads=1
    )
    with pytest.raises(ValueError, match="a batch of 9 cannot be shared evenly by 2 processes"):
        SftTrainer(config, processes=Processes(rank=1, count=2))


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with join_processes("cpu") as processes:
        assert processes == Processes()
    model = torch.nn.Linear(1, 1)
    assert processes.synchronised(model) is model
    assert processes.device("cuda") == "cuda"
    assert Processes(rank=5, count=8, local_rank=1).device("cuda") == "cuda:1"


def test_mixed_precision_is_chosen_for_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [reduced_precision(amp, "cpu") for amp in ("auto", "off", "on")] == [None, None, torch.bfloat16]
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert [reduced_precision(amp, "cuda") for amp in ("auto", "off")] == [torch.bfloat16, None]
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    assert reduced_precision("auto", "cuda:1") is None
    with pytest.raises(ValueError, match="cuda:1 has no bfloat16; train with --amp off"):
        reduced_precision("on", "cuda:1")
    with pytest.raises(ValueError, match="amp is 'maybe', expected 'auto', 'on' or 'off'"):
        SftConfig(amp="maybe")


def test_the_network_bears_bfloat16() -> None:
    torch.manual_seed(0)
    model = WaypointModel(WaypointModelConfig(image_width_px=96, image_height_px=84)).eval()
    config = model.config
    images = torch.rand(4, 1, 3, config.input_height_px, config.input_width_px)
    speed_mps = torch.tensor([0.0, 3.0, 8.0, 13.0])
    batch = ModelInput(
        images, torch.ones(4, 1, dtype=torch.bool), speed_mps, torch.zeros(4, dtype=torch.long), torch.zeros(4, 2)
    )
    with torch.inference_mode():
        exact = model(batch)
        with torch.autocast("cpu", torch.bfloat16):
            rough = model(batch).float()
    assert (rough - exact).abs().max() < 0.25  # metres, of plans up to 65 m long


@pytest.mark.parametrize(
    "device", ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]
)
def test_mixed_precision_learns(device: str, make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(frames=16, rig=SMALL_RIG)
    losses: dict[str, list[float]] = {"on": [], "off": []}
    for amp, seen in losses.items():
        config = SftConfig(
            episodes_glob=pattern,
            out_dir=str(tmp_path / amp),
            num_steps=60,
            batch_size=16,
            val_fraction=0.0,
            augment=False,
            lr=2e-3,
            num_threads=1,
            device=device,
            amp=amp,
        )
        SftTrainer(config).run(lambda step, num_steps, loss, seen=seen: seen.append(loss))
    assert sum(losses["on"][-5:]) < 0.2 * 5 * losses["on"][0]
    assert losses["on"] != losses["off"]  # it did compute in another precision
    np.testing.assert_allclose(losses["on"][:5], losses["off"][:5], rtol=0.1)
    assert {tensor.dtype for tensor in load_waypoint_model(tmp_path / "on" / "model.pt")[0].state_dict().values()} == {
        torch.float32
    }
