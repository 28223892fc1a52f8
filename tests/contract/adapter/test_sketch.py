"""A sketch of a map shows where a scenario may start: spawn points lie on lanes that lead their way."""

from __future__ import annotations

import cv2
import numpy as np

from carla_lite.maps import load_town
from training.eval import show_map


def test_spawn_points_lie_on_lanes_that_lead_their_way(session):
    sketch = session.sketch_map("Lite01")
    expected = [pose.planar for pose in load_town("Lite01").spawn_points]
    assert np.allclose(
        [(p.x_m, p.y_m, p.yaw_rad) for p in sketch.spawn_poses],
        [(p.x_m, p.y_m, p.yaw_rad) for p in expected],
        atol=1e-3,
    )
    starts = np.concatenate([lane[:-1] for lane in sketch.lanes_m])
    steps = np.concatenate([np.diff(lane, axis=0) for lane in sketch.lanes_m])
    for pose in sketch.spawn_poses:
        ahead = np.array([np.cos(pose.yaw_rad), np.sin(pose.yaw_rad)])
        distances = np.hypot(*(starts - (pose.x_m, pose.y_m)).T)
        assert distances.min() < 2.0
        assert steps[distances.argmin()] @ ahead > 0.9 * np.hypot(*steps[distances.argmin()])


def test_the_command_prints_what_a_suite_file_takes_and_draws_the_map(server, tmp_path, capsys):
    picture = tmp_path / "map.png"
    arguments = ["--port", str(server.port), "--output", str(picture)]
    assert show_map.main(["--map", "Lite01", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = load_town("Lite01").spawn_points[0].planar
    assert lines[0].split(None, 1) == ["0", show_map.place_text(first)]
    assert cv2.imread(str(picture)).shape[:2] == (1400, 1400)
    picture.unlink()
    assert show_map.main(["--map", "Nowhere", *arguments]) == 2
    assert "it lists: Lite01" in capsys.readouterr().err
    assert not picture.exists()
