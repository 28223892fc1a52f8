"""Driving, physics parameters, telemetry and lights of vehicles, as the genuine client reads them."""

import math

import carla
import pytest

PHYSICS_NUMBERS = (
    "max_rpm",
    "moi",
    "damping_rate_full_throttle",
    "damping_rate_zero_throttle_clutch_engaged",
    "damping_rate_zero_throttle_clutch_disengaged",
    "use_gear_autobox",
    "gear_switch_time",
    "clutch_strength",
    "final_ratio",
    "mass",
    "drag_coefficient",
    "use_sweep_wheel_collision",
)
CONTROL_FIELDS = ("throttle", "steer", "brake", "hand_brake", "reverse", "manual_gear_shift", "gear")


@pytest.mark.parametrize(
    "control",
    [
        carla.VehicleControl(0.5, -0.25, 0.125, False, False, False, 1),
        carla.VehicleControl(0.0, 0.0, 0.75, True, False, True, 3),
        carla.VehicleControl(0.25, 1.0, 0.0, False, True, True, -1),
    ],
)
def test_every_field_of_a_control_comes_back(world, ego, control):
    ego.apply_control(control)
    world.tick()
    read = ego.get_control()
    for name in CONTROL_FIELDS:
        assert getattr(read, name) == getattr(control, name), name


def test_the_last_control_stays_in_force(world, ego):
    ego.apply_control(carla.VehicleControl(throttle=0.5))
    speeds = []
    for _ in range(40):
        world.tick()
        speeds.append(ego.get_velocity().length())
    assert speeds == sorted(speeds)
    assert speeds[-1] > 3.0


def test_pedals_out_of_range_are_limited_and_nan_is_refused(world, ego, raw):
    ego.apply_control(carla.VehicleControl(throttle=7.0, steer=-3.0))
    world.tick()
    assert (ego.get_control().throttle, ego.get_control().steer) == (1.0, -1.0)
    ego.apply_control(carla.VehicleControl(throttle=math.nan, steer=0.5))
    world.tick()
    assert (ego.get_control().throttle, ego.get_control().steer) == (1.0, -1.0)
    _, result = raw.call("apply_control_to_vehicle", ego.id, [math.nan, 0.0, 0.0, False, False, False, 0])
    assert result[0][0] is True
    assert "finite" in result[0][1][0]


def test_positive_steering_turns_right(world, ego):
    forward, right = ego.get_transform().get_forward_vector(), ego.get_transform().get_right_vector()
    start = ego.get_location()
    ego.apply_control(carla.VehicleControl(throttle=0.5, steer=0.4))
    for _ in range(40):
        world.tick()
    moved = ego.get_location() - start
    assert moved.dot(forward) > 1.0
    assert moved.dot(right) > 0.5
    assert ego.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel) > 5.0
    assert ego.get_wheel_steer_angle(carla.VehicleWheelLocation.BL_Wheel) == 0.0


def test_ackermann_control_reaches_speed_and_stops(world, ego):
    ego.apply_ackermann_control(carla.VehicleAckermannControl(speed=4.0))
    for _ in range(80):
        world.tick()
    assert ego.get_velocity().length() == pytest.approx(4.0, abs=0.6)
    ego.apply_ackermann_control(carla.VehicleAckermannControl(speed=0.0))
    for _ in range(60):
        world.tick()
    assert ego.get_velocity().length() < 0.05
    assert ego.get_ackermann_controller_settings().speed_kp == pytest.approx(0.5)


def test_ackermann_control_keeps_its_limits(world, ego):
    ego.apply_ackermann_control(carla.VehicleAckermannControl(0.3, 0.2, 10.0, 2.0, 0.0))
    speeds, angles = [], []
    for _ in range(60):
        world.tick()
        speeds.append(ego.get_velocity().length())
        angles.append(math.radians(ego.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel)))
    # 2 m/s^2 and 0.2 rad/s, 0.05 s a step, once the pedal has found its place.
    assert (speeds[50] - speeds[20]) / 1.5 == pytest.approx(2.0, abs=0.15)
    assert (angles[20] - angles[10]) / 0.5 == pytest.approx(0.2, rel=0.1)
    assert angles[-1] == pytest.approx(0.3, rel=0.15)  # CARLA's steering curve takes some at speed
    ego.apply_ackermann_control(carla.VehicleAckermannControl(0.0, 0.0, 0.0, 0.0, 0.0))
    for _ in range(80):
        world.tick()
    assert ego.get_velocity().length() == 0.0


