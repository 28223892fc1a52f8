"""Who may drive: a source of policies, one for each scenario, and what they look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.policy import Policy
from waypilot.rig import CameraSpec
from waypilot.scenarios import Scenario


class Driver(Protocol):
    """Gives the policy of each scenario."""

    @property
    def name(self) -> str:
        """Short name for results and logs."""
        ...

    @property
    def cameras(self) -> tuple[CameraSpec, ...]:
        """Cameras whose images its policies look at."""
        ...

    @property
    def privileged(self) -> bool:
        """Whether its policies are shown what the simulator knows of their surroundings."""
        ...

    def policy_for(self, scenario: Scenario) -> Policy:
        """Return the policy that shall drive ``scenario``; to be reset before it drives."""
        ...


class ExpertDriver:
    """The privileged expert at each scenario's target speed. It looks at no camera."""

    name = "expert"
    cameras: tuple[CameraSpec, ...] = ()
    privileged = True

    def policy_for(self, scenario: Scenario) -> Policy:
        """Make an expert that drives as fast as the scenario asks."""
        return ExpertPolicy(replace(ExpertConfig(), target_speed_mps=scenario.target_speed_mps))


class CameraPolicy(Policy, Protocol):
    """A policy that knows the cameras it was trained with."""

    @property
    def cameras(self) -> tuple[CameraSpec, ...]:
        """Cameras that the vehicle must carry."""
        ...


class LearnedDriver:
    """One learned policy for all scenarios; it adapts its speed by what it sees, not by the scenario."""

    privileged = False

    def __init__(self, policy: CameraPolicy) -> None:
        self._policy = policy

    @property
    def name(self) -> str:
        """The policy's own name."""
        return self._policy.name

    @property
    def cameras(self) -> tuple[CameraSpec, ...]:
        """The cameras that the policy was trained with."""
        return self._policy.cameras

    def policy_for(self, scenario: Scenario) -> Policy:
        """Return the learned policy."""
        return self._policy
