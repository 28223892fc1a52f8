"""Quality-of-service profiles, each named once. They are those of carla_ros_bridge wherever it has the topic."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy


def _profile(depth: int, durability: DurabilityPolicy = DurabilityPolicy.VOLATILE) -> QoSProfile:
    return QoSProfile(
        reliability=ReliabilityPolicy.RELIABLE, durability=durability, history=HistoryPolicy.KEEP_LAST, depth=depth
    )


#: Everything that comes once a frame, images included (upstream sends them reliably as well).
FRAME = _profile(10)

#: For what the judge must not lose even when it falls behind for seconds. Both ends need it: a publisher drops what
#: does not fit its own depth, acknowledged or not.
RECORD = _profile(1000)

#: Images at the sending end and where they are recorded or filmed, so that those may fall behind.
IMAGE = _profile(100)

#: Events and status changes.
EVENT = _profile(100)

#: What is said once and must reach those who come later.
LATCHED = _profile(10, DurabilityPolicy.TRANSIENT_LOCAL)

#: A path that only the latest of is of interest, latched.
LATCHED_LAST = _profile(1, DurabilityPolicy.TRANSIENT_LOCAL)