def test_telemetry_agrees_with_the_state(world, ego):
    ego.apply_control(carla.VehicleControl(throttle=0.8, steer=0.1))
    for _ in range(60):
        world.tick()
    telemetry = ego.get_telemetry_data()
    speed = ego.get_velocity().length()
    assert telemetry.speed == pytest.approx(speed, rel=0.01)
    assert telemetry.throttle == pytest.approx(0.8)
    assert telemetry.steer == pytest.approx(0.1)
    assert telemetry.brake == 0.0
    assert telemetry.gear == ego.get_control().gear >= 1
    assert 800.0 <= telemetry.engine_rpm <= 8000.0
    assert telemetry.drag == pytest.approx(0.43 * speed**2, rel=1e-3)  # half rho cd A of a family car
    assert len(telemetry.wheels) == 4
    wheel = telemetry.wheels[0]
    assert wheel.omega == pytest.approx(speed / 0.355, rel=0.01)
    assert wheel.tire_load == pytest.approx(1845.0 * 9.81 / 4.0, rel=1e-4)
    assert wheel.normalized_tire_load == 1.0
    assert (wheel.long_slip, wheel.tire_friction) == (0.0, 3.5)


@pytest.mark.parametrize("control", [(0.0, 0.0), (0.0, 0.6), (0.0, 1.0), (0.5, 0.0), (1.0, 0.0)])
def test_wheel_forces_and_drag_make_the_forward_acceleration(world, ego, control):
    """The balance that others measured on CARLA 0.9.16."""
    forward = ego.get_transform().get_forward_vector()
    ego.set_target_velocity(carla.Vector3D(20.0 * forward.x, 20.0 * forward.y, 0.0))
    ego.apply_control(carla.VehicleControl(throttle=control[0], brake=control[1]))
    world.tick()
    telemetry = ego.get_telemetry_data()
    force = sum(wheel.long_force for wheel in telemetry.wheels) - telemetry.drag
    before = ego.get_velocity().length()
    world.tick()
    acceleration = (ego.get_velocity().length() - before) / 0.05
    assert force == pytest.approx(1845.0 * acceleration, rel=0.01, abs=20.0)
    assert math.copysign(1.0, force) == (1.0 if control[0] else -1.0)
    for wheel in telemetry.wheels:
        assert wheel.torque == pytest.approx(-0.355 * wheel.long_force, rel=1e-5)
        assert wheel.normalized_long_force == pytest.approx(abs(wheel.long_force) / wheel.tire_load, rel=1e-5)


def test_a_car_at_rest_is_carried_and_not_pushed(world, ego):
    for control in (carla.VehicleControl(), carla.VehicleControl(brake=1.0), carla.VehicleControl(hand_brake=True)):
        ego.apply_control(control)
        world.tick()
        telemetry = ego.get_telemetry_data()
        assert sum(wheel.tire_load for wheel in telemetry.wheels) == pytest.approx(1845.0 * 9.81, rel=1e-4)
        assert [(w.long_force, w.lat_force, w.lat_slip, w.torque) for w in telemetry.wheels] == [(0.0,) * 4] * 4


def test_side_forces_of_the_wheels_make_the_turn(world, ego):
    """In a right-hand turn the tyres push to the right, slipping to the left."""
    ego.apply_control(carla.VehicleControl(throttle=0.4, steer=0.15))
    for _ in range(70):
        world.tick()
    telemetry = ego.get_telemetry_data()
    angle = math.radians(ego.get_wheel_steer_angle(carla.VehicleWheelLocation.FL_Wheel))
    front, rear = telemetry.wheels[:2], telemetry.wheels[2:]
    force = sum(w.lat_force for w in front) * math.cos(angle) + sum(w.lat_force for w in rear)
    world.tick()
    right = ego.get_acceleration().dot(ego.get_transform().get_right_vector())
    assert right > 1.0
    assert force == pytest.approx(1845.0 * right, rel=0.05)
    assert all(w.lat_slip < 0.0 < w.lat_force for w in (*front, *rear))
    assert front[0].normalized_lat_force == pytest.approx(front[0].lat_force / front[0].tire_load, rel=1e-5)


