"""What one drive keeps in memory is bounded, and what that costs is counted."""

from collections import Counter
from types import SimpleNamespace

from training.data import bag_drive
from training.data.bag_drive import BagDrive, LabelConfig
from waypilot.bags.events import Commanded
from waypilot.geometry import Pose
from waypilot.rig import DEFAULT_RIG
from waypilot.types import Control, EgoState

STEP_NS = 50_000_000


def drive(counts):
    return BagDrive(SimpleNamespace(), None, DEFAULT_RIG, LabelConfig(), counts)


def test_motion_that_no_frame_needs_is_let_go(monkeypatch):
    monkeypatch.setattr(bag_drive, "LATE_NS", 20 * STEP_NS)
    kept = drive(Counter())
    for number in range(500):
        pose = Pose.from_xyz_rpy(0.1 * number, 0.0, 0.0)
        kept.on_motion(EgoState(number * STEP_NS, pose, (2.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
    # A frame that comes late still finds the motion around it.
    assert kept._future.state_at(480 * STEP_NS) is not None
    assert kept._future.state_at(470 * STEP_NS) is None


def test_commands_beyond_what_may_wait_are_counted(monkeypatch):
    monkeypatch.setattr(bag_drive, "MAX_COMMANDS", 10)
    counts = Counter()
    kept = drive(counts)
    for number in range(25):
        kept.on_command(Commanded(number * STEP_NS, Control(throttle=0.1)))
    assert counts == {"commands too far ahead of their frames": 15}
