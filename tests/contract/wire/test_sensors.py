"""What sensors send, as the genuine client delivers it."""

import math
import queue

import carla
import numpy as np
import pytest

from carla_lite.engine import Catalog, VehicleControl, World
from carla_lite.maps import load_town
from carla_lite.render import Renderer
from carla_lite.scene import Camera, Weather
from tests.contract.wire.conftest import TIMEOUT_S, Listeners, make_synchronous
from waypilot.geometry import pose_from_carla

STEP_S = 0.05
CAMERA_AT = carla.Transform(carla.Location(1.3, 0.0, 2.0))


def receive(data, frame):
    """Return the item of a frame; older ones are skipped."""
    while True:
        item = data.get(timeout=TIMEOUT_S)
        if item.frame >= frame:
            assert item.frame == frame
            return item


def as_pose(transform):
    location, rotation = transform.location, transform.rotation
    return pose_from_carla(location.x, location.y, location.z, rotation.pitch, rotation.yaw, rotation.roll)


def spawn(world, type_id, transform):
    return world.spawn_actor(world.get_blueprint_library().find(type_id), transform)


def test_the_image_is_the_renderers_to_the_byte(world, listeners):
    """The same world, built a second time without any wire, gives the same picture after the same steps."""
    world.set_weather(carla.WeatherParameters(precipitation=60.0, wetness=50.0, sun_altitude_angle=20.0))
    points = world.get_map().get_spawn_points()
    steps = round(world.get_snapshot().timestamp.elapsed_seconds / STEP_S)
    ego, other = spawn(world, "vehicle.tesla.model3", points[0]), spawn(world, "vehicle.audi.tt", points[1])
    camera, images = listeners.attach(
        "sensor.camera.rgb", ego, CAMERA_AT, image_size_x=320, image_size_y=180, fov=100.0
    )
    ego.apply_control(carla.VehicleControl(throttle=0.5, steer=0.2))
    image = [receive(images, world.tick()) for _ in range(20)][-1]

    town = load_town("Lite01")
    mirror = World(town, Catalog.default(), first_actor_id=ego.id - 1)
    for _ in range(steps):
        mirror.step(STEP_S)
    mirror.weather = Weather(**{name: getattr(world.get_weather(), name) for name in Weather.__dataclass_fields__})
    car = mirror.spawn("vehicle.tesla.model3", {}, as_pose(points[0]))
    mirror.spawn("vehicle.audi.tt", {}, as_pose(points[1]))
    eye = mirror.spawn("sensor.camera.rgb", {}, as_pose(CAMERA_AT), car.id)
    assert (car.id, eye.id) == (ego.id, camera.id)
    car.apply_control(VehicleControl(throttle=0.5, steer=float(np.float32(0.2))))
    for _ in range(20):
        mirror.step(STEP_S)
    expected = Renderer(town.scene).rgb(
        Camera(320, 180, math.radians(100.0), eye.pose), mirror.scene(frozenset({car.id}))
    )
    assert (image.width, image.height, image.fov) == (320, 180, 100.0)
    assert bytes(image.raw_data) == expected.tobytes()
    assert expected[..., :3].std() > 10.0
    assert mirror.actors[other.id].type_id == "vehicle.audi.tt"


def test_every_tick_gives_the_image_of_its_frame(world, ego, listeners):
    camera, images = listeners.attach("sensor.camera.rgb", ego, CAMERA_AT, image_size_x=64, image_size_y=36)
    for _ in range(200):
        frame = world.tick()
        image = images.get(timeout=TIMEOUT_S)
        assert image.frame == frame
    assert image.timestamp == pytest.approx(world.get_snapshot().timestamp.elapsed_seconds)
    assert image.transform.location.distance(camera.get_location()) < 1e-3


def test_sensor_tick_sets_the_rate(world, ego, listeners):
    _, images = listeners.attach("sensor.camera.rgb", ego, CAMERA_AT, image_size_x=16, image_size_y=16, sensor_tick=0.2)
    frames = [world.tick() for _ in range(40)]
    received = [images.get(timeout=TIMEOUT_S).frame for _ in range(10)]
    assert np.diff(received).tolist() == [4] * 9
    assert received[-1] <= frames[-1]
    with pytest.raises(queue.Empty):
        images.get(timeout=0.2)