def test_physics_control_is_read_and_changed_field_by_field(world, ego):
    physics = ego.get_physics_control()
    assert physics.mass == pytest.approx(1845.0)
    assert [wheel.max_steer_angle for wheel in physics.wheels] == pytest.approx([70.0, 70.0, 0.0, 0.0])
    assert [wheel.max_handbrake_torque for wheel in physics.wheels] == pytest.approx([0.0, 0.0, 3000.0, 3000.0])
    assert physics.wheels[0].radius == pytest.approx(35.5)
    inverse = ego.get_transform().get_inverse_matrix()
    for wheel, (x, y) in zip(physics.wheels, ((1, -1), (1, 1), (-1, -1), (-1, 1)), strict=True):
        world_m = [wheel.position.x / 100.0, wheel.position.y / 100.0, wheel.position.z / 100.0, 1.0]
        local = [sum(row[i] * world_m[i] for i in range(4)) for row in inverse]
        assert local[0] == pytest.approx(x * 2.875 / 2.0, abs=0.01)
        assert local[1] * y > 0.7
    changed = carla.VehiclePhysicsControl(
        torque_curve=[carla.Vector2D(0.0, 1.0), carla.Vector2D(2.0, 3.0)],
        max_rpm=5001.0,
        moi=1.5,
        damping_rate_full_throttle=0.16,
        damping_rate_zero_throttle_clutch_engaged=2.5,
        damping_rate_zero_throttle_clutch_disengaged=0.45,
        use_gear_autobox=False,
        gear_switch_time=0.6,
        clutch_strength=11.0,
        final_ratio=4.25,
        forward_gears=[carla.GearPhysicsControl(5.0, 0.25, 0.75)],
        mass=900.0,
        drag_coefficient=0.35,
        center_of_mass=carla.Vector3D(0.1, 0.2, -0.3),
        steering_curve=[carla.Vector2D(0.0, 1.0), carla.Vector2D(100.0, 0.5)],
        wheels=physics.wheels,
        use_sweep_wheel_collision=False,
    )
    ego.apply_physics_control(changed)
    world.tick()
    read = ego.get_physics_control()
    for name in PHYSICS_NUMBERS:
        assert getattr(read, name) == pytest.approx(getattr(changed, name)), name
    assert [(p.x, p.y) for p in read.torque_curve] == [(0.0, 1.0), (2.0, 3.0)]
    assert [(p.x, p.y) for p in read.steering_curve] == [(0.0, 1.0), (100.0, 0.5)]
    gear = read.forward_gears[0]
    assert (gear.ratio, gear.down_ratio, gear.up_ratio) == (5.0, 0.25, 0.75)
    center = read.center_of_mass
    assert (center.x, center.y, center.z) == pytest.approx((0.1, 0.2, -0.3))


def test_a_changed_mass_acts(world, ego):
    physics = ego.get_physics_control()
    physics.mass = 3690.0
    ego.apply_physics_control(physics)
    ego.add_impulse(ego.get_transform().get_forward_vector() * 3690.0 * 2.0)
    world.tick()
    assert ego.get_velocity().length() == pytest.approx(2.0, abs=0.2)


def speed_after(world, vehicle, ticks, **control):
    vehicle.apply_control(carla.VehicleControl(**control))
    for _ in range(ticks):
        world.tick()
    return vehicle.get_velocity().length()


def test_engine_brakes_tyres_and_mass_of_the_physics_control_act(world, ego):
    ordinary = speed_after(world, ego, 20, throttle=1.0)
    for name, factor in (("torque_curve", 0.5), ("final_ratio", 0.5), ("mass", 2.0)):
        ego.set_target_velocity(carla.Vector3D())
        physics = ego.get_physics_control()
        if name == "torque_curve":
            physics.torque_curve = [carla.Vector2D(p.x, factor * p.y) for p in physics.torque_curve]
        else:
            setattr(physics, name, factor * getattr(physics, name))
        before = ego.get_physics_control()
        ego.apply_physics_control(physics)
        assert speed_after(world, ego, 20, throttle=1.0) == pytest.approx(0.5 * ordinary, rel=0.12), name
        ego.apply_physics_control(before)


