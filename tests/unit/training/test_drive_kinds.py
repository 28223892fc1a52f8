"""Drives of several kinds under one pattern."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from training.data.drive_kinds import Drive, choose_kind, group_by_kind
from training.data.sample_table import load_drives
from training.sft.config import SftConfig
from training.sft.trainer import SftTrainer
from waypilot.episodes import EpisodeError
from waypilot.rig import DEFAULT_RIG

WIDE = (replace(DEFAULT_RIG[0], width_px=640),)
SHIFTED = (replace(DEFAULT_RIG[0], fov_rad=DEFAULT_RIG[0].fov_rad * 1.02),)


@pytest.fixture
def drives(make_episodes: Callable[..., str]) -> list[Drive]:
    return load_drives(make_episodes(episodes=5, frames=2)).episodes


def changed(drive: Drive, **changes: object) -> Drive:
    return drive[0], replace(drive[1], **changes)


def shortened(drive: Drive) -> Drive:
    frames = tuple(replace(frame, waypoints_m=frame.waypoints_m[:12]) for frame in drive[1].frames)
    return changed(drive, frames=frames)


def test_cameras_spacing_and_horizon_make_a_kind(drives: list[Drive]) -> None:
    a, b, c, d, e = drives
    unlabelled = tuple(replace(frame, waypoints_m=None) for frame in e[1].frames)
    kinds = group_by_kind(
        [
            a,
            changed(b, cameras=WIDE),
            shortened(c),
            changed(d, waypoint_dt_ns=100_000_000),
            changed(e, frames=unlabelled),
        ]
    )
    assert [[path for path, _ in kind] for kind in kinds] == [[a[0], e[0]], [b[0]], [c[0]], [d[0]]]
    assert len(group_by_kind([a, changed(b, cameras=SHIFTED, source="other")])) == 1


def test_most_drives_win_and_the_rest_is_told(drives: list[Drive], caplog: pytest.LogCaptureFixture) -> None:
    mixed = [changed(drives[0], cameras=WIDE, source="foreign"), *drives[1:]]
    with caplog.at_level(logging.WARNING):
        assert choose_kind(mixed) == mixed[1:]
    assert "using 4 drives of test (front 320x180; waypoints every 0.25 s)" in caplog.text
    assert "1 drives of foreign (front 640x180; waypoints every 0.25 s), which are left out" in caplog.text
    caplog.clear()
    assert choose_kind(mixed, ["foreign"]) == mixed[:1]
    assert choose_kind(mixed, ["test"]) == mixed[1:]
    assert caplog.text == ""


def test_a_source_that_is_not_there_is_an_error(drives: list[Drive]) -> None:
    with pytest.raises(EpisodeError, match=r"no drive of source 'tset' among those found: test \(5 drives\)"):
        choose_kind(drives, ["test", "tset"])


def test_a_trainer_works_beside_drives_of_another_kind(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(episodes=3, frames=2)
    alone = load_drives(pattern)
    foreign = tmp_path / "episodes" / "foreign" / "000"
    foreign.parent.mkdir()
    make_episodes(episodes=1, frames=1, rig=WIDE, folder="foreign_only")
    (tmp_path / "foreign_only" / "000").rename(foreign)
    both = load_drives(pattern)
    assert (len(both.episodes), both.sha256) == (3, alone.sha256)
    config = SftConfig(episodes_glob=pattern, out_dir=str(tmp_path / "out"), val_fraction=0.0, num_threads=1)
    assert len(SftTrainer(config).train_set) == 6
