"""Lidars, radar and obstacle detector, values read through CARLA's own client: a container high above the town."""

import math
import queue

import carla
import numpy as np
import pytest

from tests.contract.wire.conftest import STEP_S, TIMEOUT_S, make_synchronous

HEIGHT_M = 200.857
NEAR_FACE_M = 20.0 - 0.966
HALF_WIDTH_M = 0.506
EYE = carla.Transform(carla.Location(0.0, 0.0, HEIGHT_M))
QUIET = {"dropoff_general_rate": 0.0, "dropoff_intensity_limit": 0.0, "noise_stddev": 0.0}
WHOLE_TURN = {"channels": 1, "upper_fov": 0.0, "lower_fov": 0.0, "rotation_frequency": 20.0, "range": 60.0}


def put_container(world, x=20.0, y=0.0):
    blueprint = world.get_blueprint_library().find("static.prop.container")
    return world.spawn_actor(blueprint, carla.Transform(carla.Location(x, y, 200.0)))


def one(world, received):
    """Tick; return what the sensor gave for that frame."""
    frame = world.tick()
    data = received.get(timeout=TIMEOUT_S)
    assert data.frame == frame
    return data


def points(data):
    return np.frombuffer(data.raw_data, np.float32).reshape(-1, 4)


def test_lidar_points_lie_on_the_wall(world, listeners):
    put_container(world)
    _, received = listeners.attach(
        "sensor.lidar.ray_cast", transform=EYE, points_per_second=72_000, **WHOLE_TURN, **QUIET
    )
    data = one(world, received)
    found = points(data)
    assert found[:, 0] == pytest.approx(NEAR_FACE_M, abs=1e-4)
    assert found[:, 2] == pytest.approx(0.0, abs=1e-4)
    # 3600 rays in one turn of 360 degrees, the wall's half width seen under 1.5 degrees to each side.
    expected = 2.0 * math.degrees(math.atan2(HALF_WIDTH_M, NEAR_FACE_M)) / 0.1
    assert len(found) == pytest.approx(expected, abs=2)
    assert abs(found[:, 1]).max() == pytest.approx(HALF_WIDTH_M, abs=0.03)
    distance = np.linalg.norm(found[:, :3], axis=1)
    assert found[:, 3] == pytest.approx(np.exp(-0.004 * distance), abs=1e-5)
    assert (data.channels, data.get_point_count(0), len(list(data))) == (1, len(found), len(found))


def test_lidar_axes_are_forward_right_up_of_the_sensor(world, listeners):
    put_container(world, 0.0, 20.0)  # CARLA's y: to the right of someone who looks along x
    _, ahead = listeners.attach("sensor.lidar.ray_cast", transform=EYE, points_per_second=72_000, **WHOLE_TURN, **QUIET)
    turned = carla.Transform(EYE.location, carla.Rotation(yaw=90.0, roll=90.0))
    _, rolled = listeners.attach(
        "sensor.lidar.ray_cast", transform=turned, points_per_second=72_000, **WHOLE_TURN, **QUIET
    )
    frame = world.tick()
    to_the_right, in_front = (received.get(timeout=TIMEOUT_S) for received in (ahead, rolled))
    assert to_the_right.frame == in_front.frame == frame
    assert points(to_the_right)[:, 1] == pytest.approx(20.0 - HALF_WIDTH_M, abs=1e-4)
    # Turned to the wall and rolled: the sensor's right points down, and the scan runs up the wall, 1.714 m high.
    assert points(in_front)[:, 0] == pytest.approx(20.0 - HALF_WIDTH_M, abs=1e-4)
    assert np.ptp(points(in_front)[:, 1]) == pytest.approx(1.714, abs=0.07)


def test_lidar_channels_go_from_the_upper_to_the_lower_limit_and_hit_the_ground(world, listeners):
    at = carla.Transform(carla.Location(0.0, 0.0, 100.0))
    attributes = {"channels": 3, "upper_fov": -30.0, "lower_fov": -60.0, "range": 1000.0, "rotation_frequency": 20.0}
    _, received = listeners.attach(
        "sensor.lidar.ray_cast", transform=at, points_per_second=6_000, **attributes, **QUIET
    )
    data = one(world, received)
    found = points(data)
    assert [data.get_point_count(channel) for channel in range(3)] == [100, 100, 100]
    for channel, elevation in enumerate((30.0, 45.0, 60.0)):
        own = found[100 * channel : 100 * (channel + 1)]
        assert np.degrees(np.arcsin(-own[:, 2] / np.linalg.norm(own[:, :3], axis=1))) == pytest.approx(
            elevation, abs=1e-3
        )
        if elevation > 35.0:  # nothing of the town is 100 m high
            assert own[:, 2].max() < -60.0


