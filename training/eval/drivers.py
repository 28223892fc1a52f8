"""A checkpoint as a driver of evaluations."""

from __future__ import annotations

from pathlib import Path

from waypilot.drivers import LearnedDriver


class WaypointBCModelWrapper(LearnedDriver):
    """A learned waypoint checkpoint, optionally with a delta head, as a driver.

    Raises CheckpointError when a file cannot be used.
    """

    def __init__(self, checkpoint: Path, delta_checkpoint: Path | None = None) -> None:
        # Only here: evaluating the expert needs no torch, whose import takes seconds.
        from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

        delta = "" if delta_checkpoint is None else str(delta_checkpoint)
        super().__init__(WaypointPolicyTorch(WaypointPolicyConfig(str(checkpoint), delta)))
