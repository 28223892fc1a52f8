"""Blueprints, spawning, placing and snapshots of actors, as the genuine client reads them."""

import math

import carla
import pytest

from carla_lite.engine import Catalog
from carla_lite.engine.catalog import AttributeType
from waypilot.geometry import pose_to_carla

TYPES = {
    carla.ActorAttributeType.Bool: AttributeType.BOOL,
    carla.ActorAttributeType.Int: AttributeType.INT,
    carla.ActorAttributeType.Float: AttributeType.FLOAT,
    carla.ActorAttributeType.String: AttributeType.STRING,
    carla.ActorAttributeType.RGBColor: AttributeType.COLOR,
}


def as_tuple(vector):
    return vector.x, vector.y, vector.z


def test_every_blueprint_arrives_with_every_attribute(world):
    library = world.get_blueprint_library()
    catalog = Catalog.default()
    assert sorted(blueprint.id for blueprint in library) == sorted(blueprint.type_id for blueprint in catalog)
    for expected in catalog:
        blueprint = library.find(expected.type_id)
        assert set(blueprint.tags) == set(expected.tags.split(","))
        assert {attribute.id for attribute in blueprint} == {attribute.name for attribute in expected.attributes}
        for wanted in expected.attributes:
            read = blueprint.get_attribute(wanted.name)
            assert TYPES[read.type] is wanted.type
            assert read.is_modifiable == wanted.modifiable
            assert len(read.recommended_values) == (len(wanted.recommended) or int(wanted.modifiable))
            if wanted.type is AttributeType.STRING:
                assert read.as_str() == wanted.default


def test_scripts_find_what_they_look_for(world):
    library = world.get_blueprint_library()
    cars = [bp for bp in library.filter("vehicle.*") if int(bp.get_attribute("number_of_wheels")) == 4]
    assert len(cars) >= 15
    assert any(bp.get_attribute("base_type") == "truck" for bp in cars)
    assert len(library.filter("walker.pedestrian.*")) > 10
    assert len(library.filter("static.prop.*")) > 5


def test_a_vehicle_appears_where_it_was_put(world, ego):
    point = world.get_map().get_spawn_points()[0]
    read = ego.get_transform()
    assert as_tuple(read.location) == pytest.approx((point.location.x, point.location.y, 0.0), abs=1e-3)
    assert read.rotation.yaw == pytest.approx(point.rotation.yaw, abs=1e-3)
    assert ego.type_id == "vehicle.tesla.model3"
    assert ego.attributes["role_name"] == "ego_vehicle"
    assert ego.attributes["number_of_wheels"] == "4"
    assert ego.semantic_tags == [int(carla.CityObjectLabel.Car)]
    assert ego.is_alive
    assert ego.is_active
    assert ego.parent is None


def test_bounding_boxes_are_those_of_the_catalog(world, ego):
    blueprint = Catalog.default().find("vehicle.tesla.model3")
    box = ego.bounding_box
    assert as_tuple(box.extent) == pytest.approx(blueprint.half_extent_m)
    assert as_tuple(box.location) == pytest.approx(blueprint.box_center_m)
    assert (box.rotation.pitch, box.rotation.yaw, box.rotation.roll) == (0.0, 0.0, 0.0)


def test_attached_actors_follow_their_parent(world, ego, listeners):
    offset = carla.Transform(carla.Location(1.3, 0.4, 2.0), carla.Rotation(pitch=-10.0, yaw=30.0, roll=5.0))
    camera, _ = listeners.attach("sensor.camera.rgb", ego, offset, image_size_x=32, image_size_y=16)
    ego.apply_control(carla.VehicleControl(throttle=1.0, steer=0.3))
    for _ in range(40):
        world.tick()
    assert camera.parent.id == ego.id
    expected = ego.get_transform().transform(offset.location)
    assert as_tuple(camera.get_location()) == pytest.approx(as_tuple(expected), abs=2e-3)
    yaw = ego.get_transform().rotation.yaw + 30.0
    assert math.remainder(camera.get_transform().rotation.yaw - yaw, 360.0) == pytest.approx(0.0, abs=1e-2)
    assert camera.get_transform().rotation.pitch == pytest.approx(-10.0, abs=1e-2)
    assert camera.get_transform().rotation.roll == pytest.approx(5.0, abs=1e-2)


