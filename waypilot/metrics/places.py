"""Where and when something happened on a drive."""

from __future__ import annotations

from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Infraction
from waypilot.types import NANOSECONDS_PER_SECOND


def infraction_at(
    drive: Drive,
    kind: str,
    stamp_ns: int,
    actor_id: int | None = None,
    impulse_ns: float | None = None,
    detail: str = "",
) -> Infraction:
    """Describe an infraction at a stamp; its place is that of the last frame until then."""
    index = drive.index_at(stamp_ns)
    pose = drive.egos[index].pose_map_from_base_link
    time_s = (stamp_ns - int(drive.stamps_ns[0])) / NANOSECONDS_PER_SECOND
    return Infraction(kind, time_s, pose.x_m, pose.y_m, float(drive.s_m[index]), actor_id, impulse_ns, detail)
