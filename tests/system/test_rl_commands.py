"""The reinforcement learning commands as a user writes them, one after the other in an empty folder, tiny."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import torch

from training.models.checkpoint import KIND_DELTA, KIND_SFT, Checkpoint, load_checkpoint, save_checkpoint
from training.models.config import WaypointModelConfig
from training.models.waypoint_model import WaypointModel
from waypilot.config import config_to_dict
from waypilot.episodes import Episode, EpisodeFrame, EpisodeWriter, WaypointSource
from waypilot.geometry import Pose
from waypilot.rig import DEFAULT_RIG
from waypilot.types import EgoState, RouteCommand

pytestmark = pytest.mark.system
SFT = "out/sft_waypoint_bc_torch_v0/model.pt"
RUN = "out/rl_delta_waypoint_v0"


def command(folder: Path, line: str) -> None:
    """Run ``python -m ...`` in a folder; anything but success fails with what it printed."""
    words = shlex.split(line)
    assert words[0] == "python"
    done = subprocess.run([sys.executable, *words[1:]], cwd=folder, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained SFT checkpoint and one recorded drive, and the PPO run that most tests look at."""
    folder = tmp_path_factory.mktemp("rl")
    torch.manual_seed(0)
    config = WaypointModelConfig(channels=(8, 8, 8, 8), camera_feature_dim=16)
    model = WaypointModel(config)
    save_checkpoint(folder / SFT, Checkpoint(KIND_SFT, config_to_dict(config), model.state_dict(), DEFAULT_RIG))
    header = Episode(
        episode_id="one",
        source="test",
        town="Town",
        route_id="0",
        weather="clear",
        seed=0,
        cameras=DEFAULT_RIG,
        waypoint_dt_ns=250_000_000,
        waypoint_source=WaypointSource.EXPERT_PLAN,
        frames=(),
    )
    writer = EpisodeWriter(folder / "out/episodes/one", header)
    for i in range(3):
        ego = EgoState(50_000_000 * i, Pose.from_xyz_rpy(0.4 * i, 0.0, 0.0), (8.0, 0.0, 0.0), (0.0, 0.0, 0.0))
        label = np.stack([2.0 * np.arange(1, 21), np.zeros(20)], axis=1)
        images: dict[str, PurePosixPath] = {}
        frame = EpisodeFrame(ego, RouteCommand.LANE_FOLLOW, (20.0, 0.0), None, images, label)
        writer.add_frame(frame, {"front": np.full((180, 320, 3), 90, dtype=np.uint8)})
    writer.finish()
    command(folder, f"python -m training.rl.train_ppo_waypoint_delta --sft-model {SFT} --out-dir {RUN} --episodes 40")
    return folder


def test_ppo_leaves_valid_artifacts(workplace: Path) -> None:
    run = workplace / RUN
    checkpoints = sorted(run.glob("checkpoint_*.pt"))
    assert len(checkpoints) >= 2
    for path in [*checkpoints, run / "final.pt"]:
        assert load_checkpoint(path, KIND_DELTA).training["sft_model"] == SFT
    for name in ("config.json", "metrics.json", "train_metrics.json"):
        assert json.loads((run / name).read_text())


def test_grpo_takes_the_same_options(workplace: Path) -> None:
    out_dir = "out/rl_delta_waypoint_grpo_v0"
    command(
        workplace,
        f"python -m training.rl.train_grpo_waypoint_delta --sft-model {SFT} --out-dir {out_dir} --episodes 32",
    )
    assert json.loads((workplace / out_dir / "config.json").read_text())["algorithm"] == "grpo"
    assert load_checkpoint(workplace / out_dir / "final.pt", KIND_DELTA)


def test_eval_metrics_compares_the_predictions_of_a_run(workplace: Path) -> None:
    command(
        workplace / RUN,
        "python -m training.rl.eval_metrics sft_predictions.json rl_predictions.json --compare "
        "--output comparison.json",
    )
    comparison = json.loads((workplace / RUN / "comparison.json").read_text())["comparison"]
    assert set(comparison) == {"ade_m", "fde_m", "goal_reach_rate", "waypoint_hit_rate"}


def test_select_checkpoint_keeps_the_best(workplace: Path) -> None:
    command(
        workplace,
        f'python -m training.rl.select_checkpoint --checkpoints "{RUN}/checkpoint_*.pt" '
        f'--eval-data "out/episodes/**/*.json" --metric ade --output-best {RUN}/best.pt',
    )
    # The untrained network plans constant velocity, and that is what the labels are: nothing beats the first.
    assert (workplace / RUN / "best.pt").read_bytes() == (workplace / RUN / "checkpoint_000000.pt").read_bytes()


@pytest.mark.parametrize(
    ("options", "name"), [("", "run_001"), (f"--sft-model {SFT} ", "run_sft_init")], ids=["stand_in", "sft"]
)
def test_refinement_writes_its_five_artifacts(workplace: Path, options: str, name: str) -> None:
    out_dir = f"out/rl_refinement/{name}"
    command(workplace, f"python -m training.rl.rl_refinement_stub {options}--out-dir {out_dir} --episodes 40 --seed 42")
    run = workplace / out_dir
    assert {"config.json", "metrics.json", "train_metrics.json", "final.pt", "checkpoints"} <= {
        path.name for path in run.iterdir()
    }
    assert json.loads((run / "config.json").read_text())["seed"] == 42
    evaluations = json.loads((run / "metrics.json").read_text())["evaluations"]
    assert len(list((run / "checkpoints").glob("checkpoint_*.pt"))) == len(evaluations) >= 2
    summary = json.loads((run / "train_metrics.json").read_text())
    assert summary["finished"]
    assert ("stand-in" in summary["base"]) == (not options)


def test_a_finished_run_resumed_stays_as_it_is(workplace: Path) -> None:
    before = (workplace / RUN / "final.pt").read_bytes()
    command(
        workplace,
        f"python -m training.rl.train_ppo_waypoint_delta --sft-model {SFT} --out-dir {RUN} --episodes 40 --resume",
    )
    assert (workplace / RUN / "final.pt").read_bytes() == before


def test_a_run_is_not_begun_anew_where_one_lies(workplace: Path) -> None:
    before = {path.name: path.read_bytes() for path in (workplace / RUN).iterdir() if path.is_file()}
    line = f"-m training.rl.train_ppo_waypoint_delta --sft-model {SFT} --out-dir {RUN} --episodes 40 --seed 3"
    done = subprocess.run(
        [sys.executable, *shlex.split(line)], cwd=workplace, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 1
    assert "holds a run: add --resume to go on with it" in done.stderr
    assert {path.name: path.read_bytes() for path in (workplace / RUN).iterdir() if path.is_file()} == before


def test_a_wrong_path_is_one_clear_line(workplace: Path) -> None:
    line = "-m training.rl.train_ppo_waypoint_delta --sft-model gone.pt --out-dir out/x --episodes 5"
    done = subprocess.run(
        [sys.executable, *shlex.split(line)], cwd=workplace, capture_output=True, text=True, timeout=250
    )
    assert done.returncode == 1
    assert "gone.pt: no such file; train a model first" in done.stderr
    assert "Traceback" not in done.stderr