def test_a_snapshot_holds_the_motion_of_the_engine(world, ego):
    """Left-handed axes, degrees: turning right gives a positive yaw rate and acceleration to the right."""
    ego.apply_control(carla.VehicleControl(throttle=0.6, steer=0.3))
    for _ in range(40):
        world.tick()
    before = ego.get_transform()
    frame = world.tick()
    snapshot = world.get_snapshot()
    state = snapshot.find(ego.id)
    assert snapshot.frame == frame
    after = state.get_transform()
    velocity = state.get_velocity()
    moved = (after.location - before.location) / 0.05
    assert as_tuple(velocity) == pytest.approx(as_tuple(moved), abs=0.2)
    turned = math.remainder(after.rotation.yaw - before.rotation.yaw, 360.0) / 0.05
    assert turned > 5.0
    assert state.get_angular_velocity().z == pytest.approx(turned, rel=0.05)
    right = after.get_right_vector()
    sideways = state.get_acceleration().dot(right)
    speed = math.hypot(velocity.x, velocity.y)
    assert sideways == pytest.approx(speed * math.radians(turned), rel=0.2)
    assert as_tuple(ego.get_velocity()) == as_tuple(velocity)


def test_get_actors_lists_exactly_what_lives(world, ego):
    walker = world.spawn_actor(
        world.get_blueprint_library().find("walker.pedestrian.0001"),
        carla.Transform(ego.get_location() + carla.Location(x=0, y=4, z=1)),
    )
    world.tick()
    assert {actor.type_id for actor in world.get_actors()} == {ego.type_id, walker.type_id, "spectator"}
    assert walker.destroy()
    world.tick()
    assert {actor.type_id for actor in world.get_actors()} == {ego.type_id, "spectator"}
    assert world.get_actor(987654) is None


def test_the_spectator_moves_where_it_is_put(world):
    target = carla.Transform(carla.Location(1.0, 2.0, 50.0), carla.Rotation(pitch=-80.0, yaw=20.0))
    world.get_spectator().set_transform(target)
    world.tick()
    read = world.get_spectator().get_transform()
    assert as_tuple(read.location) == pytest.approx((1.0, 2.0, 50.0))
    assert read.rotation.pitch == pytest.approx(-80.0, abs=1e-3)
    assert read.rotation.yaw == pytest.approx(20.0, abs=1e-3)


def test_vehicles_are_placed_and_pushed(world, ego):
    target = world.get_map().get_spawn_points()[5]
    ego.set_transform(target)
    world.tick()
    assert ego.get_location().distance_2d(target.location) < 0.01
    ego.set_location(target.location + carla.Location(x=1.0))
    ego.set_target_velocity(target.get_forward_vector() * 5.0)
    world.tick()
    assert ego.get_velocity().dot(target.get_forward_vector()) == pytest.approx(5.0, abs=0.2)
    ego.set_target_velocity(carla.Vector3D())
    ego.add_impulse(target.get_forward_vector() * 1845.0 * 3.0)
    world.tick()
    assert ego.get_velocity().dot(target.get_forward_vector()) == pytest.approx(3.0, abs=0.2)
    ego.enable_constant_velocity(carla.Vector3D(x=7.0))
    for _ in range(10):
        world.tick()
    assert ego.get_velocity().length() == pytest.approx(7.0, abs=0.05)
    ego.disable_constant_velocity()
    ego.set_simulate_physics(False)
    world.tick()
    resting = ego.get_location()
    world.tick()
    assert ego.get_location() == resting


