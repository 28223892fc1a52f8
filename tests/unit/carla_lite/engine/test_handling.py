"""What clients may change about a vehicle's driving, and places where the road is slippery."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carla_lite.engine import Handling, SpawnError, VehicleControl
from waypilot.geometry import Pose


def accelerate(ground, handling: Handling, seconds: float = 3.0) -> float:
    world = ground.world()
    vehicle = ground.car(world)
    vehicle.set_handling(handling)
    ground.run(world, seconds, vehicle, throttle=1.0)
    return vehicle.speed_mps


def braking_distance(ground, handling: Handling, **control: float | bool) -> float:
    world = ground.world()
    vehicle = ground.car(world, speed=20.0)
    vehicle.set_handling(handling)
    ground.run(world, 30.0, vehicle, **control)
    assert vehicle.velocity_mps == (0.0, 0.0, 0.0)
    return vehicle.pose.x_m


def test_the_default_handling_changes_nothing(ground):
    world, other = ground.world(), ground.world()
    vehicle, changed = ground.car(world), ground.car(other)
    changed.set_handling(Handling())
    for each, at in ((vehicle, world), (changed, other)):
        ground.run(at, 2.0, each, throttle=0.8, steer=0.3)
    assert vehicle.pose == changed.pose


def test_half_the_traction_and_power_give_half_the_speed(ground):
    assert accelerate(ground, Handling(drive=0.5, power=0.5)) == pytest.approx(
        0.5 * accelerate(ground, Handling()), rel=0.1
    )


def test_half_the_brakes_need_about_twice_the_way(ground):
    whole = braking_distance(ground, Handling(), brake=1.0)
    assert braking_distance(ground, Handling(brake=0.5), brake=1.0) == pytest.approx(2.0 * whole, rel=0.1)
    # More than the tyres hold does not help.
    assert braking_distance(ground, Handling(brake=5.0), brake=1.0) == pytest.approx(whole, rel=0.01)


def test_without_hand_brake_torque_the_hand_brake_does_nothing(ground):
    left = []
    for handling in (Handling(), Handling(hand_brake=0.0)):
        world = ground.world()
        vehicle = ground.car(world, speed=20.0)
        vehicle.set_handling(handling)
        ground.run(world, 3.0, vehicle, hand_brake=True)
        left.append(vehicle.speed_mps)
    assert left[0] < 10.0
    assert left[1] > 17.0


def test_ice_limits_traction_braking_and_cornering(ground):
    ice = Handling(grip=0.1)
    assert accelerate(ground, ice, 2.0) < 0.1 * 9.81 * 2.0 + 0.01
    assert braking_distance(ground, ice, brake=1.0) > 20.0**2 / (2 * 0.1 * 9.81 + 1.0)
    world = ground.world()
    vehicle = ground.car(world, speed=15.0)
    vehicle.set_handling(ice)
    ground.run(world, 2.0, vehicle, steer=0.5)
    assert abs(math.degrees(vehicle.pose.planar.yaw_rad)) < 60.0


def test_drag_limits_the_top_speed(ground):
    assert accelerate(ground, Handling(drag=20.0), 40.0) < 0.6 * accelerate(ground, Handling(), 40.0)


def test_a_flat_steering_curve_steers_as_much_at_speed(ground):
    world = ground.world()
    vehicle = ground.car(world, speed=25.0)
    vehicle.set_handling(Handling(steering_curve=(1.0, 1.0, 1.0, 1.0)))
    ground.run(world, 0.5, vehicle, steer=0.1, throttle=0.3)
    assert -vehicle.wheel_angle_rad == pytest.approx(0.1 * math.radians(70.0), rel=1e-3)


@pytest.mark.parametrize(
    "wrong", [{"grip": -1.0}, {"brake": math.nan}, {"power": 1e9}, {"steering_curve": (2.0, 1.0, 1.0, 1.0)}]
)
def test_impossible_handling_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong)).replace("_", " ")):
        Handling(**wrong)


def friction(value: float, half_m: float) -> dict[str, str]:
    return {"friction": str(value), **{f"extent_{axis}": str(100.0 * half_m) for axis in "xyz"}}


def test_a_friction_trigger_acts_inside_only(ground):
    world = ground.world()
    vehicle = ground.car(world, speed=20.0)
    trigger = world.spawn("static.trigger.friction", friction(0.35, 30.0), Pose.from_xyz_rpy(40.0, 0.0, 0.0))
    vehicle.apply_control(VehicleControl(brake=1.0))
    decelerations = {}
    for _ in range(40):
        before, x_m = vehicle.speed_mps, vehicle.pose.x_m
        world.step(ground.step_s)
        decelerations[x_m] = (before - vehicle.speed_mps) / ground.step_s
    outside = [value for x_m, value in decelerations.items() if x_m < 6.0]
    inside = [value for x_m, value in decelerations.items() if x_m > 10.0]
    assert min(outside) > 8.0
    assert max(inside) < 1.6
    world.destroy(trigger.id)
    before = vehicle.speed_mps
    world.step(ground.step_s)
    assert (before - vehicle.speed_mps) / ground.step_s > 8.0


def test_a_friction_trigger_blocks_nobody_and_has_no_negative_size(ground):
    world = ground.world()
    world.spawn("static.trigger.friction", friction(1.0, 5.0), Pose.from_xyz_rpy(0.0, 0.0, 0.0))
    ground.car(world)
    with pytest.raises(SpawnError, match="extent_x"):
        world.spawn("static.trigger.friction", friction(1.0, -5.0), Pose.from_xyz_rpy(0.0, 0.0, 0.0))


@pytest.mark.parametrize("control", [{}, {"throttle": 1.0}, {"brake": 1.0}, {"hand_brake": True}, {"steer": 1.0}])
def test_tyres_without_friction_neither_push_nor_hold(ground, control):
    world = ground.world()
    vehicle = ground.car(world, speed=20.0)
    vehicle.set_handling(Handling(grip=0.0, drag=0.0))
    ground.run(world, 3.0, vehicle, **control)
    assert vehicle.velocity_mps == pytest.approx((20.0, 0.0, 0.0), abs=1e-9)


def test_without_gravity_tyres_hold_nothing_until_it_comes_back(ground):
    world = ground.world()
    vehicle = ground.car(world, speed=20.0)
    vehicle.set_gravity(False)
    vehicle.set_handling(Handling(drag=0.0))
    ground.run(world, 2.0, vehicle, brake=1.0)
    assert vehicle.speed_mps == pytest.approx(20.0, abs=1e-9)
    vehicle.set_gravity(True)
    ground.run(world, 3.0, vehicle, brake=1.0)
    assert vehicle.velocity_mps == (0.0, 0.0, 0.0)


_FACTORS = st.one_of(st.sampled_from([0.0, 5e-324, 1e-300, 1.0, 1e4]), st.floats(0.0, 1e4))


@settings(max_examples=150, deadline=None)
@given(factors=st.lists(_FACTORS, min_size=6, max_size=6), speed=st.floats(-500.0, 500.0), pedals=st.integers(0, 15))
def test_no_handling_that_is_accepted_breaks_a_step(ground, factors, speed, pedals):
    world = ground.world()
    vehicle = ground.car(world, speed=speed)
    vehicle.set_handling(Handling(*factors))
    throttle, brake, hand_brake, steer = (bool(pedals & 1 << bit) for bit in range(4))
    vehicle.apply_control(VehicleControl(float(throttle), float(steer), float(brake), hand_brake))
    for _ in range(3):
        world.step(0.05)
    assert all(map(math.isfinite, (*vehicle.velocity_mps, vehicle.pose.x_m, vehicle.pose.y_m)))
