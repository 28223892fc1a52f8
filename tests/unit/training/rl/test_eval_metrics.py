import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.rl.comparison import compare_values
from training.rl.eval_metrics import main
from training.rl.predictions import FORMAT, PredictionsError, load_predictions, save_predictions


def write(path: Path, offsets_m: list[float], **extra: list[Any]) -> Path:
    """Cases whose four predictions all lie ``offset`` to the left of the label."""
    label = [[float(x), 0.0] for x in range(1, 5)]
    cases = []
    for i, offset in enumerate(offsets_m):
        case: dict[str, Any] = {"id": f"c{i}", "label_m": label, "predicted_m": [[x, y + offset] for x, y in label]}
        cases.append(case | {key: values[i] for key, values in extra.items()})
    path.write_text(json.dumps({"format": FORMAT, "name": path.stem, "dt_s": 0.5, "cases": cases}))
    return path


def result_of(tmp_path: Path, *arguments: object) -> dict[str, Any]:
    output = tmp_path / "result.json"
    assert main([*map(str, arguments), "--output", str(output)]) == 0
    return json.loads(output.read_text())


def test_known_answers_with_horizon_and_rate(tmp_path: Path) -> None:
    (summary,) = result_of(tmp_path, write(tmp_path / "a.json", [1.0, 3.0]))["files"]
    assert summary["ade_m"] == 2.0
    assert summary["fde_m"] == 2.0
    assert summary["goal_reach_rate"] == 0.5
    assert summary["waypoint_hit_rate"] == 0.5
    assert (summary["horizon_s"], summary["rate_hz"], summary["cases"]) == (2.0, 2.0, 2)
    assert summary["goal_and_hits_from"] == "planned"
    assert summary["threshold_m"] == 2.0
    assert summary["ade@1s_m"] == 2.0


def test_ade_and_fde_differ_where_the_error_grows(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", [0.0])
    data = json.loads(path.read_text())
    data["cases"][0]["predicted_m"] = [[1.0, 0.0], [2.0, 1.0], [3.0, 2.0], [4.0, 5.0]]
    path.write_text(json.dumps(data))
    (summary,) = result_of(tmp_path, path)["files"]
    assert (summary["ade_m"], summary["fde_m"]) == (2.0, 5.0)
    assert (summary["goal_reach_rate"], summary["waypoint_hit_rate"]) == (0.0, 0.75)


def test_driven_outcomes_win_over_the_threshold(tmp_path: Path) -> None:
    driven = {"goal_reached": [True, True], "waypoints_hit": [8, 4], "waypoints_total": [8, 8]}
    (summary,) = result_of(tmp_path, write(tmp_path / "a.json", [9.0, 9.0], **driven))["files"]
    assert summary["goal_reach_rate"] == 1.0
    assert summary["waypoint_hit_rate"] == 0.75
    assert summary["goal_and_hits_from"] == "driven"


def test_comparison_pairs_cases_by_id(tmp_path: Path) -> None:
    offsets = [float(value) for value in range(1, 9)]
    before = write(tmp_path / "sft.json", offsets)
    after = write(tmp_path / "rl.json", [offset - 0.5 for offset in offsets])
    data = json.loads(after.read_text())
    data["cases"].reverse()
    after.write_text(json.dumps(data))
    entry = result_of(tmp_path, before, after, "--compare")["comparison"]["ade_m"]
    # Every case improves by exactly half a metre, so the interval has no width.
    assert (entry["before"], entry["after"]) == (4.5, 4.0)
    assert (entry["difference"], entry["low"], entry["high"]) == (-0.5, -0.5, -0.5)
    assert entry["verdict"] == "better"


def test_verdicts() -> None:
    noise = np.array([-1.0, 1.0] * 20)
    zeros = np.zeros(40)
    assert compare_values("ade_m", zeros, noise)["verdict"] == "undecided"
    assert compare_values("ade_m", zeros, noise + 3.0)["verdict"] == "worse"
    for differing, verdict in ((5, "undecided"), (6, "worse")):  # a sign test decides nothing with five
        assert compare_values("ade_m", np.zeros(9), np.arange(9) < differing)["verdict"] == verdict
    assert compare_values("return", zeros, noise + 3.0)["verdict"] == "better"
    assert compare_values("return", zeros[:1], zeros[:1] + 5.0)["verdict"] == "undecided"
    with pytest.raises(ValueError, match="same cases"):
        compare_values("return", zeros, zeros[:3])


def test_predictions_survive_the_file(tmp_path: Path) -> None:
    driven = {"goal_reached": [True, False], "waypoints_hit": [8, 4], "waypoints_total": [8, 8]}
    first = load_predictions(write(tmp_path / "a.json", [1.0, 2.0], **driven))
    save_predictions(tmp_path / "b.json", first)
    second = load_predictions(tmp_path / "b.json")
    for name in ("predicted_m", "label_m", "goal_reached", "waypoints_hit", "waypoints_total"):
        assert np.array_equal(getattr(first, name), getattr(second, name))
    assert (first.ids, first.dt_s, first.name) == (second.ids, second.dt_s, second.name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(format="other"), "format"),
        (lambda data: data.update(dt_s=0), "dt_s"),
        (lambda data: data.update(cases=[]), "cases"),
        (lambda data: data["cases"][1].update(id="c0"), "same id"),
        (lambda data: data["cases"][1].update(predicted_m=[[1.0]]), "case c1: predicted_m"),
        (lambda data: data["cases"][1].update(predicted_m=[[1.0, None]]), "case c1: predicted_m"),
        (lambda data: data["cases"][1]["label_m"].pop(), "case c1: 4 predicted waypoints and 3 labels"),
        (lambda data: data["cases"][1].update(goal_reached=True), "case c0: goal_reached"),
    ],
)
def test_wrong_files_are_refused_with_the_place(tmp_path: Path, change: Any, message: str) -> None:
    path = write(tmp_path / "a.json", [1.0, 2.0])
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(PredictionsError, match=message):
        load_predictions(path)


def test_what_cannot_be_compared_is_an_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    a, b = write(tmp_path / "a.json", [1.0, 2.0]), write(tmp_path / "b.json", [1.0])
    assert main([str(a), str(b), "--compare"]) == 1
    assert "different cases" in caplog.text
    assert main([str(tmp_path / "missing.json")]) == 1
    assert "missing.json: no such file; training.rl.train_ppo_waypoint_delta" in caplog.text
    with pytest.raises(SystemExit):
        main([str(a), "--compare"])
