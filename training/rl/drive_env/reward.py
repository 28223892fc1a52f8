"""The reward of one step, as a pure function."""

from __future__ import annotations

from dataclasses import dataclass

from training.rl.drive_env.config import RewardConfig
from training.rl.drive_env.infractions import COEFFICIENTS, GOAL, NONE


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What happened in one step.

    ``progress`` is the route newly passed, in units of what the target speed passes in a step; ``lateral_m`` the
    distance from the route and ``speed_share`` the speed in units of the target speed, at the step's end. ``idle`` says
    that the vehicle stands where the road is free. ``signs_ignored`` counts stop signs passed without a stop. ``ended``
    is the infraction that ended the episode, GOAL, or NONE.
    """

    progress: float
    lateral_m: float
    speed_share: float
    uncomfortable: bool
    time_to_collision_s: float
    idle: bool = False
    signs_ignored: int = 0
    ended: str = NONE


def step_reward(facts: StepFacts, config: RewardConfig) -> float:
    """Progress times factors, minus the prices of standing idle, of stop signs, and of what ended the episode."""
    reward = facts.progress * factor(facts, config) - (config.idle if facts.idle else 0.0)
    reward -= config.penalty * config.stop_sign * facts.signs_ignored
    if facts.ended in (NONE, GOAL):
        return reward
    return reward - config.penalty * COEFFICIENTS[facts.ended]


def factor(facts: StepFacts, config: RewardConfig) -> float:
    """Product of all factors, 0 to 1."""
    lane = config.lane_low + (1.0 - config.lane_low) * _falling(
        abs(facts.lateral_m), config.lane_free_m, config.lane_edge_m
    )
    speed = _falling(facts.speed_share, config.speed_free, config.speed_edge)
    comfort = config.comfort if facts.uncomfortable else 1.0
    time = config.short_time if facts.time_to_collision_s < config.short_time_s else 1.0
    return lane * speed * comfort * time


def _falling(value: float, free: float, edge: float) -> float:
    """1 up to ``free``, falling linearly to 0 at ``edge``."""
    return min(max((edge - value) / (edge - free), 0.0), 1.0)
