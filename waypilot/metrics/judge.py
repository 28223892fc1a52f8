"""One drive being judged: what arrived so far, whether it is over, and what is still missing."""

from __future__ import annotations

from dataclasses import dataclass

from waypilot.metrics.evaluate import evaluate
from waypilot.metrics.log import DriveLog
from waypilot.metrics.monitor import ScenarioMonitor
from waypilot.metrics.result import ScenarioResult
from waypilot.metrics.values import Termination
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.surroundings import SceneInfo
from waypilot.types import EgoState


@dataclass(frozen=True, slots=True)
class Promise:
    """What the bridge says it published up to the end of the drive (see waypilot_msgs/DriveCounts)."""

    end_stamp_ns: int
    frames: int
    collisions: int
    lane_invasions: int
    surroundings: int
    missed_deadlines: int
    lock_step: bool


class Judge:
    """Collects one drive and judges it."""

    def __init__(self, scenario: Scenario, route: Route, scene: SceneInfo | None, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed
        self.log = DriveLog(scene=scene)
        self._route = route
        self._monitor = ScenarioMonitor(scenario, route)

    @property
    def termination(self) -> Termination | None:
        """How the drive ended, or None while it lasts."""
        return self._monitor.termination

    def add_ego(self, ego: EgoState) -> bool:
        """Take the next state; returns whether the drive ended with it.

        Raises ValueError for a state that came out of order or is not finite.
        """
        was_over = self.termination is not None
        termination = self._monitor.update(ego)
        self.log.add_ego(ego)
        return termination is not None and not was_over

    def missing(self, promise: Promise) -> str:
        """Name what has not arrived yet of what was promised; empty when all is there."""
        until_end = self.log.counts(promise.end_stamp_ns)
        before_end = self.log.counts(promise.end_stamp_ns - 1)
        answered = promise.frames - 1 - promise.missed_deadlines
        parts = [
            ("ego states", until_end.frames, promise.frames),
            ("collisions", until_end.collisions, promise.collisions),
            ("lane invasions", until_end.lane_invasions, promise.lane_invasions),
            ("surroundings", until_end.surroundings, promise.surroundings),
            ("controls", before_end.controls, answered),
        ]
        if promise.lock_step:
            parts.append(("plans", before_end.plans, answered))
        return ", ".join(f"{have} of {wanted} {what}" for what, have, wanted in parts if have < wanted)

    def result(self) -> ScenarioResult:
        """Judge the drive. Raises ValueError when it is not over."""
        if self.termination is None:
            raise ValueError("the drive is not over, there is nothing to judge yet")
        return evaluate(self.log, self._route, self.scenario, self.termination, self.seed)
