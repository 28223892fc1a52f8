"""Configuration of the drive environment. Every coefficient of the reward stands here, with its source."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from training.data.drive_plan import DrivePlanConfig
from waypilot.scenarios import EVALUATION_TOWNS

SELECTION_TOWNS = ("generate:91", "signals:91", "signals:92")
"""Towns on whose drives checkpoints are compared while training: nothing is trained there, no suite drives there."""

_ROUND_LIMIT_S = 1e6


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """What a step is worth: progress times factors, minus a penalty where an infraction ends the episode.

    The form is that of CaRL (Jaeger et al. 2025, arXiv 2504.17838): route completion, softly reduced by factors, and
    an end for what must not happen. Progress is the route newly passed, in units of what the target speed passes in a
    step. A factor of 1 changes nothing.

    - Lane: 1 up to ``lane_free_m`` beside the route (NAVSIM v2 lane keeping: 0.5 m), falling linearly to ``lane_low``
      at ``lane_edge_m`` (half of a 3.5 m lane).
    - Speed: 1 up to ``speed_free`` times the target speed, falling linearly to 0 at ``speed_edge`` times.
    - Comfort: ``comfort`` when a bound of nuPlan's is broken within the step (``infractions.py``).
    - Time to collision: ``short_time`` when it is below ``short_time_s`` (nuPlan and NAVSIM: 0.95 s).

    ``idle`` is what a step costs in which the vehicle has stood for 2 s where the road is free (``idling.py``): our
    choice, half of what a step of perfect driving earns. Without it a policy that stops for ever loses only progress.
    Once it is due, only moving ends it, not a reason to stand that comes later.

    ``penalty`` times the CARLA leaderboard 2.1's coefficient of the infraction (``penalties.py`` of the metrics: 1.0
    pedestrian, 0.7 vehicle, 0.6 static, 0.4 red light) is what an end costs; leaving the road, the route or the
    direction counts as static, standing for too long, idle or not, as the leaderboard's time-out (0.4). A stop sign
    passed without a stop costs ``stop_sign`` times ``penalty`` and ends nothing (the leaderboard's coefficient is 0.25;
    0 here, since heads that paid it passed as many). Our choice: 10, what ten steps of perfect
    driving earn.
    """

    lane_free_m: float = 0.5
    lane_edge_m: float = 1.75
    lane_low: float = 0.0
    speed_free: float = 1.1
    speed_edge: float = 1.5
    comfort: float = 0.8
    short_time: float = 0.5
    short_time_s: float = 0.95
    idle: float = 0.5
    stop_sign: float = 0.0
    penalty: float = 10.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.lane_free_m < self.lane_edge_m:
            raise ValueError(f"lane_free_m is {self.lane_free_m}, expected 0 or more, below lane_edge_m")
        if not 0.0 < self.speed_free < self.speed_edge:
            raise ValueError(f"speed_free is {self.speed_free}, expected more than 0, below speed_edge")
        for name in ("lane_low", "comfort", "short_time"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a factor from 0 to 1")
        for name in ("short_time_s", "idle", "stop_sign", "penalty"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")


@dataclass(frozen=True, slots=True)
class RestartConfig:
    """Which episodes begin shortly before an earlier one ended badly, instead of at a drive's beginning.

    ``share`` of them (0: none), at one of the last ``kept`` moments; each lies ``before_s`` (from, to) before an
    infraction. Such an episode is cut off after ``length_s``: what it was about is over then.
    """

    share: float = 0.0
    before_s: tuple[float, float] = (3.0, 8.0)
    kept: int = 64
    length_s: float = 16.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"restarts.share is {self.share}, expected a share from 0 to 1")
        if len(self.before_s) != 2 or not 0.0 <= self.before_s[0] <= self.before_s[1]:
            raise ValueError(f"restarts.before_s is {self.before_s}, expected two times in seconds, the shorter first")
        for name in ("kept", "length_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"restarts.{name} is {getattr(self, name)}, expected a positive number")


@dataclass(frozen=True, slots=True)
class DriveEnvConfig:
    """Where and how drives go. A plan is followed for ``ticks`` ticks of ``tick_s``; then the policy looks again.

    Episodes are drawn from ``towns`` (never from those that policies are evaluated in) as the collector draws drives.
    They are cut off after ``max_drive_s`` or at the goal, and end when the vehicle leaves the lanes, is more than
    ``max_lateral_m`` beside its route, faces against it, collides, runs a red light, stands for ``blocked_s``, or
    has stood for ``idle_s`` on a free road.
    ``target_point`` shows the next sparse route point to the delta head as well. ``render_threads`` draw at a time.
    ``distinct_drives`` draws episodes from so many drives, whose routes are planned once (0: every episode is a new
    one). ``restarts`` begins some of them on the way. ``workers`` processes share the drives (1: none but this one).
    The frozen network computes on ``device`` while the head learns (torch's name, such as cuda; evaluations as the run
    learns included, ``judge_heads`` not); the head itself, its learning and everything else stay on the CPU.
    """

    towns: tuple[str, ...] = ("Lite02", "Lite03", "signals:1", "signals:2", "signals:3", "signals:4")
    ticks: int = 4
    tick_s: float = 0.05
    max_drive_s: float = 40.0
    max_lateral_m: float = 4.0
    blocked_s: float = 25.0
    idle_s: float = 8.0
    target_point: bool = False
    render_threads: int = 1
    distinct_drives: int = 0
    workers: int = 1
    device: str = "cpu"
    restarts: RestartConfig = field(default_factory=RestartConfig)
    drives: DrivePlanConfig = field(default_factory=lambda: DrivePlanConfig(encounters=0.75))
    reward: RewardConfig = field(default_factory=RewardConfig)

    def __post_init__(self) -> None:
        if not self.towns:
            raise ValueError("towns is empty, name at least one: Lite02, signals:1, ...")
        if reserved := sorted(EVALUATION_TOWNS.intersection(self.towns)):
            raise ValueError(f"policies are evaluated in {', '.join(reserved)}: nothing may be trained there")
        if set(SELECTION_TOWNS).intersection(self.towns):
            raise ValueError(f"checkpoints are selected in {', '.join(SELECTION_TOWNS)}: nothing may be trained there")
        for name in (
            "ticks",
            "tick_s",
            "max_drive_s",
            "max_lateral_m",
            "blocked_s",
            "idle_s",
            "render_threads",
            "workers",
        ):
            if not 0.0 < getattr(self, name) < _ROUND_LIMIT_S:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        if self.distinct_drives < 0:
            raise ValueError(f"distinct_drives is {self.distinct_drives}, expected 0 or more")
        if self.drives.vehicles:
            raise ValueError("drives.vehicles is the Traffic Manager's, which lives in the client: set it to 0")

    @property
    def step_s(self) -> float:
        """Time from one look to the next."""
        return self.ticks * self.tick_s

    @property
    def max_steps(self) -> int:
        """Steps of the longest episode."""
        return math.ceil(self.max_drive_s / self.step_s)

    @property
    def max_restarted_steps(self) -> int:
        """Steps of the longest episode that began on the way."""
        return math.ceil(self.restarts.length_s / self.step_s)
