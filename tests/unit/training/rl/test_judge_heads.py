"""Heads judged on the test towns' drives: paired with the base, kept in a file, nothing driven twice."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.models.checkpoint import KIND_DELTA, KIND_SFT, Checkpoint, load_checkpoint, save_checkpoint
from training.models.heads import DeltaWaypointHead
from training.rl import judge_heads
from training.rl.constant_head import constant_head
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.judge_heads import EXIT_UNUSABLE, compared, main
from waypilot.scenarios import EVALUATION_TOWNS

SETTINGS = "drive: {max_drive_s: 3.0, ticks: 8, drives: {encounters: 0.0}}\n"


def head_file(
    folder: Path, sft_path: Path, ahead_m: float, drive: Mapping[str, object] | None = None, **more: bool
) -> str:
    """Write a head over the tiny network that moves the last waypoint ahead, whatever it sees."""
    sizes = {"latent_dim": 16, "num_waypoints": 20, "max_delta_m": 50.0, "num_modes": 1, **more}
    head = DeltaWaypointHead(**sizes)
    with torch.no_grad():
        head.last.bias[0] = float(np.arctanh(ahead_m / 50.0))
    training = {"sft_sha256": load_checkpoint(sft_path, KIND_SFT).sha256}
    if drive is not None:
        training["config"] = {"world": "drive", "drive": drive}
    file = folder / f"head{ahead_m:g}.pt"
    save_checkpoint(file, Checkpoint(KIND_DELTA, sizes, head.state_dict(), (), training))
    return str(file)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.yaml"
    file.write_text(SETTINGS)
    return file


def test_the_towns_are_those_of_the_suites() -> None:
    assert set(judge_heads.TEST_TOWNS) < EVALUATION_TOWNS
    with pytest.raises(ValueError, match="nothing may be trained there"):
        DriveEnvConfig(towns=judge_heads.TEST_TOWNS)


def test_heads_are_paired_with_the_base_and_driven_once(
    sft_path: Path, settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "judged.json"
    slower, faster = (head_file(tmp_path, sft_path, ahead_m) for ahead_m in (20.0, 45.0))
    call = ["--sft-model", str(sft_path), "--config", str(settings), "--drives", "3", "--jobs", "1"]
    call += ["--ppo", slower, "--grpo", faster, slower, "--output", str(kept)]
    assert main(call) == 0
    text = capsys.readouterr().out
    assert "ppo: 1 heads, 3 drives" in text
    assert "grpo: 2 heads, 3 drives" in text
    (beside,) = re.findall(r"grpo beside ppo.*?speed_mps +(\S+) +(\S+) +(\S+)", text, re.DOTALL)
    assert re.findall(r"plans moved: 100.0%, by .* on average, (.*) m at the last waypoint", text) == ["20.00", "32.50"]
    document = json.loads(kept.read_text())
    assert len(document["judged"]) == len(document["deltas"]) == 3
    assert all(len(values) == 3 for judged in document["judged"].values() for values in judged.values())
    base, slow, fast = (np.array(judged["speed_mps"]) for judged in document["judged"].values())
    assert (base < slow).all()
    assert (slow < fast).all()
    ppo_mps, grpo_mps = slow.mean(), (slow.mean() + fast.mean()) / 2
    assert [float(number) for number in beside] == pytest.approx([ppo_mps, grpo_mps, grpo_mps - ppo_mps], rel=0.01)

    monkeypatch.setattr(judge_heads.Judge, "_drive", lambda *_: pytest.fail("driven again"))
    assert main(call) == 0
    assert capsys.readouterr().out == text
    settings.write_text(SETTINGS.replace("ticks: 8", "ticks: 8, workers: 2, restarts: {share: 0.5}"))
    assert main(call) == 0  # how the training drove makes no difference to these drives
    assert main([*call, "--drives", "4"]) == EXIT_UNUSABLE
    assert "other settings" in capsys.readouterr().err


def test_another_seed_draws_other_drives(sft_path: Path, settings: Path, tmp_path: Path) -> None:
    head, judged = head_file(tmp_path, sft_path, 20.0), []
    for place, words in (("a", []), ("b", ["--seed", str(judge_heads.TEST_SEED)]), ("c", ["--seed", "7"])):
        call = ["--sft-model", str(sft_path), "--config", str(settings), "--drives", "2", "--jobs", "1", *words]
        assert main([*call, "--ppo", head, "--output", str(tmp_path / place)]) == 0
        judged.append(json.loads((tmp_path / place).read_text())["judged"])
    assert judged[0] == judged[1]
    assert judged[0]["base"]["deviation_m"] != judged[2]["base"]["deviation_m"]


def test_a_head_that_looks_at_what_the_drives_do_not_show_is_refused(
    sft_path: Path, settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = head_file(tmp_path, sft_path, 20.0, use_target_point=True)
    call = ["--sft-model", str(sft_path), "--config", str(settings), "--drives", "1", "--jobs", "1"]
    assert main([*call, "--ppo", head, "--output", str(tmp_path / "judged.json")]) == EXIT_UNUSABLE
    assert "the head sees the target point: set drive.target_point" in capsys.readouterr().err
    assert not (tmp_path / "judged.json").exists()


def test_without_settings_drives_go_as_where_the_heads_were_trained(
    sft_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "judged.json"
    trained = {"max_drive_s": 2.0, "ticks": 8, "workers": 2, "drives": {"encounters": 0.0}}
    ppo = head_file(tmp_path, sft_path, 20.0, trained)
    grpo = head_file(tmp_path, sft_path, 45.0, trained | {"workers": 1})
    call = ["--sft-model", str(sft_path), "--drives", "1", "--jobs", "1", "--output", str(kept)]
    assert main([*call, "--ppo", ppo, "--grpo", grpo]) == 0
    assert json.loads(kept.read_text())["drive"]["max_drive_s"] == 2.0
    other = head_file(tmp_path, sft_path, 30.0, trained | {"ticks": 4})
    assert main([*call, "--ppo", ppo, other]) == EXIT_UNUSABLE
    assert "was trained with another drive.ticks than" in capsys.readouterr().err
    untold = head_file(tmp_path, sft_path, 25.0)
    for words, message in (
        (["--ppo", untold], "was not trained on drives, give --config"),
        (["--control", untold], "no head tells settings of drives"),
    ):
        assert main([*call, *words]) == EXIT_UNUSABLE
        assert message in capsys.readouterr().err


def test_a_head_over_another_network_is_refused_before_anything_is_driven(
    sft_path: Path, settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = Path(head_file(tmp_path, sft_path, 20.0))
    found = load_checkpoint(head, KIND_DELTA)
    save_checkpoint(head, replace(found, training={"sft_sha256": "f00"}))
    call = ["--sft-model", str(sft_path), "--config", str(settings), "--output", str(tmp_path / "judged.json")]
    assert main([*call, "--ppo", str(head)]) == EXIT_UNUSABLE
    assert "was trained on the network f00" in capsys.readouterr().err
    assert not (tmp_path / "judged.json").exists()


def test_heads_with_equal_numbers_and_other_bounds_are_two(
    sft_path: Path, settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, sft = tmp_path / "judged.json", load_checkpoint(sft_path, KIND_SFT)
    files = [str(tmp_path / folder / "faster.pt") for folder in ("a", "b")]
    for file, change_mps in zip(files, (1.0, 4.0), strict=True):
        save_checkpoint(Path(file), constant_head(sft, change_mps))
    call = ["--sft-model", str(sft_path), "--config", str(settings), "--drives", "1", "--jobs", "1"]
    assert main([*call, "--control", *files, "--output", str(kept)]) == 0
    assert capsys.readouterr().out.count("1 heads, 1 drives") == len(files)
    judged = json.loads(kept.read_text())["judged"]
    assert len({tuple(values["return"]) for values in judged.values()}) == len(judged) == 3


def test_an_algorithms_value_is_the_mean_over_its_heads() -> None:
    def drives(*values: float) -> dict[str, list[float]]:
        return {name: list(values) for name in judge_heads.HIGHER_IS_BETTER}

    base = range(6)
    found = compared(drives(*base), [drives(*base), drives(*(value + 2.0 for value in base))])
    assert found["return"]["difference"] == pytest.approx(1.0)
    assert found["return"]["heads"] == pytest.approx([2.5, 4.5])
    assert found["return"]["verdict"] == "better"
    assert found["infraction"]["verdict"] == "worse"


def test_what_cannot_be_used_is_said(sft_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["--sft-model", str(sft_path), "--output", str(tmp_path / "judged.json"), "--drives", "1"]
    with pytest.raises(SystemExit):
        main(call)
    assert "no head to judge" in capsys.readouterr().err
    gone = str(tmp_path / "gone.pt")
    assert main(["--sft-model", gone, "--ppo", gone, *call[2:]]) == EXIT_UNUSABLE
    assert "gone.pt" in capsys.readouterr().err
