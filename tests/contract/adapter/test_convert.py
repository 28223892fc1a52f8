"""Known answers for the client's objects on their way to REP 103 and back."""

from __future__ import annotations

import math
from dataclasses import fields
from types import SimpleNamespace

import carla
import pytest

from waypilot.geometry import Pose
from waypilot.scenarios import WeatherParameters
from waypilot.types import ActorKind, Control
from waypilot_carla import convert


def test_every_weather_parameter_arrives_under_its_own_name():
    names = [parameter.name for parameter in fields(WeatherParameters)]
    sent = WeatherParameters(**{name: float(i + 1) for i, name in enumerate(names)})
    arrived = convert.weather(sent)
    assert {name: getattr(arrived, name) for name in names} == pytest.approx({n: getattr(sent, n) for n in names})


def test_poses_survive_the_way_there_and_back():
    pose = Pose.from_xyz_rpy(1.0, -2.0, 3.0, 0.1, -0.2, 2.5)
    sent = convert.transform(pose)
    assert (sent.location.x, sent.location.y, sent.location.z) == pytest.approx((1.0, 2.0, 3.0))
    assert sent.rotation.yaw == pytest.approx(-math.degrees(2.5), abs=1e-4)
    back = convert.pose(sent)
    assert (back.x_m, back.y_m, back.z_m) == pytest.approx((1.0, -2.0, 3.0))
    for one, other in zip(
        (back.orientation.x, back.orientation.y, back.orientation.z, back.orientation.w),
        (pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w),
        strict=True,
    ):
        assert one == pytest.approx(other, abs=1e-6)


def test_a_vehicle_heading_to_its_left_moves_along_its_own_x_axis():
    # Heading +y of the map (CARLA: yaw -90 degrees, -y) at 5 m/s, turning left at 30 degrees per second.
    snapshot = SimpleNamespace(
        get_transform=lambda: carla.Transform(carla.Location(7.0, 8.0, 0.0), carla.Rotation(yaw=-90.0)),
        get_velocity=lambda: carla.Vector3D(0.0, -5.0, 0.0),
        get_angular_velocity=lambda: carla.Vector3D(0.0, 0.0, -30.0),
    )
    ego = convert.ego_state(snapshot, 50_000_000)
    assert ego.linear_velocity_mps == pytest.approx((5.0, 0.0, 0.0), abs=1e-5)
    assert ego.angular_velocity_radps == pytest.approx((0.0, 0.0, math.radians(30.0)), abs=1e-6)
    assert ego.pose_map_from_base_link.planar.yaw_rad == pytest.approx(math.pi / 2, abs=1e-6)
    assert ego.pose_map_from_base_link.y_m == pytest.approx(-8.0)


def test_imu_rates_and_accelerations_change_sides_like_the_axes():
    sample = convert.imu_sample(
        SimpleNamespace(
            timestamp=0.1,
            gyroscope=carla.Vector3D(0.1, 0.2, 0.3),
            accelerometer=carla.Vector3D(1.0, 2.0, 9.81),
            transform=carla.Transform(),
        )
    )
    assert sample.stamp_ns == 100_000_000
    assert sample.angular_velocity_radps == pytest.approx((-0.1, 0.2, -0.3))
    assert sample.linear_acceleration_mps2 == pytest.approx((1.0, -2.0, 9.81))


def test_commands_keep_their_values():
    command = convert.vehicle_control(Control(throttle=0.25, steer=-0.5, brake=0.75, hand_brake=True, reverse=True))
    assert (command.throttle, command.steer, command.brake) == (0.25, -0.5, 0.75)
    assert (command.hand_brake, command.reverse) == (True, True)


@pytest.mark.parametrize(
    ("type_id", "kind"),
    [
        ("vehicle.tesla.model3", ActorKind.VEHICLE),
        ("walker.pedestrian.0001", ActorKind.PEDESTRIAN),
        ("static.building", ActorKind.STATIC),
        ("traffic.traffic_light", ActorKind.STATIC),
    ],
)
def test_what_was_hit_is_told_from_the_blueprint(type_id, kind):
    assert convert.actor_kind(type_id) is kind
