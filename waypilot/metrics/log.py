"""Everything that was seen of one drive, keyed by stamp, so that the order of arrival does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from waypilot.alerts import Alert
from waypilot.surroundings import SceneInfo, Surroundings
from waypilot.types import CollisionEvent, Control, EgoState, LaneInvasionEvent, Trajectory

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LogCounts:
    """How much a log holds, up to some stamp."""

    frames: int
    controls: int
    plans: int
    collisions: int
    lane_invasions: int
    surroundings: int


class DriveLog:
    """Collects a drive. Nothing is judged here.

    A value that arrives twice is kept once. Of two different values for one stamp the first is kept and
    ``conflicts`` counts the other. Say at construction when a sensor is missing: no events then means "unknown".
    ``scene`` is None where the surroundings are not observed; what needs them cannot be judged then.
    """

    def __init__(
        self,
        observes_collisions: bool = True,
        observes_lane_invasions: bool = True,
        scene: SceneInfo | None = None,
    ) -> None:
        self.scene = scene
        self.observes_collisions = observes_collisions
        self.observes_lane_invasions = observes_lane_invasions
        self.conflicts = 0
        self._egos: dict[int, EgoState] = {}
        self._controls: dict[int, Control] = {}
        self._plans: dict[int, Trajectory] = {}
        self._collisions: dict[CollisionEvent, None] = {}
        self._lane_invasions: dict[LaneInvasionEvent, None] = {}
        self._surroundings: dict[int, Surroundings] = {}
        self._alerts: dict[Alert, None] = {}

    def add_ego(self, ego: EgoState) -> None:
        """Add the vehicle's state of one frame."""
        self._put(self._egos, ego.stamp_ns, ego)

    def add_control(self, stamp_ns: int, control: Control) -> None:
        """Add the command that answered the frame of ``stamp_ns``."""
        self._put(self._controls, stamp_ns, control)

    def add_plan(self, stamp_ns: int, plan: Trajectory) -> None:
        """Add the waypoints that were planned on the frame of ``stamp_ns``. Raises ValueError if they carry another."""
        if plan.stamp_ns != stamp_ns:
            raise ValueError(f"the plan for the frame of {stamp_ns} ns carries the stamp {plan.stamp_ns} ns")
        known = self._plans.setdefault(stamp_ns, plan)
        self.conflicts += not _same_plan(known, plan)

    def add_collision(self, event: CollisionEvent) -> None:
        """Add one contact, as the simulator reports it; repeated contacts are sorted out in the evaluation."""
        self._collisions[event] = None

    def add_lane_invasion(self, event: LaneInvasionEvent) -> None:
        """Add one crossing of lane markings."""
        self._lane_invasions[event] = None

    def add_surroundings(self, surroundings: Surroundings) -> None:
        """Add what was around the vehicle on one frame."""
        self._put(self._surroundings, surroundings.stamp_ns, surroundings)

    def add_alert(self, alert: Alert) -> None:
        """Add what the stack said about itself on one frame."""
        self._alerts[alert] = None

    def alerts(self, until_ns: int) -> tuple[Alert, ...]:
        """Alerts stamped no later than ``until_ns``, in an order that does not depend on their arrival."""
        alerts = (alert for alert in self._alerts if alert.stamp_ns <= until_ns)
        return tuple(sorted(alerts, key=lambda a: (a.stamp_ns, a.source, a.reason, a.safe_stop)))

    def egos(self, until_ns: int) -> tuple[EgoState, ...]:
        """States stamped no later than ``until_ns``, in order."""
        return tuple(self._egos[stamp] for stamp in sorted(self._egos) if stamp <= until_ns)

    def control_at(self, stamp_ns: int) -> Control | None:
        """Look up the command of a frame."""
        return self._controls.get(stamp_ns)

    def plan_at(self, stamp_ns: int) -> Trajectory | None:
        """Look up the plan of a frame."""
        return self._plans.get(stamp_ns)

    def surroundings_at(self, stamp_ns: int) -> Surroundings | None:
        """Look up what was around the vehicle on a frame."""
        return self._surroundings.get(stamp_ns)

    def collisions(self, until_ns: int) -> tuple[CollisionEvent, ...]:
        """Contacts stamped no later than ``until_ns``, in an order that does not depend on their arrival."""
        events = (event for event in self._collisions if event.stamp_ns <= until_ns)
        return tuple(sorted(events, key=lambda e: (e.stamp_ns, e.other_actor_id, e.other_kind.value, e.impulse_ns)))

    def lane_invasions(self, until_ns: int) -> tuple[LaneInvasionEvent, ...]:
        """Crossings stamped no later than ``until_ns``, in an order that does not depend on their arrival."""
        events = (event for event in self._lane_invasions if event.stamp_ns <= until_ns)
        return tuple(sorted(events, key=lambda e: (e.stamp_ns, e.crossed_markings)))

    def counts(self, until_ns: int) -> LogCounts:
        """Count what is stamped no later than ``until_ns``."""
        return LogCounts(
            frames=sum(stamp <= until_ns for stamp in self._egos),
            controls=sum(stamp <= until_ns for stamp in self._controls),
            plans=sum(stamp <= until_ns for stamp in self._plans),
            collisions=len(self.collisions(until_ns)),
            lane_invasions=len(self.lane_invasions(until_ns)),
            surroundings=sum(stamp <= until_ns for stamp in self._surroundings),
        )

    def _put(self, values: dict[int, V], stamp_ns: int, value: V) -> None:
        known = values.setdefault(stamp_ns, value)
        self.conflicts += known != value


def _same_plan(a: Trajectory, b: Trajectory) -> bool:
    """Compare bit by bit: an array has no single truth value, and a NaN equals itself here."""
    return a is b or (
        (a.stamp_ns, a.dt_ns, a.waypoints_m.shape) == (b.stamp_ns, b.dt_ns, b.waypoints_m.shape)
        and a.waypoints_m.tobytes() == b.waypoints_m.tobytes()
    )