def test_lidar_turns_on_from_tick_to_tick(world, listeners):
    attributes = {**WHOLE_TURN, "rotation_frequency": 5.0}  # a quarter turn a step
    put_container(world)
    _, received = listeners.attach(
        "sensor.lidar.ray_cast", transform=EYE, points_per_second=7_200, **attributes, **QUIET
    )
    seen, angles = [], []
    for _ in range(5):
        data = one(world, received)
        seen.append(len(points(data)) > 0)
        angles.append(math.degrees(data.horizontal_angle))
    assert angles == pytest.approx([90.0, 180.0, 270.0, 0.0, 90.0], abs=1e-3)
    # A scan begins at the back: the wall ahead lies at the end of the second quarter and the start of the third.
    assert seen == [False, True, True, False, False]


def test_lidar_drops_points_and_adds_noise_as_told(world, listeners):
    put_container(world)
    many = {"points_per_second": 4_800_000, **WHOLE_TURN}
    _, quiet = listeners.attach("sensor.lidar.ray_cast", transform=EYE, **many, **QUIET)
    _, lossy = listeners.attach(
        "sensor.lidar.ray_cast", transform=EYE, **many, **{**QUIET, "dropoff_general_rate": 0.45}
    )
    weak = {**QUIET, "dropoff_intensity_limit": 1.0, "dropoff_zero_intensity": 1.0, "atmosphere_attenuation_rate": 0.05}
    _, faint = listeners.attach("sensor.lidar.ray_cast", transform=EYE, **many, **weak)
    _, noisy = listeners.attach("sensor.lidar.ray_cast", transform=EYE, **many, **{**QUIET, "noise_stddev": 0.1})
    world.tick()
    quiet, lossy, faint, noisy = (points(r.get(timeout=TIMEOUT_S)) for r in (quiet, lossy, faint, noisy))
    assert len(quiet) > 600
    assert len(lossy) / len(quiet) == pytest.approx(0.55, abs=0.05)
    # CARLA keeps a point of intensity i below the limit with the chance 1 - zero + zero * i / limit.
    assert len(faint) / len(quiet) == pytest.approx(math.exp(-0.05 * NEAR_FACE_M), abs=0.05)
    assert np.std(np.linalg.norm(noisy[:, :3], axis=1) - np.linalg.norm(quiet[:, :3], axis=1)) == pytest.approx(
        0.1, rel=0.1
    )


def test_noise_depends_on_the_seed_and_on_nothing_before(client, world, listeners):
    def scan(seed):
        fresh = client.reload_world()
        make_synchronous(fresh)
        put_container(fresh)
        listeners._world = fresh
        attributes = {**WHOLE_TURN, "noise_stddev": 0.2, "noise_seed": seed, "points_per_second": 72_000}
        sensor, received = listeners.attach("sensor.lidar.ray_cast", transform=EYE, **attributes)
        data = bytes(one(fresh, received).raw_data)
        sensor.stop()
        listeners._sensors.clear()
        return data

    first, again, other = scan(1), scan(1), scan(2)
    assert first == again
    assert first != other


def test_a_slower_lidar_sends_the_points_of_its_whole_period(world, listeners):
    put_container(world)
    _, received = listeners.attach(
        "sensor.lidar.ray_cast_semantic",
        transform=carla.Transform(carla.Location(0.0, 0.0, 100.0)),
        points_per_second=1000,
        sensor_tick=4 * STEP_S,
        channels=1,
        upper_fov=-45.0,
        lower_fov=-45.0,
        range=1000.0,
    )
    frames = [world.tick() for _ in range(9)]
    scans = [received.get(timeout=TIMEOUT_S) for _ in range(3)]
    assert [scan.frame - frames[0] for scan in scans] == [0, 4, 8]
    assert [len(scan) for scan in scans] == [200] * 3
    with pytest.raises(queue.Empty):
        received.get(timeout=0.1)


def test_semantic_lidar_names_actor_label_and_incidence(world, ego, listeners):
    attributes = {"channels": 1, "upper_fov": -90.0, "lower_fov": -90.0, "points_per_second": 200, "range": 50.0}
    above = carla.Transform(carla.Location(z=11.0))
    _, received = listeners.attach("sensor.lidar.ray_cast_semantic", ego, above, **attributes)
    detections = list(one(world, received))
    assert len(detections) == 10
    roof_m = 2.0 * ego.bounding_box.extent.z
    for hit in detections:
        assert (hit.object_idx, hit.object_tag) == (ego.id, 14)
        assert hit.cos_inc_angle == pytest.approx(1.0, abs=1e-5)
        assert hit.point.z == pytest.approx(roof_m - 11.0, abs=0.02)


def test_semantic_lidar_tells_static_things_and_ground(world, ego, listeners):
    attributes = {"points_per_second": 200_000, "rotation_frequency": 20.0, "range": 100.0}
    _, received = listeners.attach(
        "sensor.lidar.ray_cast_semantic", ego, carla.Transform(carla.Location(z=2.4)), **attributes
    )
    data = one(world, received)
    raw = np.frombuffer(data.raw_data, [("at", "<f4", 3), ("cosine", "<f4"), ("actor", "<u4"), ("label", "<u4")])
    assert {1, 3, 10, 24} <= set(raw["label"])
    road = raw[(raw["label"] == 1)]
    assert road["at"][:, 2] == pytest.approx(-2.4, abs=1e-3)
    distance = np.linalg.norm(road["at"], axis=1)
    assert road["cosine"] == pytest.approx(2.4 / distance, abs=1e-4)
    assert (raw["actor"][raw["label"] != 14] == 0).all()
    assert distance.max() <= 100.0


