"""Who may drive an evaluation: the privileged expert or a checkpoint, each with the cameras that it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.policy import Policy
from waypilot.rig import CameraSpec
from waypilot.scenarios import Scenario


class Driver(Protocol):
    """Gives the policy of each scenario. ``cameras`` are those that its policies look at."""

    @property
    def name(self) -> str:
        """Short name for results."""
        ...

    @property
    def cameras(self) -> tuple[CameraSpec, ...]:
        """Cameras whose images the policy needs."""
        ...

    def policy_for(self, scenario: Scenario) -> Policy:
        """Return the policy that shall drive ``scenario``; it is reset before it drives."""
        ...


class ExpertDriver:
    """The privileged expert at each scenario's target speed. It looks at no camera."""

    name = "expert"
    cameras: tuple[CameraSpec, ...] = ()

    def policy_for(self, scenario: Scenario) -> Policy:
        """Make an expert that drives as fast as the scenario asks."""
        return ExpertPolicy(replace(ExpertConfig(), target_speed_mps=scenario.target_speed_mps))


class WaypointBCModelWrapper:
    """A learned waypoint checkpoint, optionally with a delta head, as a driver.

    Raises CheckpointError when a file cannot be used.
    """

    def __init__(self, checkpoint: Path, delta_checkpoint: Path | None = None) -> None:
        # Only here: evaluating the expert needs no torch, whose import takes seconds.
        from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

        delta = "" if delta_checkpoint is None else str(delta_checkpoint)
        self.checkpoint = checkpoint
        self.policy = WaypointPolicyTorch(WaypointPolicyConfig(str(checkpoint), delta))

    @property
    def name(self) -> str:
        """The policy's own name."""
        return self.policy.name

    @property
    def cameras(self) -> tuple[CameraSpec, ...]:
        """The cameras that the network was trained with."""
        return self.policy.cameras

    def policy_for(self, scenario: Scenario) -> Policy:
        """Return the network; it adapts its speed by what it sees, not by the scenario."""
        return self.policy
