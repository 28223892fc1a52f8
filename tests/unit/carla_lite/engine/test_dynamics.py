"""The vehicle against known answers: times, distances, radii, rest."""

import math

import numpy as np
import pytest

from carla_lite.engine import VehicleControl
from carla_lite.engine import body as b
from carla_lite.engine.dynamics import steering_share


def _hold_speed(ground, world, vehicle, speed: float, steer: float, seconds: float = 10.0) -> None:
    """Drive with a constant steer command and a simple speed governor."""
    for _ in range(round(seconds / ground.step_s)):
        throttle = min(1.0, max(0.0, 0.5 * (speed - vehicle.speed_mps) + 0.06))
        vehicle.apply_control(VehicleControl(throttle=throttle, steer=steer))
        world.step(ground.step_s)


def test_0_to_100_kph_takes_as_long_as_in_a_family_car(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world)
    vehicle.apply_control(VehicleControl(throttle=1.0))
    steps = 0
    while vehicle.speed_mps < 100.0 / 3.6 and steps < 400:
        world.step(ground.step_s)
        steps += 1
    assert 6.0 < steps * ground.step_s < 9.0
    assert abs(vehicle.pose.y_m) < 1e-9


def test_full_braking_stops_in_the_expected_distance_and_stays(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=20.0)
    ground.run(world, 5.0, vehicle, brake=1.0)
    # v^2 / 2a between 8 and 9.5 m/s^2.
    assert 20.0**2 / (2 * 9.5) < vehicle.pose.x_m < 20.0**2 / (2 * 8.0)
    assert vehicle.velocity_mps == (0.0, 0.0, 0.0)


def test_half_braking_takes_about_twice_the_way(ground) -> None:
    distances = []
    for brake in (1.0, 0.5):
        world = ground.world()
        vehicle = ground.car(world, speed=20.0)
        ground.run(world, 10.0, vehicle, brake=brake)
        distances.append(vehicle.pose.x_m)
    assert distances[1] / distances[0] == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("control", [{}, {"steer": 1.0}, {"brake": 1.0}, {"brake": 0.3, "throttle": 0.2}])
def test_a_standing_car_does_not_creep(ground, control: dict[str, float]) -> None:
    world = ground.world()
    vehicle = ground.car(world)
    before = vehicle.pose
    ground.run(world, 10.0, vehicle, **control)
    assert vehicle.pose == before
    assert vehicle.velocity_mps == (0.0, 0.0, 0.0)


def test_a_rolling_car_coasts_to_a_full_stop(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=5.0)
    ground.run(world, 30.0, vehicle)
    assert vehicle.velocity_mps == (0.0, 0.0, 0.0)
    assert 20.0 < vehicle.pose.x_m < 60.0


@pytest.mark.parametrize("steer", [-0.2, -0.05, 0.05, 0.2])
@pytest.mark.parametrize("speed", [2.0, 6.0])
def test_the_steady_turning_radius_is_that_of_the_wheel_angle(ground, speed: float, steer: float) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=speed)
    _hold_speed(ground, world, vehicle, speed, steer)
    rate = vehicle.angular_velocity_radps[2]
    radius = math.hypot(*vehicle.velocity_mps[:2]) / rate
    # The origin lies halfway between the axles: R^2 = (L / tan)^2 + (L / 2)^2.
    base = vehicle.blueprint.wheelbase_m
    expected = math.hypot(base / math.tan(abs(vehicle.wheel_angle_rad)), 0.5 * base)
    assert abs(radius) == pytest.approx(expected, rel=0.05)
    # Positive steer is to the right: clockwise, negative yaw rate in REP 103.
    assert math.copysign(1.0, rate) == -math.copysign(1.0, steer)


def test_the_wheels_follow_the_speed_dependent_steering_curve(ground) -> None:
    full = math.radians(70.0)
    for speed, share in ((0.0, 1.0), (60.0 / 3.6, 0.8), (120.0 / 3.6, 0.7)):
        world = ground.world()
        vehicle = ground.car(world, speed=speed)
        vehicle.hold_velocity((speed, 0.0, 0.0))
        ground.run(world, 1.0, vehicle, steer=-0.1)
        assert vehicle.wheel_angle_rad == pytest.approx(0.1 * full * share, rel=1e-3)


def test_cornering_never_exceeds_the_grip(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=25.0)
    for _ in range(100):
        vehicle.apply_control(VehicleControl(throttle=0.5, steer=0.4))
        world.step(ground.step_s)
        assert math.hypot(*vehicle.acceleration_mps2[:2]) < 1.1 * 9.81
    assert vehicle.speed_mps < 25.0


@pytest.mark.parametrize(("speed", "steers"), [(7.9, (0.35, 0.42, 0.5)), (12.0, (0.15, 0.2, 0.25))])
def test_steady_cornering_reaches_the_grip_of_a_road_car_and_more_lock_ploughs(ground, speed: float, steers) -> None:
    def lateral_g(steer: float) -> float:
        world = ground.world()
        vehicle = ground.car(world, speed=speed)
        _hold_speed(ground, world, vehicle, speed, steer, seconds=5.0)
        return vehicle.speed_mps * abs(vehicle.angular_velocity_radps[2]) / 9.81

    most = max(map(lateral_g, steers))
    assert 0.8 < most < 1.0
    assert lateral_g(1.0) < 0.7 * most


