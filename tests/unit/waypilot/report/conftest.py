"""Results of a tiny evaluation: one drive completed, one failed with a collision, one crashed."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from waypilot.geometry import SE2, Pose
from waypilot.metrics import DriveLog, Termination, evaluate
from waypilot.report.results import CheckpointInfo, Job, ResultsWriter, RunInfo
from waypilot.route import Route
from waypilot.scenarios import WEATHER_PRESETS, Scenario
from waypilot.types import ActorKind, CollisionEvent, Control, EgoState

STEP_NS = 50_000_000
BASE = Scenario("first", "Tiny", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), (40.0, 0.0))
NAMES = ("first", "second", "third")


@pytest.fixture
def jobs():
    return tuple(Job(dataclasses.replace(BASE, name=name), 0) for name in NAMES)


@pytest.fixture
def info():
    return RunInfo(
        suite="tiny",
        loop="in_process",
        policy="waypoint_bc",
        versions={"waypilot": "0.1.0", "carla_client": "0.9.16", "server": "carla_lite 0.1.0"},
        checkpoint=CheckpointInfo("model.pt", "00ff" * 16),
        config={"fixed_delta_s": 0.05},
    )


@pytest.fixture
def judge():
    """Drive along the road at 8 m/s, ``y_m`` beside its middle, up to ``end_m``; hit something on the way."""

    def judge(job, end_m=40.0, y_m=0.1, hit=False, wall_clock=None):
        log = DriveLog()
        xs_m = np.arange(0.0, end_m + 0.1, 0.4).tolist()
        for frame, x_m in enumerate(xs_m):
            pose = Pose.from_xyz_rpy(x_m, y_m, 0.0)
            log.add_ego(EgoState(frame * STEP_NS, pose, (8.0, 0.0, 0.0), (0.0, 0.0, 0.0)))
            log.add_control(frame * STEP_NS, Control(throttle=0.3, steer=-0.01))
        if hit:
            log.add_collision(CollisionEvent(10 * STEP_NS, 5, ActorKind.PEDESTRIAN, (300.0, 400.0, 0.0)))
        last_ns = (len(xs_m) - 1) * STEP_NS
        done = Termination("completed", "goal reached", last_ns)
        end = done if end_m >= 40.0 else Termination("failed", "time-out: too <b>slow</b> & late", last_ns)
        route = Route(np.stack([np.arange(41.0), np.zeros(41)], axis=-1))
        result = evaluate(log, route, job.scenario, end, job.seed)
        return dataclasses.replace(result, wall_clock=wall_clock or {})

    return judge


@pytest.fixture
def run_all(jobs, info, judge):
    """Write a whole evaluation into a folder: completed, failed with a collision, crashed."""

    def run_all(folder, seconds=1.0):
        writer = ResultsWriter(folder / "results.json", info, jobs)
        clock = {"duration_s": seconds}
        writer.start(jobs[0])
        writer.append(judge(jobs[0], wall_clock=clock))
        writer.start(jobs[1])
        writer.append(judge(jobs[1], end_m=20.0, hit=True, wall_clock=clock))
        writer.start(jobs[2])
        writer.crash(jobs[2], "<script>alert(1)</script> vanished", clock)
        writer.finish(clock)
        return writer.path

    return run_all
