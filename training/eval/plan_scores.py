"""Plans on a bag judged by the terms of ``waypilot.metrics.planned``, while the bag is read."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waypilot.bags.events import MapTold, Staged, Surrounded
from waypilot.geometry import SE2
from waypilot.metrics import pdms
from waypilot.metrics.planned import HORIZON_S, NEAR_NS, RecordedPlace, judge_plan
from waypilot.metrics.values import Metric
from waypilot.surroundings import RoadSample, Surroundings
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState
from waypilot_carla.offline import open_map
from waypilot_carla.road import sample_road

NO_SETUP = "the bag does not tell the drive's set-up"
MEANINGS = {
    "pdms_no_at_fault_collision": "no road user is touched by the vehicle's fault (walls and poles are not recorded)",
    "pdms_drivable_area_compliance": "all four corners stay on the drivable area of the map",
    "pdms_ego_progress": "along the path that was driven, of its length; all where less than 5 m were driven",
    "pdms_time_to_collision": "never below 0.95 s, if everybody goes on as at that moment",
    "pdms_comfort": "within nuPlan's bounds",
    "pdms_like": "NC x DAC x (5 EP + 5 TTC + 2 C) / 12 of the plans of which all terms are known",
}


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPlan:
    """A plan whose future was driven: ``plan_m`` (K, 2) in base_link, ``driven_m`` (K, 2) in the map."""

    ego: EgoState
    plan_m: NDArray[np.float64]
    driven_m: NDArray[np.float64]


@dataclass(slots=True)
class TermSums:
    """Sums of one term, and why it was not known of how many plans."""

    total: float = 0.0
    plans: int = 0
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, metric: Metric) -> None:
        """Count a plan's value, or that there is none."""
        if metric.valid and metric.value is not None:
            self.total += metric.value
            self.plans += 1
        else:
            self.unknown[metric.reason] += 1

    def result(self) -> dict[str, Any]:
        """Give the mean, of how many plans, and what the others lacked."""
        mean = self.total / self.plans if self.plans else None
        return {"mean": mean, "plans": self.plans, "unknown": dict(self.unknown)}


class PlanScores:
    """Judges a plan every ``every_ns`` as soon as what was around its 4 s is known; memory holds those 4 s."""

    def __init__(self, every_ns: int, dt_ns: int) -> None:
        self.count = round(HORIZON_S * NANOSECONDS_PER_SECOND / dt_ns)
        self._every_ns, self._dt_ns = every_ns, dt_ns
        self._staged: list[Staged] = []
        self._maps: dict[str, MapTold] = {}
        self._place: RecordedPlace | None = None
        self._plans: deque[JudgedPlan] = deque()
        self._around: dict[int, Surroundings] = {}
        self._last_ns: int | None = None
        self._without_setup = 0
        self._terms = {spec.name: TermSums() for spec in pdms.SPECS}

    def on_event(self, event: Staged | MapTold | Surrounded) -> None:
        """Take what the bag tells of the world. A second set-up within a drive is that of the next one."""
        if isinstance(event, Staged):
            self._staged.append(event)
        elif isinstance(event, MapTold):
            self._maps[_short(event.name)] = event
        else:
            self._around[event.surroundings.stamp_ns] = event.surroundings
            self._judge(event.surroundings.stamp_ns - self.count * self._dt_ns - NEAR_NS)

    def wants(self, stamp_ns: int) -> bool:
        """Whether the plan of a frame is to be judged; then it has to be added."""
        due = self._last_ns is None or stamp_ns - self._last_ns >= self._every_ns
        if due:
            self._last_ns = stamp_ns
        return due

    def add(self, plan: JudgedPlan) -> None:
        """Take the next plan, in order of stamps."""
        self._plans.append(plan)

    def finish(self) -> None:
        """Judge what is left; what comes is another drive."""
        self._judge(None)
        self._around.clear()
        self._place = self._last_ns = None
        del self._staged[:1]

    def forget_before(self, stamp_ns: int) -> None:
        """Let go of what was around before the oldest frame whose plan may still be added."""
        oldest_ns = min([stamp_ns, *(plan.ego.stamp_ns for plan in islice(self._plans, 1))]) - NEAR_NS
        while self._around and (first_ns := next(iter(self._around))) < oldest_ns:
            del self._around[first_ns]

    def result(self) -> dict[str, Any] | None:
        """Give the terms by name; None when no plan was to be judged."""
        if not any(sums.plans or sums.unknown for sums in self._terms.values()):
            return None
        return {
            "every_s": self._every_ns / NANOSECONDS_PER_SECOND,
            "horizon_s": HORIZON_S,
            "terms": {name: sums.result() for name, sums in self._terms.items()},
        }

    def _judge(self, until_ns: int | None) -> None:
        """Judge the plans of frames up to a stamp, all for None, and forget what no later one needs."""
        while self._plans and (until_ns is None or self._plans[0].ego.stamp_ns <= until_ns):
            plan = self._plans.popleft()
            if (place := self._place_now()) is None:
                metrics = tuple(spec.invalid(NO_SETUP) for spec in pdms.SPECS)
            else:
                metrics = judge_plan(place, plan.ego, plan.plan_m, plan.driven_m, self._dt_ns, self._around)
            for metric in metrics:
                self._terms[metric.name].add(metric)

    def _place_now(self) -> RecordedPlace | None:
        if self._place is None and self._staged:
            staged = self._staged[0]
            self._place = RecordedPlace(staged.scenario, staged.route, staged.scene, self._road(staged))
        return self._place

    def _road(self, staged: Staged) -> Callable[[SE2], RoadSample] | None:
        told = self._maps.get(_short(staged.scenario.map))
        if told is None or staged.scene is None:
            return None
        try:
            town, footprint = open_map(told.name, told.xodr), staged.scene.ego
        except RuntimeError:  # a damaged document; plans lack the road then, as without any map
            return None
        return lambda pose: sample_road(town, pose, footprint, None)


def _short(map_name: str) -> str:
    return map_name.rsplit("/", 1)[-1]