def test_worn_tyres_need_a_longer_way(world, ego):
    def lost_in_half_a_second():
        ego.set_target_velocity(ego.get_transform().get_forward_vector() * 10.0)
        world.tick()
        before = ego.get_velocity().length()
        return before - speed_after(world, ego, 10, brake=1.0)

    ordinary = lost_in_half_a_second()
    physics = ego.get_physics_control()
    wheels = physics.wheels
    for wheel in wheels:
        wheel.tire_friction = 0.5 * 3.5
    physics.wheels = wheels
    ego.apply_physics_control(physics)
    assert lost_in_half_a_second() == pytest.approx(0.5 * ordinary, rel=0.1)


def test_a_friction_trigger_makes_the_road_slippery(world, ego):
    blueprint = world.get_blueprint_library().find("static.trigger.friction")
    for axis in "xyz":
        blueprint.set_attribute(f"extent_{axis}", "20000.0")
    blueprint.set_attribute("friction", "0.35")
    trigger = world.spawn_actor(blueprint, ego.get_transform())
    slow = speed_after(world, ego, 10, throttle=1.0)
    assert [wheel.tire_friction for wheel in ego.get_physics_control().wheels] == pytest.approx([0.35] * 4)
    trigger.destroy()
    world.tick()
    assert ego.get_physics_control().wheels[0].tire_friction == pytest.approx(3.5)
    ego.set_target_velocity(carla.Vector3D())
    assert slow < 0.3 * speed_after(world, ego, 10, throttle=1.0)


def test_collisions_can_be_switched_off(world, ego):
    other_place = ego.get_transform()
    other_place.location = other_place.transform(carla.Location(6.0, 0.0, 0.3))
    other = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.a2"), other_place)
    ego.set_collisions(False)
    ego.set_target_velocity(ego.get_transform().get_forward_vector() * 15.0)
    for _ in range(20):
        world.tick()
    gone_by = ego.get_transform().get_inverse_matrix()
    x, y, z = (getattr(other.get_location(), axis) for axis in "xyz")
    assert sum(row * value for row, value in zip(gone_by[0], (x, y, z, 1.0), strict=True)) < -2.0
    assert other.get_velocity().length() == 0.0


def test_lights_are_kept_and_listed(world, ego):
    lights = carla.VehicleLightState(carla.VehicleLightState.LowBeam | carla.VehicleLightState.Fog)
    ego.set_light_state(lights)
    world.tick()
    assert ego.get_light_state() == lights
    states = world.get_vehicles_light_states()
    assert states[ego.id] == lights


def test_the_speed_limit_and_lights_on_the_way_are_known(world, ego):
    assert ego.get_speed_limit() == pytest.approx(30.0)
    assert not ego.is_at_traffic_light()
    assert ego.get_traffic_light_state() == carla.TrafficLightState.Green
    assert ego.get_failure_state() == carla.VehicleFailureState.NONE


def test_calls_on_dead_actors_are_errors_not_accidents(world, ego, raw):
    """Another client destroyed the car: this one does not know and goes on calling."""
    assert raw.call("destroy_actor", ego.id) == (None, [[1, True]])
    ego.apply_control(carla.VehicleControl(throttle=0.3))
    world.tick()
    with pytest.raises(RuntimeError, match="not found"):
        ego.get_physics_control()
    for method, arguments in (
        ("get_telemetry_data", [ego.id]),
        ("set_actor_transform", [ego.id, [[0.0] * 3, [0.0] * 3]]),
        ("destroy_actor", [ego.id]),
    ):
        error, result = raw.call(method, *arguments)
        assert error is None
        assert str(ego.id) in result[0][1][0]
        assert "not found" in result[0][1][0]
    assert ego.bounding_box.extent == carla.Vector3D()  # an error would end a process whose Traffic Manager asks


@pytest.mark.parametrize("sticky", [True, False])
def test_a_control_lasts_one_step_unless_it_is_sticky(world, sticky):
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    blueprint.set_attribute("sticky_control", str(sticky))
    vehicle = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[0])
    vehicle.apply_control(carla.VehicleControl(throttle=1.0))
    world.tick()
    after_one = vehicle.get_velocity().length()
    assert vehicle.get_control().throttle == 1.0
    world.tick()
    assert (vehicle.get_velocity().length() > after_one > 0.1) == sticky
