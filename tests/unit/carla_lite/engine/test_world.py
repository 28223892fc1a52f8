import math
from dataclasses import replace

import numpy as np
import pytest

from carla_lite.engine import Catalog, SpawnError, VehicleControl, World
from carla_lite.maps import load_town
from carla_lite.scene import Shape, Weather
from waypilot.geometry import Pose, Quaternion


def test_time_is_counted_in_whole_nanoseconds(ground) -> None:
    world = ground.world()
    events = [world.step(0.05) for _ in range(1000)]
    assert world.frame == 1000
    assert world.time_ns == 50_000_000_000
    assert world.time_s == 50.0
    assert (events[6].frame, events[6].stamp_ns) == (7, 350_000_000)


@pytest.mark.parametrize("dt", [0.0, -0.05, 5.5, math.nan])
def test_impossible_steps_are_refused(ground, dt: float) -> None:
    with pytest.raises(ValueError, match="the step is"):
        ground.world().step(dt)


def test_equal_commands_give_equal_bits() -> None:
    def drive() -> list[tuple[object, ...]]:
        town = load_town("Lite01")
        world = World(town, Catalog.default(), seed=3)
        cars = [world.spawn("vehicle.tesla.model3", {}, pose) for pose in town.spawn_points[:40]]
        rng = np.random.default_rng(5)
        trace: list[tuple[object, ...]] = []
        for _ in range(100):
            for vehicle in cars:
                vehicle.apply_control(VehicleControl(throttle=float(rng.random()), steer=float(rng.uniform(-1, 1))))
            trace.append((world.step(0.05), *(vehicle.pose for vehicle in cars)))
        return trace

    first = drive()
    assert first == drive()
    assert any(step[0].collisions for step in first)


def test_every_spawn_point_of_a_town_is_free() -> None:
    town = load_town("Lite02")
    world = World(town, Catalog.default())
    for pose in town.spawn_points:
        world.spawn("vehicle.tesla.model3", {}, pose)
    assert world.step(0.05).collisions == ()


def test_bodies_stand_on_the_ground_below_their_spawn_pose(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, 3.0, yaw=1.0)
    walker = world.spawn("walker.pedestrian.0001", {}, Pose.from_xyz_rpy(9.0, 0.0, 2.0))
    assert vehicle.pose.z_m == 0.0
    assert vehicle.pose.planar.yaw_rad == pytest.approx(1.0)
    assert walker.pose.z_m == walker.half_extent_m[2]


def test_sensors_follow_their_parent_rigidly(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, 1.0, 2.0, yaw=math.pi / 2, speed=5.0)
    mount = Pose.from_xyz_rpy(1.3, 0.5, 2.0, pitch_rad=0.2)
    camera = world.spawn("sensor.camera.rgb", {}, mount, vehicle.id)
    assert (camera.pose.x_m, camera.pose.y_m, camera.pose.z_m) == pytest.approx((0.5, 3.3, 2.0))
    vehicle.apply_control(VehicleControl(throttle=0.5, steer=0.3))
    for _ in range(20):
        world.step(0.05)
        dx, dy, dz = vehicle.pose.orientation.rotate((1.3, 0.5, 2.0))
        expected = (vehicle.pose.x_m + dx, vehicle.pose.y_m + dy, dz)
        assert (camera.pose.x_m, camera.pose.y_m, camera.pose.z_m) == pytest.approx(expected)
        # Looking down by the mount's pitch in the car's heading: the map direction of the camera's x axis.
        forward = camera.pose.orientation.rotate((1.0, 0.0, 0.0))
        yaw = vehicle.pose.planar.yaw_rad
        assert forward == pytest.approx(
            (math.cos(0.2) * math.cos(yaw), math.cos(0.2) * math.sin(yaw), -math.sin(0.2)), abs=1e-9
        )
        assert camera.velocity_mps == vehicle.velocity_mps