def test_no_rendering_mode_silences_cameras_only(world, ego, listeners):
    _, images = listeners.attach("sensor.camera.rgb", ego, CAMERA_AT, image_size_x=16, image_size_y=16)
    _, imu = listeners.attach("sensor.other.imu", ego)
    settings = world.get_settings()
    settings.no_rendering_mode = True
    world.apply_settings(settings)
    while not images.empty():
        images.get()
    receive(imu, world.tick())
    assert images.empty()


def test_the_imu_feels_gravity_and_points_north(world, ego, listeners):
    _, data = listeners.attach("sensor.other.imu", ego)
    for yaw, compass in ((-90.0, 0.0), (0.0, 90.0), (90.0, 180.0), (180.0, 270.0)):
        place = ego.get_transform()
        place.rotation = carla.Rotation(yaw=yaw)
        ego.set_transform(place)
        measurement = receive(data, world.tick())
        assert measurement.accelerometer.z == pytest.approx(9.81, abs=1e-3)
        assert (measurement.accelerometer.x, measurement.accelerometer.y) == pytest.approx((0.0, 0.0), abs=1e-3)
        assert math.remainder(math.degrees(measurement.compass) - compass, 360.0) == pytest.approx(0.0, abs=0.01)


def test_brake_lights_are_seen_when_the_lights_are_set(world, ego, listeners):
    behind = carla.Transform(carla.Location(x=-7.0, z=1.5))
    _, images = listeners.attach("sensor.camera.rgb", ego, behind, image_size_x=160, image_size_y=90, fov=40.0)
    red = []
    for state in (carla.VehicleLightState.NONE, carla.VehicleLightState.Brake, carla.VehicleLightState.LowBeam):
        ego.set_light_state(carla.VehicleLightState(state))
        image = receive(images, world.tick())
        pixels = np.frombuffer(image.raw_data, np.uint8).reshape(90, 160, 4).astype(int)
        red.append(int(pixels[..., 2].sum()))
    assert red[1] > red[0] + 2000
    assert red[2] == red[0]


def test_the_gravity_of_imus_can_be_set(world, ego, listeners):
    _, data = listeners.attach("sensor.other.imu", ego)
    world.set_imui_sensor_gravity(1.62)
    assert receive(data, world.tick()).accelerometer.z == pytest.approx(1.62, abs=1e-3)
    assert world.get_imui_sensor_gravity() == pytest.approx(1.62)


def test_the_imu_feels_braking_and_turning(world, ego, listeners):
    _, data = listeners.attach("sensor.other.imu", ego)
    ego.apply_control(carla.VehicleControl(throttle=0.7, steer=0.25))
    for _ in range(40):
        frame = world.tick()
    measurement = receive(data, frame)
    state = world.get_snapshot().find(ego.id)
    rate = math.radians(state.get_angular_velocity().z)
    assert rate > 0.1
    assert measurement.gyroscope.z == pytest.approx(rate, rel=1e-3)
    transform = state.get_transform()
    for read, axis in (
        (measurement.accelerometer.x, transform.get_forward_vector()),
        (measurement.accelerometer.y, transform.get_right_vector()),
    ):
        assert read == pytest.approx(state.get_acceleration().dot(axis), abs=0.01)
    assert measurement.accelerometer.y > 1.0
    ego.apply_control(carla.VehicleControl(brake=1.0))
    world.tick()
    assert receive(data, world.tick()).accelerometer.x < -5.0


def test_sensor_noise_is_seeded_and_has_the_asked_size(world, ego, listeners):
    noise = {"noise_seed": 7, "noise_accel_stddev_x": 0.5, "noise_gyro_bias_z": 0.25}
    _, data = listeners.attach("sensor.other.imu", ego, **noise)
    readings = [receive(data, world.tick()) for _ in range(300)]
    along = np.array([reading.accelerometer.x for reading in readings])
    assert along.std() == pytest.approx(0.5, rel=0.2)
    assert np.std([reading.accelerometer.y for reading in readings]) < 1e-3
    assert readings[-1].gyroscope.z == pytest.approx(0.25, abs=1e-4)


def test_gnss_agrees_with_the_clients_map(world, ego, listeners):
    town_map = world.get_map()
    sensor, data = listeners.attach("sensor.other.gnss", ego, carla.Transform(carla.Location(0.5, 0.2, 1.5)))
    for point in town_map.get_spawn_points()[::15]:
        ego.set_transform(point)
        measurement = receive(data, world.tick())
        expected = town_map.transform_to_geolocation(sensor.get_location())
        assert measurement.latitude == pytest.approx(expected.latitude, abs=1e-9)
        assert measurement.longitude == pytest.approx(expected.longitude, abs=1e-9)
        assert measurement.altitude == pytest.approx(1.5, abs=1e-3)


