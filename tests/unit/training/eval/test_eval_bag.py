"""Open-loop evaluation on bags: truth from odometry, in the right frame at the right stamp; damage is survived."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from training.eval import eval_bag
from training.eval.bag_errors import PlanErrors, Sums, bin_name, errors_by_horizon, speed_bin
from training.eval.eval_bag import main
from training.rl import eval_metrics
from training.rl.predictions import load_predictions

CHECKPOINT = Path(__file__).parents[4] / "checkpoints" / "sft_waypoint_bc_v0.pt"


def run(bag, out, *more):
    code = main(["--bag", str(bag), "--checkpoint", str(CHECKPOINT), "--output", str(out), *more])
    path = out / "metrics.json"
    return code, json.loads(path.read_text())["results"][0] if path.exists() else None


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_policy_that_plans_what_was_driven_has_no_error(drives, tmp_path, storage, monkeypatch):
    ahead = np.array([drives.place(drives.START_NS + (i + 1) * 250_000_000)[:2] for i in range(20)])

    def circle(self, images, *_):
        return torch.from_numpy(np.repeat(ahead[None], len(images["front"]), axis=0))

    monkeypatch.setattr(eval_bag.WaypointPolicyTorch, "__call__", circle)
    code, result = run(drives.write(tmp_path / "bag", drives.upstream(160), storage), tmp_path / "out")
    assert code == 0
    assert {name: values["frames"] for name, values in result["all"].items()} == {
        "1s": 140,
        "2s": 120,
        "3s": 100,
        "5s": 60,
    }
    assert max(values["fde_m"] for values in result["all"].values()) < 1e-9
    assert result["counts"]["frames"] == 160
    # As sha256sum has it, and as closed-loop results name the checkpoint.
    assert result["checkpoint"] == {
        "name": CHECKPOINT.name,
        "sha256": hashlib.sha256(CHECKPOINT.read_bytes()).hexdigest(),
    }


def test_a_truncated_bag_is_evaluated_as_far_as_it_is_whole(drives, tmp_path, capsys):
    path = drives.write(tmp_path / "bag", drives.upstream(80))
    file = path / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    code, result = run(path, tmp_path / "out")
    assert code == 0
    assert 30 <= result["counts"]["frames"] <= 40
    assert result["all"]["1s"]["frames"] == result["counts"]["frames"] - 20
    assert "cannot be read beyond" in capsys.readouterr().err


def test_without_odometry_the_message_says_so(drives, tmp_path, capsys):
    messages = [entry for entry in drives.upstream(3) if "odometry" not in entry[0]]
    code, _ = run(drives.write(tmp_path / "bag", messages), tmp_path / "out")
    assert code == 2
    assert "without odometry there is no ground truth" in capsys.readouterr().err


def test_an_error_has_a_part_along_the_driven_path_and_one_across():
    # One second ahead, a stop, then to the left: at the stop the direction is still that of before.
    driven_m = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 3.0]])
    still_m = np.zeros((3, 2))
    driven_m = np.stack([driven_m, still_m])
    errors = PlanErrors.of(driven_m + np.array([1.0, 0.5]), driven_m, np.ones((2, 3), dtype=bool))
    assert errors.longitudinal_m == pytest.approx(np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 1.0]]))
    assert errors.lateral_m == pytest.approx(np.array([[0.5, 0.5, -1.0], [0.5, 0.5, 0.5]]))
    assert errors.distance_m == pytest.approx(np.hypot(1.0, 0.5))


def test_the_mean_up_to_t_and_the_value_at_t_are_told_apart():
    driven_m = np.stack([np.arange(1.0, 5.0), np.zeros(4)], axis=1)
    off_m = np.array([-1.0, 1.0, 9.0])[:, None, None] * np.stack([np.arange(1.0, 5.0), np.zeros(4)], axis=1)
    driven_m = np.repeat(driven_m[None], 3, axis=0)
    # Nothing of what the third plan aimed at is known.
    known = np.array([[True] * 4, [True] * 4, [False] * 4])
    sums = Sums()
    sums.add(errors_by_horizon(PlanErrors.of(driven_m + off_m, driven_m, known), 0.5, 3.0), np.ones(3, dtype=bool))
    sums.add(errors_by_horizon(PlanErrors.of(driven_m + off_m, driven_m, known), 0.5, 3.0), np.zeros(3, dtype=bool))
    gap = errors_by_horizon(PlanErrors.of(driven_m, driven_m, np.tile(np.arange(4) != 2, (3, 1))), 0.5, 3.0)
    assert {horizon_s: found.known.tolist() for horizon_s, found in gap.items()} == {1.0: [True] * 3, 2.0: [False] * 3}
    means = sums.means()
    assert list(means) == ["1s", "2s"]
    assert means["1s"] == {
        "frames": 2, "ade_m": 1.5, "fde_m": 2.0, "longitudinal_m": 2.0, "longitudinal_bias_m": 0.0, "lateral_m": 0.0,
        "miss_rate": 0.0,
    }  # fmt: skip
    assert (means["2s"]["ade_m"], means["2s"]["fde_m"], means["2s"]["miss_rate"]) == (2.5, 4.0, 1.0)


def test_a_horizon_between_two_waypoints_has_no_figures():
    plans_m = np.zeros((1, 20, 2))
    errors = PlanErrors.of(plans_m, plans_m, np.ones((1, 20), dtype=bool))
    assert list(errors_by_horizon(errors, 0.3, 2.0)) == [3.0]


def test_speeds_belong_to_bins():
    assert [bin_name(speed_bin(v)) for v in (-1.9, 2.0, 14.9, 40.0)] == [
        "0 to 2 m/s", "2 to 5 m/s", "10 to 15 m/s", "from 15 m/s"
    ]  # fmt: skip


def test_predictions_are_compared_by_eval_metrics_and_the_page_stands_alone(drives, tmp_path):
    again = [entry for entry in drives.upstream(120) if not entry[0].endswith("waypoints")]
    bag = drives.write(tmp_path / "bag", [*drives.upstream(130), *again])
    code, result = run(bag, tmp_path / "out", "--checkpoint", str(CHECKPOINT))
    assert code == 0
    assert list(result["by_speed"]) == ["5 to 10 m/s"]
    files = sorted((tmp_path / "out" / "predictions").iterdir())
    assert [file.name for file in files] == ["0_sft_waypoint_bc_v0.json", "1_sft_waypoint_bc_v0.json"]
    found = load_predictions(files[0])
    # Whole futures: 30 frames of the first drive, 20 of the second, though their stamps are the same.
    assert len(found.ids) == 50 == result["all"]["5s"]["frames"]
    error_m = np.linalg.norm(found.predicted_m - found.label_m, axis=2)
    assert error_m[:, -1].mean() == pytest.approx(result["all"]["5s"]["fde_m"], abs=2e-3)
    assert eval_metrics.main([*map(str, files), "--compare", "--output", str(tmp_path / "c.json")]) == 0
    assert json.loads((tmp_path / "c.json").read_text())["comparison"]["ade_m"]["difference"] == 0.0
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{result['all']['3s']['ade_m']:.3f}" in page
    assert "UniAD" in page
    assert "src=" not in page
    assert 'href="http' not in page


def routeless(drives, frames):
    return [entry for entry in drives.upstream(frames) if not entry[0].endswith("waypoints")]


def test_without_a_route_the_command_is_a_guess_that_is_named(drives, tmp_path, capsys):
    code, result = run(drives.write(tmp_path / "bag", routeless(drives, 40)), tmp_path / "out")
    assert code == 0
    assert (result["commands"], list(result["by_command"])) == ("assumed lane_follow", ["lane_follow"])
    assert result["all"]["1s"]["frames"] == 20
    assert "lane_follow, which is a guess" in capsys.readouterr().err
    assert "assumed lane_follow" in (tmp_path / "out" / "report.html").read_text()


def test_a_network_that_needs_target_points_is_refused_without_a_route(drives, tmp_path, capsys, monkeypatch):
    class Needy(eval_bag.WaypointPolicyTorch):
        looks_at_target_points = True

    monkeypatch.setattr(eval_bag, "WaypointPolicyTorch", Needy)
    code, _ = run(drives.write(tmp_path / "bag", routeless(drives, 40)), tmp_path / "out")
    assert code == 2
    assert "trained with target points, which come from it" in capsys.readouterr().err


def test_a_checkpoint_that_cannot_be_read_does_not_stop_the_other_one(drives, tmp_path, capsys):
    bag = drives.write(tmp_path / "bag", drives.upstream(40))
    code, result = run(bag, tmp_path / "out", "--checkpoint", str(tmp_path / "none.pt"))
    assert code == 1
    assert result["all"]["1s"]["frames"] == 20
    assert "none.pt: not evaluated" in capsys.readouterr().err


def test_images_of_another_size_are_counted_as_the_reason(drives, tmp_path, capsys):
    small = drives.image(drives.START_NS, drives.pixels(0, 90, 160))
    messages = [(t, k, s, type(small)(**{**small.__dict__, "header": m.header}) if t.endswith("image") else m)
                for t, k, s, m in drives.upstream(40)]  # fmt: skip
    code, result = run(drives.write(tmp_path / "bag", messages), tmp_path / "out")
    assert (code, result["all"]) == (1, {})
    assert "40 unusable image of front: wrong shape" in capsys.readouterr().err
    assert not list((tmp_path / "out" / "predictions").iterdir())


@pytest.mark.parametrize("late", ["image", "odometry"])
def test_a_topic_that_was_stored_seconds_after_the_other_one_is_joined_to_it(drives, tmp_path, late):
    messages = list(drives.upstream(100))
    behind = [entry for entry in messages if entry[0].endswith(late)]
    code, result = run(drives.write(tmp_path / "bag", [*(m for m in messages if m not in behind), *behind]), tmp_path)
    assert (code, result["counts"]["frames"], result["all"]["1s"]["frames"]) == (0, 100, 80)