def test_reverse_drives_backwards_and_steers_the_other_way(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world)
    ground.run(world, 3.0, vehicle, throttle=0.5, reverse=True, steer=-0.2)
    assert vehicle.gear == -1
    assert -10.5 < vehicle.speed_mps < -3.0
    assert vehicle.angular_velocity_radps[2] < -0.05
    assert vehicle.pose.x_m < -3.0


def test_manual_gear_shift_selects_the_direction(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world)
    ground.run(world, 1.0, vehicle, throttle=0.5, manual_gear_shift=True, gear=0)
    assert vehicle.pose.x_m == 0.0
    ground.run(world, 1.0, vehicle, throttle=0.5, manual_gear_shift=True, gear=-1)
    assert vehicle.speed_mps < -1.0


def test_the_hand_brake_stops_slower_than_the_pedal(ground) -> None:
    distances = []
    for control in ({"brake": 1.0}, {"hand_brake": True}):
        world = ground.world()
        vehicle = ground.car(world, speed=10.0)
        ground.run(world, 8.0, vehicle, **control)
        assert vehicle.velocity_mps == (0.0, 0.0, 0.0)
        distances.append(vehicle.pose.x_m)
    assert 1.5 * distances[0] < distances[1] < 3.0 * distances[0]


def test_the_automatic_gearbox_shifts_up_with_speed(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world)
    gears = []
    vehicle.apply_control(VehicleControl(throttle=1.0))
    for _ in range(200):
        world.step(ground.step_s)
        gears.append(vehicle.gear)
    assert gears == sorted(gears)
    assert set(gears) == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize(
    "type_id", ["vehicle.bh.crossbike", "vehicle.carlamotors.firetruck", "vehicle.micro.microlino"]
)
def test_light_and_heavy_vehicles_are_stable_too(ground, type_id: str) -> None:
    world = ground.world()
    vehicle = ground.car(world, type_id=type_id)
    for steer in (0.3, -0.6, 1.0, 0.0):
        ground.run(world, 2.0, vehicle, throttle=0.7, steer=steer)
        assert abs(vehicle.angular_velocity_radps[2]) < 8.0
    ground.run(world, 8.0, vehicle, brake=1.0)
    assert vehicle.velocity_mps == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("field", ["throttle", "steer", "brake"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_controls_that_are_no_numbers_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{field} is"):
        VehicleControl(**{field: value})


def test_controls_outside_their_range_are_clipped_as_in_carla() -> None:
    control = VehicleControl(throttle=7.0, steer=-3.0, brake=-1.0)
    assert (control.throttle, control.steer, control.brake) == (1.0, -1.0, 0.0)


def test_held_velocity_is_that_of_the_vehicles_axes(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, yaw=math.pi / 2)
    vehicle.hold_velocity((4.0, 0.0, 0.0))
    ground.run(world, 2.0, vehicle, brake=1.0)
    assert vehicle.pose.y_m == pytest.approx(8.0, abs=0.01)
    vehicle.hold_velocity(None)
    ground.run(world, 2.0)
    assert vehicle.velocity_mps == (0.0, 0.0, 0.0)


def test_impulses_change_velocity_by_mass(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world)
    vehicle.add_impulse((3690.0, -1845.0, 500.0))
    assert vehicle.velocity_mps == pytest.approx((2.0, -1.0, 0.0))
    vehicle.add_angular_impulse(1000.0)
    assert 0.1 < vehicle.angular_velocity_radps[2] < 1.0
    with pytest.raises(ValueError, match="impulse"):
        vehicle.add_impulse((math.nan, 0.0, 0.0))


def test_acceleration_is_the_change_of_velocity(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, yaw=0.5)
    vehicle.apply_control(VehicleControl(throttle=0.6, steer=0.1))
    before = vehicle.velocity_mps
    world.step(ground.step_s)
    expected = [(b - a) / ground.step_s for a, b in zip(before, vehicle.velocity_mps, strict=True)]
    assert vehicle.acceleration_mps2 == pytest.approx(expected)
    assert math.hypot(*vehicle.acceleration_mps2) > 1.0


def test_the_step_length_hardly_matters(ground) -> None:
    ends = []
    for steps, dt in ((100, 0.05), (500, 0.01)):
        world = ground.world()
        vehicle = ground.car(world)
        vehicle.apply_control(VehicleControl(throttle=0.5, steer=0.05))
        for _ in range(steps):
            world.step(dt)
        ends.append((vehicle.pose.x_m, vehicle.pose.y_m))
    assert ends[0] == pytest.approx(ends[1], abs=1e-6)


def test_the_steering_curve_is_read_as_numpy_reads_it_to_the_last_bit():
    row = np.zeros(b.SIZE)
    row[b.CURVE : b.CURVE_END] = 1.0, 0.83, 0.71, 0.2
    for speed_kph in (*np.linspace(0.0, 200.0, 1001), *b.CURVE_KPH):
        expected = np.interp(speed_kph, b.CURVE_KPH, row[b.CURVE : b.CURVE_END])
        assert steering_share(row, speed_kph) == expected