def test_radar_measures_distance_angles_and_closing_speed(world, listeners):
    put_container(world)
    _, received = listeners.attach(
        "sensor.other.radar", transform=EYE, horizontal_fov=30, vertical_fov=10, points_per_second=20_000
    )
    data = one(world, received)
    assert 0 < len(data) < 1000
    for hit in data:
        assert hit.velocity == 0.0
        flat = hit.depth * math.cos(hit.altitude)
        assert flat * math.cos(hit.azimuth) == pytest.approx(NEAR_FACE_M, abs=1e-3)
        assert abs(flat * math.sin(hit.azimuth)) <= HALF_WIDTH_M + 1e-3
        assert abs(hit.altitude) <= math.radians(5.0) + 1e-6
    sides = [hit.azimuth for hit in data]
    assert min(sides) < -0.015
    assert max(sides) > 0.015


def test_radar_azimuth_is_positive_to_the_right(world, listeners):
    put_container(world, 20.0, 3.0)
    _, received = listeners.attach("sensor.other.radar", transform=EYE, points_per_second=20_000)
    azimuths = [hit.azimuth for hit in one(world, received)]
    assert azimuths
    assert min(azimuths) > 0.0


def test_radar_sees_its_own_speed_and_that_of_others(world, ego, listeners):
    _, received = listeners.attach("sensor.other.radar", ego, carla.Transform(carla.Location(x=2.5, z=0.8)))
    blueprint = world.get_blueprint_library().find("vehicle.audi.tt")
    place = ego.get_transform()
    front = carla.Transform(place.transform(carla.Location(15.0, 0.0, 0.3)), place.rotation)
    other = world.spawn_actor(blueprint, front)
    ego.enable_constant_velocity(carla.Vector3D(8.0, 0.0, 0.0))
    other.enable_constant_velocity(carla.Vector3D(3.0, 0.0, 0.0))
    world.tick()
    received.get(timeout=TIMEOUT_S)
    data = one(world, received)
    gap_m = other.get_location().distance(ego.get_location()) - 2.5 - other.bounding_box.extent.x
    on_car = [
        hit for hit in data if abs(hit.depth - gap_m) < 0.6 and abs(hit.azimuth) < 0.05 and abs(hit.altitude) < 0.02
    ]
    assert on_car
    assert [hit.velocity for hit in on_car] == pytest.approx([-5.0] * len(on_car), abs=0.05)
    standing = [hit for hit in data if hit.altitude < -0.1]
    assert standing
    for hit in standing:
        assert hit.velocity == pytest.approx(-8.0 * math.cos(hit.altitude) * math.cos(hit.azimuth), abs=0.05)


def test_obstacle_detector_reports_the_first_thing_ahead(world, listeners):
    box = put_container(world)
    for radius, distance, found in ((0.5, 20.0, True), (0.0, 19.5, True), (0.5, 16.0, False)):
        sensor, received = listeners.attach(
            "sensor.other.obstacle", transform=EYE, hit_radius=radius, distance=distance
        )
        if not found:
            world.tick()
            with pytest.raises(queue.Empty):
                received.get(timeout=0.2)
            continue
        event = one(world, received)
        assert event.other_actor.id == box.id
        assert event.actor.id == sensor.id
        assert event.distance == pytest.approx(NEAR_FACE_M - radius, abs=1e-3)


def test_obstacle_detector_can_leave_the_town_out(world, ego, listeners):
    """With the town's buildings beside the road ahead of a wide sphere, and then only for what can move."""
    aside = carla.Transform(carla.Location(z=1.0), carla.Rotation(yaw=90.0))
    _, anything = listeners.attach("sensor.other.obstacle", ego, aside, distance=60.0, hit_radius=3.0)
    _, movable = listeners.attach(
        "sensor.other.obstacle", ego, aside, distance=60.0, hit_radius=3.0, only_dynamics=True
    )
    event = one(world, anything)
    assert event.other_actor.type_id.startswith("static.")
    assert event.actor.id == ego.id
    with pytest.raises(queue.Empty):
        movable.get(timeout=0.2)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("lidar.ray_cast", "channels", 0),
        ("lidar.ray_cast", "points_per_second", 10**9),
        ("lidar.ray_cast", "range", -1.0),
        ("lidar.ray_cast", "sensor_tick", 1000.0),
        ("other.radar", "sensor_tick", 1e5),
        ("lidar.ray_cast_semantic", "upper_fov", 120.0),
        ("lidar.ray_cast", "dropoff_general_rate", 1.5),
        ("other.radar", "horizontal_fov", 180.0),
        ("other.obstacle", "distance", 0.0),
        ("camera.depth", "fov", 180.0),
    ],
)
def test_impossible_attributes_are_refused_by_name(world, listeners, kind, name, value):
    with pytest.raises(RuntimeError, match=name):
        listeners.attach(f"sensor.{kind}", transform=EYE, **{name: value})
