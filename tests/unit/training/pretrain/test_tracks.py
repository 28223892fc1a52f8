from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from training.data.sample_table import load_drives
from training.pretrain.pairs import motion_scale
from training.pretrain.tracks import TrackTable, build_tracks, pair_windows, relative_motion
from waypilot.episodes import EpisodeError
from waypilot.geometry import SE2


@pytest.fixture
def table(make_drives: Callable[..., str]) -> TrackTable:
    return build_tracks(load_drives(make_drives(drives=3, frames=12)).episodes)


def test_motion_known_answers() -> None:
    start = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, np.pi / 2], [0.0, 0.0, 3.0]])
    end = np.array([[4.0, 1.0, 0.1], [0.0, 5.0, np.pi / 2], [0.0, 0.0, -3.0]])
    expected = [[3.0, -1.0, 0.1], [5.0, 0.0, 0.0], [0.0, 0.0, 2 * np.pi - 6.0]]
    assert relative_motion(start, end) == pytest.approx(np.array(expected))


def test_motion_agrees_with_the_composition_of_poses() -> None:
    random = np.random.default_rng(0)
    start, end = random.uniform(-3.0, 3.0, size=(2, 50, 3))
    motion = relative_motion(start, end)
    for a, b, m in zip(start, end, motion, strict=True):
        pose = SE2(*a).inverse().compose(SE2(*b))
        assert m == pytest.approx([pose.x_m, pose.y_m, pose.yaw_rad])


def test_partners_are_those_within_the_gap_on_the_same_track(table: TrackTable) -> None:
    windows = pair_windows(table, 0.4, 1.0)
    pairs = {
        (anchor, first + k)
        for anchor, first, count in zip(windows.anchor, windows.first, windows.count, strict=True)
        for k in range(count)
    }
    expected = {
        (i, j)
        for i in range(len(table))
        for j in range(len(table))
        if table.track[i] == table.track[j] and 0.399 < table.stamp_s[j] - table.stamp_s[i] < 1.001
    }
    assert pairs == expected
    assert len(expected) == 3 * (10 + 9 + 8 + 7)


def test_either_image_may_come_first_and_draws_follow_the_seed(table: TrackTable) -> None:
    windows = pair_windows(table, 0.4, 1.0)
    positions = np.arange(len(windows.anchor))
    start, end = windows.draw(positions, np.random.default_rng(1))
    again = windows.draw(positions, np.random.default_rng(1))
    assert np.array_equal(start, again[0])
    assert np.array_equal(end, again[1])
    gap_s = table.stamp_s[end] - table.stamp_s[start]
    assert (gap_s > 0.0).any()
    assert (gap_s < 0.0).any()
    assert np.all((np.abs(gap_s) > 0.399) & (np.abs(gap_s) < 1.001))
    assert np.array_equal(np.minimum(start, end), windows.anchor)


def test_gaps_that_no_drive_has_are_refused(table: TrackTable) -> None:
    with pytest.raises(EpisodeError, match="none of 36 images has another one 5 to 6 s later"):
        pair_windows(table, 5.0, 6.0)


def test_episodes_of_different_cameras_are_refused(make_drives: Callable[..., str]) -> None:
    episodes = load_drives(make_drives(drives=2, frames=2)).episodes
    path, episode = episodes[1]
    wider = replace(episode, cameras=(replace(episode.cameras[0], width_px=640),))
    with pytest.raises(EpisodeError, match="640"):
        build_tracks([episodes[0], (path, wider)])


def test_scale_is_the_root_mean_square_and_never_zero(table: TrackTable) -> None:
    windows = pair_windows(table, 0.4, 0.4)
    still = replace(table, pose=np.tile([1.0, 2.0, 0.5], (len(table), 1)))
    assert motion_scale(still, windows).tolist() == [1.0, 1.0, 1.0]
    straight = replace(still, pose=np.stack([2.0 * table.stamp_s, 0 * table.stamp_s, 0 * table.stamp_s], axis=1))
    assert motion_scale(straight, windows) == pytest.approx([0.8, 1.0, 1.0])
