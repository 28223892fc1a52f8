"""A drive of the drive environment is the drive that the evaluation makes through the client, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from carla_lite.maps import own_town_xodr
from carla_lite.wire.process import ServerProcess
from training.eval.loop import ClosedLoop
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.drive import Drive
from training.rl.drive_env.looking import Eyes
from training.rl.drive_env.places import place
from waypilot.control.follower import FollowerConfig
from waypilot.observation import ObservationConfig
from waypilot.rig import DEFAULT_RIG
from waypilot.route import Route
from waypilot.scenarios import WEATHER_PRESETS, Scenario
from waypilot.scenarios.actors import ActorSpec, Brake, Cross, Lights, OnRoute, When
from waypilot.scenarios.actors import Drive as Drives
from waypilot.types import Observation, Plan, Trajectory
from waypilot_carla import SessionConfig, SimulatorSession

TOWN = "signals:1"
FRAMES = 100
_WALKER_PX = 600


class _TargetChaser:
    """Drives towards the target point; keeps every observation. A new plan every ``every`` frames."""

    name = "chaser"
    cameras = DEFAULT_RIG

    def __init__(self, every: int = 1) -> None:
        self.seen: list[Observation] = []
        self._every, self._last = every, None

    def reset(self, route: Route, seed: int) -> None:
        pass

    def plan(self, observation: Observation) -> Plan:
        if len(self.seen) % self._every == 0:
            self._last = chase(observation)
        self.seen.append(replace(observation, images={name: i.copy() for name, i in observation.images.items()}))
        return Plan(self._last)


def chase(observation: Observation) -> Trajectory:
    x_m, y_m = observation.target_point_m
    distance_m = max(np.hypot(x_m, y_m), 1.0)
    way_m = np.arange(1, 21) * 0.25 * 5.0
    return Trajectory(observation.stamp_ns, 250_000_000, np.outer(way_m, (x_m / distance_m, y_m / distance_m)))


@pytest.fixture(scope="module")
def session() -> Iterator[SimulatorSession]:
    with (
        ServerProcess(map=TOWN, ready_timeout_s=240.0) as server,
        SimulatorSession(SessionConfig(port=server.port, cameras=DEFAULT_RIG), own_town_xodr) as opened,
    ):
        yield opened


def scenario(weather: str, walker: bool) -> Scenario:
    poses = place(TOWN).spawn_poses
    start = poses[3]
    far = max(poses, key=lambda pose: np.hypot(pose.x_m - start.x_m, pose.y_m - start.y_m))
    lead = Drives(6.0, Brake(When(ego_at_m=8.0), 5.0, for_s=1.0))
    crossing = (ActorSpec("walker", "walker.pedestrian.0001", OnRoute(35.0, -4.0, 90.0), Cross(1.5, 8.0)),)
    return Scenario(
        name="equal",
        map=TOWN,
        weather=WEATHER_PRESETS[weather],
        start_pose=start,
        goal_m=(far.x_m, far.y_m),
        time_limit_s=(FRAMES - 1) * 0.05,
        actors=(ActorSpec("lead", "vehicle.audi.a2", OnRoute(14.0), lead), *(crossing if walker else ())),
        lights=Lights(2.0),
    )


@pytest.mark.parametrize(("weather", "every", "walker"), [("clear", 1, True), ("rain", 4, False)])
def test_same_observations_and_poses_as_the_evaluation(
    session: SimulatorSession, weather: str, every: int, walker: bool
) -> None:
    asked = scenario(weather, walker)
    prepared = session.prepare(asked, 0)
    chaser = _TargetChaser(every)
    observation = ObservationConfig(DEFAULT_RIG)
    ClosedLoop(session, asked, prepared.route, prepared.scene, chaser, observation, FollowerConfig()).run(
        None, lambda _share: None
    )
    order = place(TOWN).order(asked)
    assert np.array_equal(order.route.points_m, prepared.route.points_m)
    assert [line.left_m for line in order.stop_lines] == [line.left_m for line in prepared.scene.stop_lines]
    settled = round(prepared.settled_stamp_ns / 50_000_000)
    drive = Drive(order, DriveEnvConfig(towns=(TOWN,), ticks=every), settled)
    eyes = Eyes(drive, chaser)
    assert drive.footprint == prepared.scene.ego
    assert len(chaser.seen) >= FRAMES - 2
    for number, theirs in enumerate(chaser.seen[::every]):
        ours = eyes.observe(drive, chaser)
        assert ours.ego == theirs.ego, number
        assert (ours.command, ours.target_point_m) == (theirs.command, theirs.target_point_m), number
        differs = (ours.images["front"] != theirs.images["front"]).any(axis=2)
        # A walker's clothes go by its number, which a server gives out over all its episodes.
        assert differs.sum() <= (_WALKER_PX if walker else 0), number
        drive.advance(chase(ours))
