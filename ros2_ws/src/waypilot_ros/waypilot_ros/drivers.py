"""The drivers a policy node can run."""

from __future__ import annotations

from waypilot.config import ConfigError
from waypilot.drivers import Driver, ExpertDriver, LearnedDriver


def make_driver(policy: str, checkpoint: str, delta_checkpoint: str) -> Driver:
    """Make the driver named ``policy`` ('expert' or 'checkpoint'); ConfigError when its checkpoint cannot be used."""
    if policy == "expert":
        return ExpertDriver()
    # Only here: a node that runs the expert needs no torch.
    from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

    try:
        return LearnedDriver(WaypointPolicyTorch(WaypointPolicyConfig(checkpoint, delta_checkpoint)))
    except ValueError as error:
        raise ConfigError(f"checkpoint: {error}") from error
