"""The policies a policy node can run, behind one small interface."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from waypilot.config import ConfigError
from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.policy import Policy
from waypilot.rig import CameraSpec
from waypilot.route import Route
from waypilot.scenarios import Scenario


class Driver(Protocol):
    """A policy and what it needs. ``cameras`` are those whose images it looks at."""

    policy: Policy
    cameras: tuple[CameraSpec, ...]

    def reset(self, scenario: Scenario, route: Route, seed: int) -> None:
        """Start a new drive."""
        ...


class ExpertDriver:
    """The privileged expert; it drives at the scenario's target speed and needs no camera."""

    cameras: tuple[CameraSpec, ...] = ()

    def __init__(self) -> None:
        self.policy: Policy = ExpertPolicy()

    def reset(self, scenario: Scenario, route: Route, seed: int) -> None:
        """Start a new drive."""
        self.policy = ExpertPolicy(replace(ExpertConfig(), target_speed_mps=scenario.target_speed_mps))
        self.policy.reset(route, seed)


class LearnedDriver:
    """A checkpoint; it knows which cameras it was trained with."""

    def __init__(self, checkpoint: str, delta_checkpoint: str) -> None:
        """Load the checkpoint; raises ConfigError when it cannot be used."""
        # Only here: a node that runs the expert needs no torch.
        from training.models.checkpoint import CheckpointError
        from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

        try:
            policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint, delta_checkpoint))
        except CheckpointError as error:
            raise ConfigError(f"checkpoint: {error}") from error
        self.policy: Policy = policy
        self.cameras = policy.cameras

    def reset(self, scenario: Scenario, route: Route, seed: int) -> None:
        """Start a new drive."""
        self.policy.reset(route, seed)


def make_driver(policy: str, checkpoint: str, delta_checkpoint: str) -> Driver:
    """Make the driver named ``policy`` ('expert' or 'checkpoint'); ConfigError when its checkpoint cannot be used."""
    return ExpertDriver() if policy == "expert" else LearnedDriver(checkpoint, delta_checkpoint)