def test_gnss_agrees_with_the_clients_map_also_where_the_map_does_not_say_where_it_lies(client, world):
    head, _, rest = load_town("Lite03").xodr.partition("<geoReference>")
    nowhere = head + rest.partition("</geoReference>")[2]
    generated = client.generate_opendrive_world(nowhere, carla.OpendriveGenerationParameters())
    make_synchronous(generated)
    listeners = Listeners(generated)
    sensor, data = listeners.attach("sensor.other.gnss", transform=carla.Transform(carla.Location(30.0, -20.0, 2.0)))
    measurement = receive(data, generated.tick())
    expected = generated.get_map().transform_to_geolocation(sensor.get_location())
    listeners.stop()
    assert (measurement.latitude, measurement.longitude) == pytest.approx(
        (expected.latitude, expected.longitude), abs=1e-9
    )


def test_a_collision_reaches_both_cars(world, ego, listeners):
    ahead = ego.get_transform()
    ahead.location += ahead.get_forward_vector() * 8.0
    other = spawn(world, "vehicle.audi.a2", ahead)
    _, mine = listeners.attach("sensor.other.collision", ego)
    _, theirs = listeners.attach("sensor.other.collision", other)
    world.tick()
    forward = ahead.get_forward_vector()
    ego.set_target_velocity(forward * 8.0)
    for _ in range(30):
        world.tick()
    event, answer = mine.get(timeout=TIMEOUT_S), theirs.get(timeout=TIMEOUT_S)
    assert (event.actor.id, event.other_actor.id) == (ego.id, other.id)
    assert (answer.actor.id, answer.other_actor.id) == (other.id, ego.id)
    assert event.other_actor.type_id == "vehicle.audi.a2"
    assert event.frame == answer.frame
    push = event.normal_impulse.dot(forward)
    assert push < -1000.0
    assert answer.normal_impulse.dot(forward) == pytest.approx(-push, rel=1e-5)
    assert event.normal_impulse.dot(ahead.get_right_vector()) == pytest.approx(0.0, abs=1.0)


def test_a_collision_with_a_building_names_it(world, ego, listeners):
    building = world.get_environment_objects(carla.CityObjectLabel.Buildings)[0]
    box = building.bounding_box
    side = building.transform.get_forward_vector()
    start = building.transform.location + side * (box.extent.x + 6.0)
    start.z = 0.3
    ego.set_transform(carla.Transform(start, carla.Rotation(yaw=building.transform.rotation.yaw + 180.0)))
    _, events = listeners.attach("sensor.other.collision", ego)
    world.tick()
    ego.set_target_velocity(side * -8.0)
    for _ in range(30):
        world.tick()
    event = events.get(timeout=TIMEOUT_S)
    assert event.other_actor.type_id == "static.building"
    assert event.other_actor.id == 0
    assert event.other_actor.semantic_tags == [int(carla.CityObjectLabel.Buildings)]
    assert event.normal_impulse.dot(side) > 1000.0


def test_crossing_the_centre_line_is_a_lane_invasion(world, ego, listeners):
    _, events = listeners.attach("sensor.other.lane_invasion", ego)
    world.tick()
    ego.apply_control(carla.VehicleControl(throttle=0.6, steer=-0.2))
    for _ in range(60):
        world.tick()
    event = events.get(timeout=TIMEOUT_S)
    # event.actor cannot be checked: the client's own event forgets its episode and reports a destroyed actor.
    assert [marking.color for marking in event.crossed_lane_markings] == [carla.LaneMarkingColor.Yellow]
    assert event.frame <= world.get_snapshot().frame


def test_a_destroyed_camera_leaves_a_silent_stream(world, ego, listeners, raw):
    """If the server closed it, the client would reconnect thousands of times a second and get no other work done."""
    camera, images = listeners.attach("sensor.camera.rgb", ego, CAMERA_AT, image_size_x=16, image_size_y=16)
    receive(images, world.tick())
    assert raw.call("destroy_actor", camera.id) == (None, [[1, True]])
    for _ in range(20):
        world.tick()
    assert images.empty()
