import math

import numpy as np
import pytest

from carla_lite.engine import SpawnError, VehicleControl, Walker, WalkerControl
from carla_lite.engine.contacts import penetration
from carla_lite.scene import Shape
from waypilot.geometry import Pose

MASS_KG = 1845.0
HALF_LENGTH_M = 2.396


def _momentum(*vehicles) -> np.ndarray:
    return sum(v.blueprint.mass_kg * np.array(v.velocity_mps) for v in vehicles)


def _collect(ground, world, seconds: float) -> list:
    return [event for _ in range(round(seconds / ground.step_s)) for event in world.step(ground.step_s).collisions]


@pytest.mark.parametrize(
    ("offset", "yaw", "expected"),
    [
        ((1.5, 0.0), 0.0, 0.5),
        ((2.5, 0.0), 0.0, -0.5),
        ((0.0, -1.5), 0.0, 0.5),
        ((2.0, 0.0), math.pi / 4, math.sqrt(2.0) - 1.0),
        ((1.9, 1.9), math.pi / 4, 1.0 + math.sqrt(2.0) - math.sqrt(2.0) * 1.9),
    ],
)
def test_overlap_depth_of_squares(offset: tuple[float, float], yaw: float, expected: float) -> None:
    depth, nx, ny = penetration(*offset, np.array([0.0, 1.0, 1.0]), np.array([yaw, 1.0, 1.0]))
    assert depth == pytest.approx(expected, abs=1e-9)
    if depth > 0.0:
        assert nx * offset[0] + ny * offset[1] > 0.0


def test_a_head_on_crash_keeps_momentum_and_loses_energy(ground) -> None:
    world = ground.world()
    first, second = ground.car(world, -5.0, speed=15.0), ground.car(world, 5.0, yaw=math.pi, speed=5.0)
    before = _momentum(first, second)
    (event,) = _collect(ground, world, 0.35)
    assert (event.actor_id, event.other_id) == (first.id, second.id)
    # Tyres and air take a little in the 0.35 s.
    assert _momentum(first, second)[:2] == pytest.approx(before[:2], abs=0.03 * MASS_KG * 20.0)
    # Both masses are equal, so the impulse is (1 + e) m v / 2 for 20 m/s of closing speed.
    assert event.normal_impulse_ns[0] == pytest.approx(-1.1 * MASS_KG * 20.0 / 2.0, rel=0.03)
    assert event.normal_impulse_ns[1:] == pytest.approx((0.0, 0.0), abs=1e-6)
    assert second.velocity_mps[0] > first.velocity_mps[0]


def test_a_rear_end_crash_pushes_the_standing_car(ground) -> None:
    world = ground.world()
    striker, standing = ground.car(world, -6.0, speed=10.0), ground.car(world)
    events = _collect(ground, world, 0.5)
    assert len(events) == 1
    assert standing.velocity_mps[0] > 4.0
    assert striker.pose.x_m + 2 * HALF_LENGTH_M <= standing.pose.x_m + 0.01


def test_an_off_centre_hit_spins_the_car(ground) -> None:
    world = ground.world()
    ground.car(world, -6.0, y=1.2, speed=12.0)
    standing = ground.car(world)
    rates = []
    for _ in range(200):
        world.step(ground.step_s)
        rates.append(standing.angular_velocity_radps[2])
    # Hit on its left rear corner, the car turns clockwise, until its tyres have caught it.
    assert min(rates) < -0.3
    assert rates[-1] == 0.0
    assert standing.pose.planar.yaw_rad < -0.03


@pytest.mark.parametrize("thickness", [0.05, 0.5])
def test_nothing_tunnels_at_30_mps(ground, thickness: float) -> None:
    world = ground.world(ground.wall(20.0, 0.0, thickness, 10.0))
    vehicle = ground.car(world, speed=30.0)
    events = _collect(ground, world, 2.0)
    assert vehicle.pose.x_m + HALF_LENGTH_M < 20.0 - thickness + 0.02
    assert events[0].other_id is None
    assert events[0].static_box is world.town.scene.boxes[0]
    assert events[0].normal_impulse_ns[0] == pytest.approx(-1.1 * MASS_KG * 30.0, rel=0.05)


@pytest.mark.parametrize("dt_s", [0.05, 0.1, 0.2])
def test_nothing_tunnels_when_a_velocity_is_taken_up_at_once(ground, dt_s: float) -> None:
    # Within the first step the car would pass the pole: only its own speed, not the one it is to hold, is still zero.
    world = ground.world(ground.wall(HALF_LENGTH_M + 30.0 * dt_s - 0.5, 0.0, 0.08, 0.08))
    ground.car(world).hold_velocity((30.0, 0.0, 0.0))
    assert world.step(dt_s).collisions


def test_two_cars_at_30_mps_do_not_pass_through_each_other(ground) -> None:
    world = ground.world()
    first, second = ground.car(world, -20.0, speed=30.0), ground.car(world, 20.0, yaw=math.pi, speed=30.0)
    _collect(ground, world, 2.0)
    assert first.pose.x_m + HALF_LENGTH_M < second.pose.x_m - HALF_LENGTH_M + 0.02


def test_pressing_against_a_wall_gives_steady_small_impulses(ground) -> None:
    world = ground.world(ground.wall(10.0, 0.0, 1.0, 10.0))
    vehicle = ground.car(world, 9.0 - HALF_LENGTH_M - 0.01)
    vehicle.apply_control(VehicleControl(throttle=1.0))
    impulses = [math.hypot(*event.normal_impulse_ns) for event in _collect(ground, world, 10.0)]
    assert len(impulses) > 150
    # Full traction of 5 m/s^2 over a step.
    assert max(impulses[20:]) < 1.2 * MASS_KG * 5.0 * ground.step_s
    assert np.mean(impulses[-50:]) == pytest.approx(np.mean(impulses[50:100]), rel=0.05)
    assert vehicle.pose.x_m + HALF_LENGTH_M < 9.02


