from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from training.models.checkpoint import KIND_DELTA, Checkpoint, CheckpointError, load_waypoint_model, save_checkpoint
from training.models.heads import DeltaWaypointHead
from training.rl.base_plan import STAND_IN
from training.rl.select_checkpoint import Candidate, main, select

SIZES = {"latent_dim": 16, "num_waypoints": 20, "max_delta_m": 4.0, "num_modes": 1}


def save_delta(
    path: Path, sft_path: Path, lateral: float, episodes: int, more_sizes: dict | None = None, **changes: object
) -> Path:
    """A head that shifts every plan sideways, whatever it sees."""
    sizes = SIZES | (more_sizes or {})
    head = DeltaWaypointHead(**sizes)
    torch.nn.init.constant_(head.last.bias[1:], lateral)
    training = {
        "sft_model": str(sft_path),
        "sft_sha256": load_waypoint_model(sft_path)[1].sha256,
        "metrics": {"episodes": episodes},
    }
    save_checkpoint(path, Checkpoint(KIND_DELTA, sizes, head.state_dict(), (), training | changes))
    return path


@pytest.fixture
def arguments(make_episodes: Callable[..., str], tmp_path: Path) -> list[str]:
    return [
        *("--checkpoints", str(tmp_path / "run" / "checkpoint_*.pt")),
        *("--eval-data", make_episodes(episodes=2, frames=4)),
        *("--output-best", str(tmp_path / "run" / "best.pt")),
    ]


def test_the_smaller_error_wins_and_is_copied_whole(sft_path: Path, arguments: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    save_delta(run / "checkpoint_000010.pt", sft_path, 2.0, 10)
    good = save_delta(run / "checkpoint_000020.pt", sft_path, 0.01, 20)
    save_delta(run / "checkpoint_000030.pt", sft_path, -2.0, 30)
    for metric in ("ade", "fde"):
        assert main([*arguments, "--metric", metric]) == 0
        assert (run / "best.pt").read_bytes() == good.read_bytes()


def test_a_head_that_corrects_along_the_path_is_judged_on_the_corrected_plan(
    sft_path: Path, arguments: list[str], tmp_path: Path
) -> None:
    still = {"path": {"dt_s": 0.25, "slower_mps": 8.0, "faster_mps": 8.0, "lateral_m": 0.0}}
    run = tmp_path / "run"
    good = save_delta(run / "checkpoint_000010.pt", sft_path, 1.0, 10, still)  # a side step of 0 m, whatever it wishes
    save_delta(run / "checkpoint_000020.pt", sft_path, 1.0, 20)
    assert main(arguments) == 0
    assert (run / "best.pt").read_bytes() == good.read_bytes()


def test_broken_and_unsuitable_files_are_named_and_never_win(
    sft_path: Path, arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    good = save_delta(run / "checkpoint_000050.pt", sft_path, 1.5, 50)
    (run / "checkpoint_000010.pt").write_bytes(good.read_bytes()[:2000])
    save_delta(run / "checkpoint_000020.pt", sft_path, 0.0, 20, sft_sha256=STAND_IN)
    save_delta(run / "checkpoint_000030.pt", sft_path, 0.0, 30, sft_sha256="0" * 64)
    save_delta(run / "checkpoint_000040.pt", sft_path, 0.0, 40, sft_model=str(tmp_path / "gone.pt"))
    assert main(arguments) == 0
    assert (run / "best.pt").read_bytes() == good.read_bytes()
    shown = " ".join(capsys.readouterr().out.split())
    for word in ("damaged", "stand-in", "trained on", "SFT plan"):
        assert word in shown


def test_only_broken_files_is_an_error(arguments: list[str], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert main(arguments) == 1
    assert "no file matches" in caplog.text
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint_1.pt").write_bytes(b"nonsense")
    assert main(arguments) == 1
    assert "none of 1 checkpoints is usable" in caplog.text
    assert not (tmp_path / "run" / "best.pt").exists()


def test_a_moved_sft_checkpoint_can_be_named(sft_path: Path, arguments: list[str], tmp_path: Path) -> None:
    moved = tmp_path / "moved.pt"
    save_delta(tmp_path / "run" / "checkpoint_1.pt", sft_path, 0.1, 1)
    sft_path.rename(moved)
    assert main(arguments) == 1
    assert main([*arguments, "--sft-model", str(moved)]) == 0


def test_ties_go_to_the_other_metric_then_to_less_training_then_to_the_name() -> None:
    a = Candidate(Path("a"), 20, 1.0, 3.0)
    b = Candidate(Path("b"), 30, 1.0, 2.0)
    c = Candidate(Path("c"), 10, 1.0, 2.0)
    d = Candidate(Path("d"), 10, 1.0, 2.0)
    broken = Candidate(Path("0"), problem="broken")
    assert select([a, b], "ade") is b
    assert select([a, b], "fde") is b
    assert select([d, b, broken, c], "ade") is c
    with pytest.raises(CheckpointError, match="none of 1"):
        select([broken], "ade")
    with pytest.raises(ValueError, match="metric"):
        select([a], "speed")