def test_children_survive_their_parent_where_they_are(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=5.0)
    camera = world.spawn("sensor.camera.rgb", {}, Pose.from_xyz_rpy(1.0, 0.0, 2.0), vehicle.id)
    world.step(0.05)
    place = camera.pose
    assert world.destroy(vehicle.id)
    world.step(0.05)
    assert camera.parent_id is None
    assert camera.pose == place
    assert camera.velocity_mps == (0.0, 0.0, 0.0)


def test_ids_are_never_reused_and_can_start_anywhere() -> None:
    world = World(load_town("Lite01"), Catalog.default(), first_actor_id=100)
    pose = world.town.spawn_points[0]
    assert world.spectator.id == 100
    first = world.spawn("vehicle.tesla.model3", {}, pose)
    assert world.destroy(first.id)
    assert not world.destroy(first.id)
    assert not world.destroy(world.spectator.id)
    assert world.spawn("vehicle.tesla.model3", {}, pose).id > first.id


@pytest.mark.parametrize(
    ("type_id", "attributes", "parent", "message"),
    [
        ("vehicle.no.such", {}, None, "no blueprint 'vehicle.no.such'"),
        ("vehicle.tesla.model3", {"wings": "2"}, None, "no attribute 'wings'"),
        ("vehicle.tesla.model3", {"color": "red"}, None, "attribute 'color'"),
        ("sensor.camera.rgb", {}, 999, "no parent actor 999"),
    ],
)
def test_bad_spawns_say_why(ground, type_id: str, attributes: dict, parent: int | None, message: str) -> None:
    with pytest.raises(SpawnError, match=message):
        ground.world().spawn(type_id, attributes, Pose.from_xyz_rpy(0.0, 0.0, 0.0), parent)


def test_poses_that_are_no_numbers_are_refused(ground) -> None:
    world = ground.world()
    bad = Pose(math.nan, 0.0, 0.0, Quaternion(0.0, 0.0, 0.0, 1.0))
    with pytest.raises(SpawnError, match="not finite"):
        world.spawn("vehicle.tesla.model3", {}, bad)
    with pytest.raises(ValueError, match="not finite"):
        ground.car(world).set_pose(bad)


def test_moving_a_car_keeps_its_velocity_and_puts_it_on_the_ground(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=5.0)
    vehicle.set_pose(Pose.from_xyz_rpy(50.0, 10.0, 7.0, yaw_rad=0.5))
    assert (vehicle.pose.x_m, vehicle.pose.y_m, vehicle.pose.z_m) == (50.0, 10.0, 0.0)
    assert vehicle.velocity_mps == (5.0, 0.0, 0.0)


def test_without_physics_a_car_stays_in_the_air_and_ignores_its_pedals(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=5.0)
    vehicle.set_simulates_physics(False)
    high = Pose.from_xyz_rpy(3.0, 4.0, 5.0, roll_rad=0.1, pitch_rad=0.2, yaw_rad=0.3)
    vehicle.set_pose(high)
    ground.run(world, 1.0, vehicle, throttle=1.0)
    assert vehicle.pose == high
    vehicle.set_simulates_physics(True)
    ground.run(world, 1.0, vehicle, throttle=1.0)
    assert vehicle.pose.z_m == 0.0
    assert vehicle.speed_mps > 4.0


def test_what_cannot_move_has_no_speed(ground) -> None:
    world = ground.world()
    frozen = ground.car(world)
    frozen.set_simulates_physics(False)
    prop = world.spawn("static.prop.streetbarrier", {}, Pose.from_xyz_rpy(20.0, 0.0, 0.0))
    for actor in (frozen, prop):
        actor.set_velocity((5.0, 1.0, 0.0))
        actor.set_yaw_rate(1.0)
        ground.run(world, 0.2)
        assert (actor.velocity_mps, actor.angular_velocity_radps) == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def test_what_is_led_without_physics_is_seen_to_move_as_it_is_led(ground) -> None:
    world = ground.world()
    car = world.spawn("vehicle.tesla.model3", {}, Pose.from_xyz_rpy(0.0, 0.0, 0.0))
    car.set_simulates_physics(False)
    car.lead(Pose.from_xyz_rpy(5.0, 6.0, 2.0, 0.1, 0.2, 0.3), (4.0, 3.0, 1.0), (0.0, 0.0, 0.5))
    world.step(0.05)
    assert car.pose == Pose.from_xyz_rpy(5.0, 6.0, 2.0, 0.1, 0.2, 0.3)
    assert (car.velocity_mps, car.angular_velocity_radps) == ((4.0, 3.0, 1.0), (0.0, 0.0, 0.5))
    world.step(0.05)
    assert (car.velocity_mps, car.angular_velocity_radps) == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert car.pose.x_m == 5.0