def test_resting_contact_is_silent(ground) -> None:
    world = ground.world(ground.wall(10.0, 0.0, 1.0, 10.0))
    vehicle = ground.car(world, 9.0 - HALF_LENGTH_M - 0.5, speed=2.0)
    _collect(ground, world, 5.0)
    vehicle.apply_control(VehicleControl(brake=1.0))
    _collect(ground, world, 3.0)
    assert _collect(ground, world, 5.0) == []


def test_scraping_along_a_wall_only_slows(ground) -> None:
    world = ground.world(ground.wall(30.0, 2.0, 30.0, 0.5))
    vehicle = ground.car(world, 0.0, y=0.1, yaw=0.05, speed=10.0)
    events = _collect(ground, world, 2.0)
    assert events
    assert all(event.normal_impulse_ns[1] < 0.0 for event in events)
    assert 5.0 < vehicle.velocity_mps[0] < 10.0
    assert vehicle.pose.y_m < 0.6


def test_a_hit_walker_is_thrown_and_the_car_hardly_slows(ground) -> None:
    world = ground.world()
    vehicle = ground.car(world, speed=10.0)
    walker = world.spawn("walker.pedestrian.0001", {}, Pose.from_xyz_rpy(6.0, 0.2, 1.0))
    events = _collect(ground, world, 1.0)
    assert (events[0].actor_id, events[0].other_id) == (vehicle.id, walker.id)
    assert walker.pose.x_m > 7.0
    assert vehicle.velocity_mps[0] > 8.5


def test_props_and_frozen_vehicles_do_not_move(ground) -> None:
    for type_id in ("static.prop.streetbarrier", "vehicle.tesla.model3"):
        world = ground.world()
        ground.car(world, speed=10.0)
        target = world.spawn(type_id, {}, Pose.from_xyz_rpy(8.0, 0.0, 0.0))
        if type_id.startswith("vehicle"):
            target.set_simulates_physics(False)
        before = target.pose
        assert _collect(ground, world, 1.0)
        assert target.pose == before


def test_an_actor_without_collisions_passes_through_everything(ground) -> None:
    world = ground.world(ground.wall(20.0, 0.0, 1.0, 1.0))
    ghost = ground.car(world, speed=15.0)
    ground.car(world, 8.0)
    ghost.set_collides(False)
    assert _collect(ground, world, 2.0) == []
    assert ghost.pose.x_m > 24.0
    ghost.set_pose(Pose.from_xyz_rpy(2.0, 0.0, 0.0))
    ghost.set_collides(True)
    assert _collect(ground, world, 0.5)


def test_of_a_tree_only_the_trunk_is_hard(ground) -> None:
    for y, hits in ((1.3, 0), (1.0, 1)):
        world = ground.world(ground.wall(10.0, y, 1.5, 1.5, shape=Shape.TREE))
        ground.car(world, speed=10.0)
        assert bool(_collect(ground, world, 1.0)) == bool(hits)


def test_one_event_per_pair_and_step_in_order_of_ids(ground) -> None:
    world = ground.world()
    cars = [ground.car(world, 4.8 * i, speed=20.0 - 3.0 * i) for i in range(4)]
    for _ in range(20):
        pairs = [(event.actor_id, event.other_id) for event in world.step(ground.step_s).collisions]
        assert pairs == sorted(set(pairs))
        assert all(a < b for a, b in pairs)
    assert len(cars) == 4


def test_spawning_into_something_fails_as_in_carla_and_changes_nothing(ground) -> None:
    world = ground.world(ground.wall(20.0, 0.0, 1.0, 1.0))
    ground.car(world)
    for x in (4.0, 19.0):
        with pytest.raises(SpawnError, match=r"^Spawn failed because of collision at spawn position$"):
            ground.car(world, x)
    assert len(world.actors) == 2
    ground.car(world, 4.9)


def test_walkers_walk_where_they_are_told(ground) -> None:
    world = ground.world()
    walker = world.spawn("walker.pedestrian.0001", {}, Pose.from_xyz_rpy(0.0, 0.0, 1.0))
    assert isinstance(walker, Walker)
    walker.apply_control(WalkerControl((0.0, 3.0, 0.0), 1.5))
    ground.run(world, 4.0)
    assert (walker.pose.x_m, walker.pose.y_m) == pytest.approx((0.0, 6.0), abs=0.2)
    assert walker.pose.planar.yaw_rad == pytest.approx(math.pi / 2)
    walker.apply_control(WalkerControl())
    ground.run(world, 1.0)
    assert walker.velocity_mps == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    with pytest.raises(ValueError, match="walker"):
        WalkerControl((math.nan, 0.0, 0.0), 1.0)


def test_a_crowd_of_100_cars_stays_apart(ground) -> None:
    world = ground.world()
    rng = np.random.default_rng(1)
    cars = [ground.car(world, 7.0 * i, 4.0 * j, speed=3.0) for i in range(10) for j in range(10)]
    for vehicle in cars:
        vehicle.apply_control(VehicleControl(throttle=0.4, steer=float(rng.uniform(-0.5, 0.5))))
    _collect(ground, world, 3.0)
    worst = 0.0
    for i, a in enumerate(cars):
        for b in cars[i + 1 :]:
            box = [np.array([v.pose.planar.yaw_rad, *v.half_extent_m[:2]]) for v in (a, b)]
            worst = max(worst, penetration(b.pose.x_m - a.pose.x_m, b.pose.y_m - a.pose.y_m, *box)[0])
    assert worst < 0.15
