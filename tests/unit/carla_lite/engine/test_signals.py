import math

import pytest

from carla_lite.engine import Catalog, LightState, TrafficLight, Vehicle, World
from carla_lite.maps import PostKind, load_town
from carla_lite.scene import Lamp
from waypilot.geometry import SE2, Pose

STEP_S = 0.05


@pytest.fixture
def world() -> World:
    return World(load_town("Lite04"), Catalog.default(), seed=3)


def _run(world: World, seconds: float) -> None:
    for _ in range(round(seconds / STEP_S)):
        world.step(STEP_S)


def _car(world: World, at: SE2, speed_mps: float = 0.0) -> Vehicle:
    car = world.spawn("vehicle.tesla.model3", {}, Pose.from_xyz_rpy(at.x_m, at.y_m, 0.3, yaw_rad=at.yaw_rad))
    assert isinstance(car, Vehicle)
    car.set_velocity((speed_mps * math.cos(at.yaw_rad), speed_mps * math.sin(at.yaw_rad), 0.0))
    return car


def test_controllers_take_turns_with_carlas_times(world: World) -> None:
    group = world.signals.groups[0]
    group.reset()
    first, second = (controller.lights[0] for controller in group.controllers)
    seen = []
    for _ in range(600):
        world.step(STEP_S)
        if not seen or seen[-1] != (first.lamp, second.lamp):
            seen.append((first.lamp, second.lamp))
    red, yellow, green = Lamp.RED, Lamp.YELLOW, Lamp.GREEN
    once = [(green, red), (yellow, red), (red, red), (red, green), (red, yellow), (red, red)]
    assert seen == [*once, (green, red)]
    assert group.controllers[0].elapsed_ns == 0  # 600 steps are two turns of 15 s to the nanosecond


def test_never_are_two_directions_of_a_junction_free_at_once(world: World) -> None:
    for _ in range(1500):
        world.step(STEP_S)
        for group in world.signals.groups:
            free = [c for c in group.controllers if any(light.lamp is not Lamp.RED for light in c.lights)]
            assert len(free) <= 1
            assert all(len({light.lamp for light in c.lights}) == 1 for c in group.controllers)


def test_times_are_those_of_the_controller(world: World) -> None:
    light = world.signals.groups[0].controllers[0].lights[0]
    light.group.reset()
    light.set_time(Lamp.GREEN, 1.0)
    light.set_time(Lamp.YELLOW, 0.0)
    _run(world, 0.95)
    assert light.lamp is Lamp.GREEN
    assert light.elapsed_s == pytest.approx(0.95)
    world.step(STEP_S)
    assert light.lamp is Lamp.RED
    with pytest.raises(ValueError, match="yellow time"):
        light.set_time(Lamp.YELLOW, -1.0)


def test_times_of_zero_do_not_hang(world: World) -> None:
    for controller in world.signals.groups[0].controllers:
        controller.times_s = dict.fromkeys(controller.times_s, 0.0)
    world.step(STEP_S)


def test_a_frozen_junction_stands_still_and_the_others_go_on(world: World) -> None:
    frozen, free = world.signals.groups[:2]
    frozen.frozen = True
    before = [light.lamp for light in frozen.lights]
    changed = False
    for _ in range(400):
        lamps = [light.lamp for light in free.lights]
        world.step(STEP_S)
        changed |= lamps != [light.lamp for light in free.lights]
        assert before == [light.lamp for light in frozen.lights]
    assert changed


def test_a_light_switched_by_hand_keeps_its_state_until_its_controller_switches(world: World) -> None:
    group = world.signals.groups[0]
    group.reset()
    waiting = group.controllers[1].lights[0]
    waiting.lamp = Lamp.OFF
    _run(world, 14.9)
    assert waiting.lamp is Lamp.OFF
    _run(world, 0.1)
    assert waiting.lamp is Lamp.GREEN


@pytest.mark.parametrize("steps", [10, 230, 275, 310, 545, 590])
def test_a_group_goes_on_from_what_was_recorded_of_its_lights(world: World, steps: int) -> None:
    """The steps fall into every colour of both controllers."""
    other = World(load_town("Lite04"), Catalog.default(), seed=4)
    group, restored = world.signals.groups[0], other.signals.groups[0]
    group.reset()
    _run(world, steps * STEP_S)
    recorded = [LightState(light.lamp, light.elapsed_s, light.group.frozen) for light in group.lights]
    restored.restore(dict(zip(restored.lights, recorded, strict=True)))
    for _ in range(400):
        assert [light.lamp for light in restored.lights] == [light.lamp for light in group.lights]
        world.step(STEP_S)
        other.step(STEP_S)


def test_the_seed_decides_where_in_the_cycle_lights_start() -> None:
    town = load_town("Lite04")
    lamps = [World(town, Catalog.default(), seed).signals.lamps for seed in (1, 1, 2)]
    assert lamps[0] == lamps[1] != lamps[2]


def test_vehicles_know_the_light_before_them(world: World) -> None:
    light = world.signals.lights[0]
    line = light.post.trigger.pose.compose(SE2(light.post.trigger.half_length_m, 0.0, 0.0))
    car = _car(world, line.compose(SE2(-4.0, 0.0, 0.0)))
    against = _car(world, line.compose(SE2(-14.0, 0.0, math.pi)))
    far = _car(world, line.compose(SE2(-25.0, 0.0, 0.0)))
    world.step(STEP_S)
    assert car.traffic_light is light
    assert against.traffic_light is None
    assert far.traffic_light is None
    world.place(car, Pose.from_xyz_rpy(*_xy(line.compose(SE2(4.0, 0.0, 0.0))), 0.0, yaw_rad=line.yaw_rad))
    world.step(STEP_S)
    assert car.traffic_light is None


def _xy(pose: SE2) -> tuple[float, float]:
    return pose.x_m, pose.y_m


def test_vehicles_know_their_speed_limit_from_the_start_and_learn_the_next(world: World) -> None:
    sign = next(a.post for a in world.signals.actors if a.post.kind is PostKind.SPEED_LIMIT and a.post.limit_kph == 50)
    before = sign.trigger.pose.compose(SE2(-8.0, 0.0, 0.0))
    car = _car(world, before, speed_mps=20.0)
    assert car.speed_limit_kph == world.town.speed_limit_kph(before.x_m, before.y_m) != 50.0
    world.step(1.0)  # far beyond the sign at once
    assert car.speed_limit_kph == 50.0
    world.place(car, Pose.from_xyz_rpy(before.x_m, before.y_m, 0.0, yaw_rad=before.yaw_rad))
    assert car.speed_limit_kph != 50.0


def test_in_a_town_without_signs_the_limit_is_carlas_default() -> None:
    world = World(load_town("Lite01"), Catalog.default())
    car = world.spawn("vehicle.tesla.model3", {}, world.town.spawn_points[0])
    world.step(STEP_S)
    assert isinstance(car, Vehicle)
    assert (car.speed_limit_kph, car.traffic_light) == (30.0, None)
    assert world.signals.actors == ()


def test_what_belongs_to_the_town_can_be_neither_moved_nor_destroyed(world: World) -> None:
    light = world.signals.lights[0]
    assert isinstance(light, TrafficLight)
    assert not world.destroy(light.id)
    with pytest.raises(ValueError, match="cannot be moved"):
        world.place(light, light.pose)
