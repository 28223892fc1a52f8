"""One recorded drive: its judge, and what the bag says about it beside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from waypilot.bags.bag import Bag
from waypilot.bags.topic import BagMessage
from waypilot.config import config_from_mapping
from waypilot.faults import distorts_odometry
from waypilot.messages import (
    alert_from_msg,
    collision_from_msg,
    control_from_msg,
    ego_from_msg,
    lane_invasion_from_msg,
    promise_from_msg,
    route_from_msg,
    scene_from_msg,
    stamp_from_msg,
    surroundings_from_msg,
    trajectory_from_msg,
)
from waypilot.metrics.judge import Judge, Promise
from waypilot.scenarios import Scenario

SETUP, COUNTS, RESULT = "/waypilot/scenario_setup", "/waypilot/drive_counts", "/waypilot/scenario_result"

Taker = Callable[[Judge, Any], object]


@dataclass(slots=True)
class _Hearing:
    """A judge, and how many messages were no values for it."""

    judge: Judge
    unusable: Counter[str] = field(default_factory=Counter)

    def take(self, taker: Taker, topic: str, value: Any) -> None:
        try:
            taker(self.judge, value)
        except ValueError:
            self.unusable[topic] += 1

    def held(self, promise: Promise) -> int:
        """Count what it has of what was promised."""
        counts = self.judge.log.counts(promise.end_stamp_ns)
        return counts.frames + counts.controls + counts.plans + counts.collisions + counts.surroundings


class RecordedDrive:
    """One drive: what its judge heard, what the bridge promised, and what was published as the result.

    ``problem`` says why there is no ``judge`` where the set-up is none. ``unusable`` counts messages that were no
    values; the metrics node left them out, too. ``dropped`` counts those that came too long before the set-up.
    """

    def __init__(self, bag: Bag, setup: BagMessage, role: str) -> None:
        """Begin the drive of a set-up."""
        self.driver = ""
        self.problem = ""
        self.promise: Promise | None = None
        self.published: dict[str, Any] | None = None
        self.unusable: Counter[str] = Counter()
        self.dropped = 0
        self._bag, self._setup, self._takers = bag, setup, _takers(role)
        self._heard: _Hearing | None = None
        # The same with what came before the set-up: whether that belongs here shows when the promise is known.
        self._heard_early: _Hearing | None = None
        self._is_complete = False
        try:
            self._heard = _Hearing(self._judge())
        except ValueError as error:
            self.problem = f"its set-up cannot be used: {error}"

    @property
    def judge(self) -> Judge | None:
        """The judge, or None where the set-up cannot be used."""
        return None if self._heard is None else self._heard.judge

    @property
    def is_complete(self) -> bool:
        """Whether it was judged and has all that was promised, so that what comes now belongs to the next drive."""
        if not self._is_complete and self.published is not None and self.promise is not None:
            missing = [heard.judge.missing(self.promise) for heard in self._hearings()]
            self._is_complete = not all(missing) or not missing
        return self._is_complete

    def lacks(self, topic: str) -> bool:
        """Whether this is the topic of the result or of the counts, and this drive still waits for them."""
        return (topic == RESULT and self.published is None) or (topic == COUNTS and self.promise is None)

    def take_early(self, messages: Iterable[BagMessage], dropped: int) -> None:
        """Take what came before the set-up, in order; ``dropped`` messages before these are lost."""
        early = list(messages)
        if self._heard is None or not early:
            return
        self._heard_early, self.dropped = _Hearing(self._judge()), dropped
        for message in early:
            self._take(message, [self._heard_early])

    def take(self, message: BagMessage) -> None:
        """Take the next message."""
        self._take(message, self._hearings())

    def settle(self) -> None:
        """Decide whether what came before the set-up belongs to the drive: only when the drive lacks it otherwise.

        A bridge that runs all the time publishes before a drive, too, and the metrics node did not judge that.
        """
        heard, early, promise = self._heard, self._heard_early, self.promise
        self._heard_early = None
        wanted = heard is not None and promise is not None and bool(heard.judge.missing(promise))
        if wanted and early and promise and heard and early.held(promise) > heard.held(promise):
            self._heard = early
        else:
            self.dropped = 0
        if self._heard is not None:
            self.unusable += self._heard.unusable

    def _hearings(self) -> list[_Hearing]:
        return [heard for heard in (self._heard, self._heard_early) if heard is not None]

    def _take(self, message: BagMessage, hearings: list[_Hearing]) -> None:
        try:
            value = self._bag.decode(message)
            if message.topic == COUNTS:
                self.promise = promise_from_msg(value)
            elif message.topic == RESULT:
                self.published = _result(value.result_json)
            else:
                for heard in hearings:
                    heard.take(self._takers[message.topic], message.topic, value)
        except ValueError:
            self.unusable[message.topic] += 1

    def _judge(self) -> Judge:
        setup = self._bag.decode(self._setup)
        scenario = config_from_mapping(Scenario, json.loads(setup.scenario_json))
        scene = scene_from_msg(setup.scene) if setup.scene_known else None
        return Judge(scenario, route_from_msg(setup.route), scene, int(setup.seed))


def heard_topics(role: str) -> set[str]:
    """Name the topics that a drive is judged by, beside its set-up."""
    return {COUNTS, RESULT, *_takers(role)}


def _result(text: str) -> dict[str, Any]:
    published = json.loads(text)
    if not isinstance(published, dict):
        raise ValueError(f"the result is {published!r}, expected keys and values")
    return published


def _takers(role: str) -> dict[str, Taker]:
    def plan(judge: Judge, message: Any) -> None:
        trajectory = trajectory_from_msg(message)
        judge.log.add_plan(trajectory.stamp_ns, trajectory)

    def control(judge: Judge, message: Any) -> None:
        judge.log.add_control(stamp_from_msg(message.header.stamp), control_from_msg(message))

    def state(judge: Judge, message: Any, distorted: bool) -> None:
        # Where a fault distorts odometry, the truth stands on a topic of its own.
        if distorts_odometry(judge.scenario.faults) == distorted:
            judge.add_ego(ego_from_msg(message))

    return {
        f"/carla/{role}/odometry": lambda judge, message: state(judge, message, distorted=False),
        f"/waypilot/{role}/true_odometry": lambda judge, message: state(judge, message, distorted=True),
        "/waypilot/alerts": lambda judge, message: judge.log.add_alert(alert_from_msg(message)),
        f"/waypilot/{role}/waypoints": plan,
        f"/carla/{role}/vehicle_control_cmd": control,
        f"/waypilot/{role}/collision": lambda judge, message: judge.log.add_collision(collision_from_msg(message)),
        f"/carla/{role}/lane_invasion": lambda judge, message: judge.log.add_lane_invasion(
            lane_invasion_from_msg(message)
        ),
        f"/waypilot/{role}/surroundings": lambda judge, message: judge.log.add_surroundings(
            surroundings_from_msg(message)
        ),
    }
