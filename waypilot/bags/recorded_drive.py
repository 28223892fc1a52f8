"""One recorded drive: its judge, and what the bag says about it beside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from waypilot.bags.bag import UNUSABLE, Bag
from waypilot.bags.topic import BagMessage
from waypilot.faults import distorts_odometry
from waypilot.messages import (
    DriveSetup,
    alert_from_msg,
    collision_from_msg,
    control_from_msg,
    ego_from_msg,
    lane_invasion_from_msg,
    promise_from_msg,
    setup_from_msg,
    stamp_from_msg,
    surroundings_from_msg,
    trajectory_from_msg,
)
from waypilot.metrics.judge import Judge, Promise

SETUP, COUNTS, RESULT = "/waypilot/scenario_setup", "/waypilot/drive_counts", "/waypilot/scenario_result"

Taker = Callable[[Judge, Any], object]
_EVER_NS = 2**63 - 1


@dataclass(slots=True)
class _Hearing:
    """A judge, and how many messages were no values for it."""

    judge: Judge
    unusable: Counter[str] = field(default_factory=Counter)

    def take(self, taker: Taker, topic: str, value: Any) -> None:
        try:
            taker(self.judge, value)
        except UNUSABLE:
            self.unusable[topic] += 1

    @property
    def frames(self) -> int:
        """Count the vehicle's states."""
        return self.judge.log.counts(_EVER_NS).frames

    def held(self, promise: Promise) -> int:
        """Count what it has of what was promised."""
        counts = self.judge.log.counts(promise.end_stamp_ns)
        return counts.frames + counts.controls + counts.plans + counts.collisions + counts.surroundings


class RecordedDrive:
    """One drive: what its judge heard, what the bridge promised, and what was published as the result.

    ``problem`` says why there is no ``judge`` where the set-up is none. ``unusable`` counts messages that were no
    values; the metrics node left them out, too. ``dropped`` counts those that came too long before the set-up.
    ``undecided`` counts states of the vehicle that came before the set-up and were left out, though without the
    bridge's counts nobody knows whether they are the drive's.
    """

    def __init__(self, bag: Bag, setup: BagMessage, role: str) -> None:
        """Begin the drive of a set-up."""
        self.driver = ""
        self.problem = ""
        self.promise: Promise | None = None
        self.published: dict[str, Any] | None = None
        self.unusable: Counter[str] = Counter()
        self.dropped = self.undecided = 0
        self._bag, self._takers = bag, _takers(role)
        self._setup: DriveSetup | None = None
        self._heard: _Hearing | None = None
        # The same with what came before the set-up: whether that belongs here shows when the promise is known.
        self._heard_early: _Hearing | None = None
        self._is_complete = False
        try:
            self._setup = bag.read(setup, setup_from_msg)
            self._heard = _Hearing(_judge(self._setup))
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
        if self._setup is None or not early:
            return
        self._heard_early, self.dropped = _Hearing(_judge(self._setup)), dropped
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
            if heard and early and promise is None:
                self.undecided = early.frames - heard.frames
        if self._heard is not None:
            self.unusable += self._heard.unusable

    def _hearings(self) -> list[_Hearing]:
        return [heard for heard in (self._heard, self._heard_early) if heard is not None]

    def _take(self, message: BagMessage, hearings: list[_Hearing]) -> None:
        try:
            if message.topic == COUNTS:
                self.promise = self._bag.read(message, promise_from_msg)
            elif message.topic == RESULT:
                self.published = self._bag.read(message, _result)
            else:
                value = self._bag.decode(message)
                for heard in hearings:
                    heard.take(self._takers[message.topic], message.topic, value)
        except ValueError:
            self.unusable[message.topic] += 1


def heard_topics(role: str) -> set[str]:
    """Name the topics that a drive is judged by, beside its set-up."""
    return {COUNTS, RESULT, *_takers(role)}


def _judge(setup: DriveSetup) -> Judge:
    return Judge(setup.scenario, setup.route, setup.scene, setup.seed)


def _result(message: Any) -> dict[str, Any]:
    published = json.loads(message.result_json)
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
