"""The course of speed that the Ackermann controller drives along."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from carla_lite.wire.ackermann import AckermannDriver, AckermannTarget

STEP_S = 0.05


@dataclass
class Blueprint:
    max_steer_rad: float = 1.0


@dataclass
class IdealVehicle:
    """A vehicle that has a speed and takes down what the pedals say."""

    speed_mps: float = 0.0
    wheel_angle_rad: float = 0.0
    blueprint: Blueprint = field(default_factory=Blueprint)
    pedals: list[float] = field(default_factory=list)

    def apply_control(self, control):
        """Note the pedal: throttle forward, brake negative; it is half the course's speed for a standing vehicle."""
        direction = -1.0 if control.reverse else 1.0
        self.pedals.append(direction * (control.throttle - control.brake))


def course(steps, **target):
    """Return the speeds (m/s) of a course from rest, read from the pedal of a vehicle that never moves."""
    vehicle = IdealVehicle()
    driver = AckermannDriver(vehicle, AckermannTarget(**{"steer_right_rad": 0.0, "steer_speed_radps": 0.0, **target}))
    for _ in range(steps):
        driver.step(STEP_S)
    return 2.0 * np.array(vehicle.pedals)


def test_without_limits_the_course_is_at_its_target_at_once():
    assert course(2, speed_mps=1.5, acceleration_mps2=0.0, jerk_mps3=0.0) == pytest.approx([1.5, 1.5])


def test_acceleration_is_limited():
    speeds = course(20, speed_mps=1.5, acceleration_mps2=2.0, jerk_mps3=0.0)
    assert np.diff(speeds).max() == pytest.approx(2.0 * STEP_S)
    assert speeds[14:] == pytest.approx(1.5)


@pytest.mark.parametrize("speed", [1.5, -1.5])
@pytest.mark.parametrize("acceleration", [0.0, 0.5])
def test_jerk_is_limited_from_the_start_to_a_soft_arrival(speed, acceleration):
    speeds = np.concatenate([[0.0], course(120, speed_mps=speed, acceleration_mps2=acceleration, jerk_mps3=0.8)])
    rates = np.diff(speeds) / STEP_S
    # The last step ends at the target, wherever between two speeds of the course that is.
    assert np.abs(np.diff(rates, prepend=0.0) / STEP_S).max() < 1.3 * 0.8
    if acceleration:
        assert np.abs(rates).max() == pytest.approx(acceleration)
    assert np.abs(speeds).max() <= 1.5 + 1e-9
    assert speeds[-1] == pytest.approx(speed)