def test_occupied_places_and_bad_blueprints_are_refused(world, ego):
    library = world.get_blueprint_library()
    with pytest.raises(RuntimeError, match="collision at spawn position"):
        world.spawn_actor(library.find("vehicle.audi.a2"), ego.get_transform())
    assert world.try_spawn_actor(library.find("vehicle.audi.a2"), ego.get_transform()) is None
    camera = library.find("sensor.camera.rgb")
    camera.set_attribute("image_size_x", "100000")
    with pytest.raises(RuntimeError, match="image_size_x"):
        world.spawn_actor(camera, carla.Transform(), attach_to=ego)
    camera.set_attribute("image_size_x", "100")
    camera.set_attribute("fov", "200")
    with pytest.raises(RuntimeError, match="fov"):
        world.spawn_actor(camera, carla.Transform(), attach_to=ego)


@pytest.mark.parametrize(
    ("description", "complaint"),
    [
        ([1, "vehicle.no.such", []], "no blueprint"),
        ([1, "spectator", []], "spectator"),
        ([1, "vehicle.tesla.model3", [["wings", 2, "2"]]], "no attribute 'wings'"),
        ([1, "vehicle.tesla.model3", [["color", 5, "red"]]], "colour"),
        ([1, "vehicle.tesla.model3"], "ActorDescription has 2 fields"),
    ],
)
def test_bad_descriptions_are_refused_with_a_reason(raw, description, complaint):
    error, result = raw.call("spawn_actor", description, [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert error is None
    assert result[0][0] == 0
    assert complaint in result[0][1][0]


def test_a_walker_walks_where_it_is_told(world):
    start = carla.Transform(carla.Location(0.0, 0.0, 1.0))
    walker = world.spawn_actor(world.get_blueprint_library().find("walker.pedestrian.0002"), start)
    walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.5, False))
    for _ in range(40):
        world.tick()
    assert as_tuple(walker.get_velocity()) == pytest.approx((0.0, 1.5, 0.0), abs=0.05)
    assert walker.get_location().y == pytest.approx(3.0, abs=0.4)
    assert walker.get_transform().rotation.yaw == pytest.approx(90.0, abs=1.0)
    control = walker.get_control()
    assert as_tuple(control.direction) == pytest.approx((0.0, 1.0, 0.0))
    assert control.speed == pytest.approx(1.5)


def test_a_walker_that_was_run_over_stands(world, raw):
    """``set_actor_dead`` comes from the navigation inside the client only."""
    start = carla.Transform(carla.Location(0.0, 0.0, 1.0))
    walker = world.spawn_actor(world.get_blueprint_library().find("walker.pedestrian.0002"), start)
    walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.5, False))
    for _ in range(10):
        world.tick()
    assert walker.get_velocity().length() > 1.0
    assert raw.call("set_actor_dead", walker.id) == (None, [[False]])
    for _ in range(10):
        world.tick()
    assert as_tuple(walker.get_velocity()) == (0.0, 0.0, 0.0)


def test_pose_conversion_agrees_with_the_clients_own_arithmetic(world):
    """The client computes forward, right and up vectors itself; they must be those of the REP 103 pose."""
    from waypilot.geometry import pose_from_carla

    for pitch, yaw, roll in ((0, 0, 0), (10, 20, 30), (-40, 100, -20), (80, -170, 5)):
        rotation = carla.Rotation(pitch=pitch, yaw=yaw, roll=roll)
        pose = pose_from_carla(0.0, 0.0, 0.0, pitch, yaw, roll)
        for axis, read in (
            ((1.0, 0.0, 0.0), rotation.get_forward_vector()),
            ((0.0, -1.0, 0.0), rotation.get_right_vector()),
            ((0.0, 0.0, 1.0), rotation.get_up_vector()),
        ):
            x, y, z = pose.orientation.rotate(axis)
            assert (x, -y, z) == pytest.approx(as_tuple(read), abs=1e-5)
        assert pose_to_carla(pose)[1] == pytest.approx((pitch, yaw, roll), abs=1e-4)
