"""What the bag check keeps of a long bag."""

import tracemalloc

import pytest

from waypilot.bags import survey
from waypilot.bags.stamps import TopicStamps
from waypilot.geometry import Pose
from waypilot.types import EgoState

STEP_NS = 50_000_000


def test_a_stamp_takes_little_more_than_eight_bytes():
    count = 50_000
    tracemalloc.start()
    try:
        stamps = TopicStamps("/odometry")
        for number in range(count):
            stamps.add((1 + number) * STEP_NS)
        used_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stamps.kept == count
    assert used_bytes < 12 * count


def test_speeds_of_a_long_bag_are_thinned_out_evenly(monkeypatch):
    monkeypatch.setattr(survey, "MAX_SPEEDS", 64)
    speeds = survey._Speeds()
    # The first half is stated right, the second 2 m/s too fast: only a fair share of both makes the mean 1 m/s.
    for number in range(2000):
        pose = Pose.from_xyz_rpy(10.0 * number * STEP_NS / 1e9, 0.0, 0.0)
        stated_mps = 10.0 if number < 1000 else 12.0
        speeds.add(EgoState((1 + number) * STEP_NS, pose, (stated_mps, 0.0, 0.0), (0.0, 0.0, 0.0)))
    assert 32 <= len(speeds._pairs) <= 64
    off_mps = [stated - driven for driven, stated in speeds._pairs]
    assert sum(off_mps) / len(off_mps) == pytest.approx(1.0, abs=0.1)
