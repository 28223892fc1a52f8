"""What an import did, what it left out, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_COUNTS = ("episodes_written", "episodes_present", "frames", "labelled_frames", "rated_frames", "images")


class SkipError(ValueError):
    """Something cannot be imported and is left out. ``reason`` is the same text for the same kind of problem."""

    def __init__(self, reason: str, detail: str = ""):
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(slots=True)
class Skipped:
    """How often something was left out for one reason, and the first case."""

    count: int
    first: str


@dataclass(slots=True)
class ImportReport:
    """Counts of one import. ``damage`` holds a message for each damaged record or file."""

    episodes_written: int = 0
    episodes_present: int = 0
    frames: int = 0
    labelled_frames: int = 0
    rated_frames: int = 0
    images: int = 0
    skipped: dict[str, Skipped] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)

    def skip(self, what: str, reason: str, where: str) -> None:
        """Note that a ``what`` (record, frame, image, label, segment) was left out."""
        entry = self.skipped.setdefault(f"{what}: {reason}", Skipped(0, where))
        entry.count += 1

    def add(self, part: ImportReport) -> None:
        """Add the counts of a part of the import."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(part, name))
        for reason, skipped in part.skipped.items():
            self.skipped.setdefault(reason, Skipped(0, skipped.first)).count += skipped.count
        self.damage += part.damage

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "skipped": {reason: {"count": s.count, "first": s.first} for reason, s in sorted(self.skipped.items())},
            "damage": list(self.damage),
        }

    def lines(self) -> list[str]:
        """Write the report as text, one fact per line."""
        return [
            f"{self.episodes_written} episodes written, {self.episodes_present} were there already",
            f"{self.frames} frames with {self.images} images; {self.labelled_frames} with a waypoint label, "
            f"{self.rated_frames} with rated trajectories",
            *(f"left out {s.count} x {reason} (first: {s.first})" for reason, s in sorted(self.skipped.items())),
            *(f"damaged: {message}" for message in self.damage),
        ]