def test_an_actor_of_a_recording_has_its_id_and_place_again(ground) -> None:
    world = ground.world()
    here = Pose.from_xyz_rpy(0.0, 0.0, 0.0)
    taken = world.spawn("vehicle.tesla.model3", {}, here)
    assert world.spawn("vehicle.tesla.model3", {}, here, recorded_id=taken.id).id == taken.id + 1
    assert world.spawn("vehicle.tesla.model3", {}, here, recorded_id=500).id == 500
    assert world.spawn("static.prop.barrel", {}, Pose.from_xyz_rpy(50.0, 0.0, 0.0)).id == 501
    assert world.spawn("vehicle.tesla.model3", {}, here, recorded_id=2**32 - 1).id == 502
    world.destroy(taken.id)
    assert world.spawn("vehicle.tesla.model3", {}, here, recorded_id=taken.id).id == taken.id


def test_the_scene_shows_every_body_but_the_excluded(ground) -> None:
    world = ground.world()
    world.weather = replace(Weather(), cloudiness=80.0)
    ego = ground.car(world)
    other = world.spawn("vehicle.tesla.model3", {"color": "10,20,30"}, Pose.from_xyz_rpy(10.0, 0.0, 0.0))
    walker = world.spawn("walker.pedestrian.0001", {}, Pose.from_xyz_rpy(0.0, 5.0, 1.0))
    world.spawn("sensor.camera.rgb", {}, Pose.from_xyz_rpy(1.0, 0.0, 2.0), ego.id)
    other.apply_control(VehicleControl(brake=0.5))
    world.step(0.05)
    scene = world.scene(frozenset({ego.id}))
    assert (scene.frame, scene.time_s, scene.weather.cloudiness) == (1, 0.05, 80.0)
    car, person = scene.actors
    assert (car.actor_id, car.shape, car.color, car.brake_lights) == (other.id, Shape.CAR, (10, 20, 30), True)
    assert car.half_extent_m == other.half_extent_m
    assert (person.actor_id, person.shape, person.pose) == (walker.id, Shape.PEDESTRIAN, walker.pose)
    assert [actor.actor_id for actor in world.scene().actors] == [ego.id, other.id, walker.id]


def test_props_are_in_the_way_only_of_what_they_are_as_high_as(ground):
    world = ground.world(ground.wall(20.0, 0.0, 1.0, 1.0))

    def put(x, z):
        return world.spawn("static.prop.barrel", {}, Pose.from_xyz_rpy(x, 0.0, z))

    put(10.0, 0.0)
    hanging = put(10.0, 6.0)
    with pytest.raises(SpawnError, match="collision"):
        put(10.0, 6.5)
    put(20.0, 4.1)  # on the wall
    with pytest.raises(SpawnError, match="collision"):
        put(20.0, 3.9)
    vehicle = ground.car(world, x=3.0, speed=5.0)
    hanging.set_pose(Pose.from_xyz_rpy(6.5, 0.0, 4.6))
    ground.run(world, 0.5, vehicle)
    assert vehicle.speed_mps > 4.5
    hanging.set_pose(Pose.from_xyz_rpy(8.5, 0.0, 0.0))
    ground.run(world, 1.0, vehicle)
    assert vehicle.speed_mps < 1.0
