"""What metrics are about and which way is better: one table for pages, comparisons and whoever else lists metrics.

A name may be a pattern. A metric that no line matches stands under the last theme, without a better way.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase


class Better(Enum):
    """Which values of a metric are the better ones; NEITHER describes the drive and judges nothing."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Theme:
    """A group of metrics: patterns of names, each with its better way. The first line that matches counts."""

    title: str
    lines: tuple[tuple[str, Better], ...]

    def better(self, name: str) -> Better | None:
        """Return the better way of a metric of this theme, None for one of another theme."""
        return next((better for pattern, better in self.lines if fnmatchcase(name, pattern)), None)


_UP, _DOWN, _NONE = Better.HIGHER, Better.LOWER, Better.NEITHER

OTHER = Theme("Other", (("*", _NONE),))
THEMES: tuple[Theme, ...] = (
    Theme(
        "Outcome",
        (
            ("success*", _UP),
            ("completion*", _UP),
            ("route_completion", _UP),
            ("driving_score*", _UP),
            ("pdm*", _UP),
            ("infraction_penalty*", _UP),
            ("infractions_per_km", _DOWN),
        ),
    ),
    Theme(
        "Safety",
        (
            ("collision*", _DOWN),
            ("time_to_collision_short_share", _DOWN),
            ("time_to_collision_min", _UP),
            ("distance_to_*_min", _UP),
        ),
    ),
    Theme(
        "Rules of the road",
        (
            ("red_light*", _DOWN),
            ("*stop_sign*", _DOWN),
            ("lane_invasion*", _DOWN),
            ("*off_road*", _DOWN),
            ("outside_*", _DOWN),
            ("wrong_way*", _DOWN),
            ("speeding*", _DOWN),
            ("speed_over_limit*", _DOWN),
            ("blocked", _DOWN),
            ("timed_out", _DOWN),
            ("route_deviated", _DOWN),
        ),
    ),
    Theme(
        "Path and control",
        (
            ("lateral_deviation*", _DOWN),
            ("heading_error*", _DOWN),
            ("tracking_error*", _DOWN),
            ("steering*", _DOWN),
        ),
    ),
    Theme("Comfort", (("comfort*", _UP), ("*acceleration*", _NONE), ("*jerk*", _DOWN), ("*yaw_rate*", _DOWN))),
    Theme("The drive", (("duration", _NONE), ("distance_*", _NONE), ("speed_*", _NONE))),
    Theme(
        "The stack",
        (
            ("frames", _NONE),
            ("frames_*", _DOWN),
            ("*stamp_age*", _DOWN),
            ("fault_recovered", _UP),
            ("fault_*", _DOWN),
        ),
    ),
    OTHER,
)


def theme_of(name: str) -> Theme:
    """Find the theme of a metric."""
    return next(theme for theme in THEMES if theme.better(name) is not None)


def better_way(name: str) -> Better:
    """Tell which values of a metric are the better ones."""
    return theme_of(name).better(name) or Better.NEITHER
