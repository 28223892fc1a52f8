"""Judged drives in a bag: everything the metrics node was given, so that they can be judged again."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Callable, Iterator
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
DRIVER = "/waypilot/driver"
#: How many messages may come before the set-up that they belong to.
MAX_EARLY = 2000


@dataclass(slots=True)
class RecordedDrive:
    """One drive: the judge with what it heard, what the bridge promised, and what was published as the result.

    ``unusable`` counts messages that were no values; the metrics node left them out, too.
    """

    judge: Judge
    driver: str = ""
    promise: Promise | None = None
    published: dict[str, Any] | None = None
    unusable: Counter[str] = field(default_factory=Counter)

    @property
    def is_complete(self) -> bool:
        """Whether it was judged and has all that was promised, so that what comes now belongs to the next drive."""
        return self.published is not None and self.promise is not None and not self.judge.missing(self.promise)


def judged_topics(role: str = "ego_vehicle") -> set[str]:
    """Name the topics that a drive is judged by, set-up and result included."""
    return {SETUP, COUNTS, RESULT, DRIVER, *_takers(role)}


def recorded_drives(bag: Bag, role: str = "ego_vehicle") -> Iterator[RecordedDrive]:
    """Yield the drives of a bag, one at a time; a new set-up begins the next. Frames before the first are skipped.

    Raises MalformedMessageError or ConfigError for a set-up that is none.
    """
    takers = _takers(role)
    driver = ""
    drive: RecordedDrive | None = None
    # A recorder does not keep the order between topics: the first frames may come before the set-up of their drive.
    early: deque[BagMessage] = deque(maxlen=MAX_EARLY)
    for message in bag.messages(judged_topics(role)):
        if message.topic == DRIVER:
            driver = str(bag.decode(message).data)
        elif message.topic == SETUP:
            if drive is not None:
                yield drive
            drive = RecordedDrive(_judge(bag.decode(message)), driver)
            while early:
                _take(bag, drive, takers, early.popleft())
        elif drive is None or drive.is_complete:
            early.append(message)
        else:
            _take(bag, drive, takers, message)
        if drive is not None:
            drive.driver = driver
    if drive is not None:
        while early:
            _take(bag, drive, takers, early.popleft())
        yield drive


Taker = Callable[[Judge, Any], object]


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


def _judge(setup: Any) -> Judge:
    scenario = config_from_mapping(Scenario, json.loads(setup.scenario_json))
    scene = scene_from_msg(setup.scene) if setup.scene_known else None
    return Judge(scenario, route_from_msg(setup.route), scene, int(setup.seed))


def _take(bag: Bag, drive: RecordedDrive, takers: dict[str, Taker], message: BagMessage) -> None:
    try:
        value = bag.decode(message)
        if message.topic == COUNTS:
            drive.promise = promise_from_msg(value)
        elif message.topic == RESULT:
            drive.published = json.loads(value.result_json)
        else:
            takers[message.topic](drive.judge, value)
    except ValueError:
        drive.unusable[message.topic] += 1
