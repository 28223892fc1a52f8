"""Hand-made drives at 20 frames per second with a fault from 1 s to 2 s: frames 20 to 39."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from waypilot.alerts import CONTROLLER, POLICY, Alert
from waypilot.faults import Fault, FaultKind

NAMES = ("fault_reaction_time", "fault_standstill_time", "fault_recovered", "fault_recovery_time")


@pytest.fixture
def faulty(world):
    def make(duration_s: float | None = 1.0, start_s: float = 1.0):
        fault = Fault(FaultKind.CAMERA_BLACK, start_s, duration_s)
        world.scenario = dataclasses.replace(world.scenario, faults=(fault,))
        return world

    return make


def stop(world, frames, reason="no plan") -> None:
    for frame in frames:
        world.log.add_alert(Alert(world.stamp(frame), CONTROLLER, reason, safe_stop=True))


def test_without_a_planned_fault_nothing_is_measured(world) -> None:
    world.drive(np.linspace(0.0, 10.0, 30))
    assert {world.metric(name).reason for name in NAMES} == {"no fault is planned"}


def test_stop_standstill_and_recovery_are_timed(faulty) -> None:
    world = faulty()
    world.drive(np.linspace(0.0, 10.0, 28)).drive(np.full(17, 10.0), speed_mps=0.0).drive(np.linspace(10.0, 20.0, 35))
    world.log.add_alert(Alert(world.stamp(21), POLICY, "camera front: black"))
    stop(world, range(24, 43))
    assert world.value("fault_reaction_time") == pytest.approx(0.2)
    assert world.metric("fault_reaction_time").note == "policy: camera front: black; controller: no plan"
    assert world.value("fault_standstill_time") == pytest.approx(0.4)
    assert world.value("fault_recovered") == 1.0
    assert world.value("fault_recovery_time") == pytest.approx(0.1)


def test_a_fault_that_nobody_answers(faulty) -> None:
    world = faulty()
    world.drive(np.linspace(0.0, 30.0, 80))
    stop(world, [10])
    stop(world, [70])
    assert world.metric("fault_reaction_time").reason == "no safe stop was commanded"
    assert world.value("fault_recovered") == 1.0
    assert world.value("fault_recovery_time") == 0.0


def test_a_stop_that_never_ends_is_no_recovery(faulty) -> None:
    world = faulty()
    world.drive(np.linspace(0.0, 10.0, 80))
    stop(world, range(22, 79))
    assert world.value("fault_recovered") == 0.0
    assert world.metric("fault_standstill_time").reason == "the stop ended before the vehicle stood"


def test_a_fault_to_the_end_and_one_that_never_came(faulty) -> None:
    world = faulty(duration_s=None)
    world.drive(np.linspace(0.0, 10.0, 40))
    stop(world, range(22, 39))
    assert world.metric("fault_recovered").reason == "the fault lasts to the end of the drive"
    assert faulty(start_s=5.0).metric("fault_reaction_time").reason == "the drive ended before the fault began"
