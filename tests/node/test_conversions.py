"""No value may lose a bit on its way through a message: both loops must compute with equal numbers."""

import numpy as np
import pytest
from carla_msgs.msg import CarlaEgoVehicleControl
from hypothesis import given
from hypothesis import strategies as st
from nav_msgs.msg import Odometry, Path
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from waypilot_ros import conversions as c
from waypilot_ros.simulator_messages import camera_info, image_to_msg, upstream_collision_to_msg

from waypilot.geometry import Pose, Quaternion
from waypilot.rig import DEFAULT_RIG
from waypilot.route import Route
from waypilot.types import ActorKind, CollisionEvent, Control, EgoState, LaneInvasionEvent, Trajectory

numbers = st.floats(allow_nan=False, allow_infinity=False)
stamps = st.integers(0, 2_000_000_000 * 1_000_000_000)
vectors = st.tuples(numbers, numbers, numbers)
units = st.floats(0.0, 1.0)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


def bits(values):
    return np.array(values, dtype=np.float64).tobytes()


@given(stamps)
def test_stamps_stay_integer_nanoseconds(stamp_ns):
    assert c.stamp_from_msg(over_the_wire(c.stamp_to_msg(stamp_ns))) == stamp_ns


@given(stamps, st.tuples(*[numbers] * 7), vectors, vectors)
def test_ego_state(stamp_ns, pose, linear, angular):
    ego = EgoState(stamp_ns, Pose(*pose[:3], Quaternion(*pose[3:])), linear, angular)
    back = c.ego_from_msg(over_the_wire(c.ego_to_msg(ego)))
    assert back == ego
    q = back.pose_map_from_base_link.orientation
    assert bits([q.x, q.y, q.z, q.w, *back.linear_velocity_mps]) == bits([*pose[3:], *linear])


def test_ego_state_given_in_other_number_types_is_sent_as_the_same_number():
    pose = Pose(np.float32(1.5), 2, np.float64(0.25), Quaternion(0, 0, 0, 1))
    back = c.ego_from_msg(over_the_wire(c.ego_to_msg(EgoState(1, pose, (1, 0, 0), (0, 0, 0)))))
    assert back.pose_map_from_base_link == Pose(1.5, 2.0, 0.25, Quaternion(0.0, 0.0, 0.0, 1.0))
    assert back.linear_velocity_mps == (1.0, 0.0, 0.0)


@given(stamps, st.integers(1, 10**10), st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_trajectory(stamp_ns, dt_ns, points):
    trajectory = Trajectory(stamp_ns, dt_ns, np.array(points))
    message = over_the_wire(c.trajectory_to_msg(trajectory))
    back = c.trajectory_from_msg(message)
    assert (back.stamp_ns, back.dt_ns) == (stamp_ns, dt_ns)
    assert back.waypoints_m.tobytes() == trajectory.waypoints_m.tobytes()
    assert message.header.frame_id == "ego_vehicle"
    assert c.stamp_from_msg(message.poses[-1].header.stamp) == stamp_ns + len(points) * dt_ns


def test_an_empty_path_is_a_trajectory_that_nobody_may_follow():
    back = c.trajectory_from_msg(c.trajectory_to_msg(Trajectory(7, 250, np.zeros((0, 2)))))
    assert back.stamp_ns == 7
    assert back.invalid_reason() == "no waypoints"


def test_uneven_stamps_are_malformed():
    message = c.trajectory_to_msg(Trajectory(0, 250, np.zeros((3, 2))))
    message.poses[1].header.stamp.nanosec += 1
    with pytest.raises(c.MalformedMessageError, match="not evenly spaced"):
        c.trajectory_from_msg(message)


def test_waypoints_in_another_frame_are_malformed():
    message = c.trajectory_to_msg(Trajectory(0, 250, np.zeros((3, 2))))
    message.header.frame_id = "map"
    with pytest.raises(c.MalformedMessageError, match="frame 'map', expected 'ego_vehicle'"):
        c.trajectory_from_msg(message)


@given(units, st.floats(-1.0, 1.0), units, st.booleans(), st.booleans(), stamps)
def test_control(throttle, steer, brake, hand_brake, reverse, stamp_ns):
    control = Control(throttle, steer, brake, hand_brake, reverse)
    message = over_the_wire(c.control_to_msg(control, stamp_ns))
    assert c.control_from_msg(message) == control
    assert c.stamp_from_msg(message.header.stamp) == stamp_ns


def test_a_control_out_of_range_is_malformed():
    with pytest.raises(c.MalformedMessageError, match=r"throttle is 1\.5"):
        c.control_from_msg(CarlaEgoVehicleControl(throttle=1.5))


@pytest.mark.parametrize("junctions", [None, (), ((10.0, 20.5),)])
def test_route_keeps_points_and_junctions(junctions):
    points = np.stack([np.linspace(0.1, 50.3, 60), np.sin(np.linspace(0, 1, 60))], axis=1)
    route = Route(points, junctions)
    back = c.route_from_msg(over_the_wire(c.route_to_msg(route)))
    assert back.points_m.tobytes() == route.points_m.tobytes()
    assert back.junctions == route.junctions
    assert [back.command_at(s) for s in range(50)] == [route.command_at(s) for s in range(50)]


def test_a_route_in_another_frame_or_of_one_point_is_malformed():
    message = c.route_to_msg(Route(np.array([[0.0, 0.0], [1.0, 0.0]])))
    message.path.header.frame_id = "odom"
    with pytest.raises(c.MalformedMessageError, match="frame 'odom', expected 'map'"):
        c.route_from_msg(message)
    message.path.header.frame_id = "map"
    message.path.poses = message.path.poses[:1]
    with pytest.raises(c.MalformedMessageError, match="cannot be driven"):
        c.route_from_msg(message)


@pytest.mark.parametrize("kind", list(ActorKind))
def test_collision(kind):
    event = CollisionEvent(123, 2**32 - 1, kind, (1.25, -3.5, 0.1))
    assert c.collision_from_msg(over_the_wire(c.collision_to_msg(event))) == event


def test_the_upstream_collision_has_its_impulse_in_carlas_axes():
    message = upstream_collision_to_msg(CollisionEvent(1, 2, ActorKind.STATIC, (1.0, 2.0, 3.0)))
    impulse = message.normal_impulse
    assert (impulse.x, impulse.y, impulse.z) == (1.0, -2.0, 3.0)


def test_lane_invasion():
    event = LaneInvasionEvent(5, (1, 2, 10))
    assert c.lane_invasion_from_msg(over_the_wire(c.lane_invasion_to_msg(event))) == event


def test_image_colours_survive():
    rng = np.random.default_rng(0)
    bgra = rng.integers(0, 256, (180, 320, 4), dtype=np.uint8)
    message = over_the_wire(image_to_msg(DEFAULT_RIG[0], 99, bgra))
    assert (message.encoding, message.step, message.header.frame_id) == ("bgra8", 1280, "ego_vehicle/front")
    np.testing.assert_array_equal(c.image_to_rgb(message), bgra[:, :, [2, 1, 0]])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"encoding": "yuyv"}, "encoding 'yuyv' is not supported"),
        ({"height": 3}, "holds 16 bytes"),
        ({"step": 4, "height": 4}, "holds 16 bytes"),
    ],
)
def test_an_image_that_cannot_be_one_is_malformed(change, complaint):
    fields = {"height": 2, "width": 2, "encoding": "bgra8", "step": 8, "data": bytes(16)} | change
    with pytest.raises(c.MalformedMessageError, match=complaint):
        c.image_to_rgb(Image(**fields))


def test_camera_info_is_the_pinhole_model_of_upstream():
    info = camera_info(DEFAULT_RIG[0])
    focal = 320 / (2 * np.tan(np.radians(50.0)))
    np.testing.assert_allclose(info.k, [focal, 0, 160, 0, focal, 90, 0, 0, 1])
    assert (info.distortion_model, list(info.d)) == ("plumb_bob", [0.0] * 5)


def test_odometry_with_a_number_that_is_not_finite_is_malformed():
    message = Odometry()
    message.pose.pose.position.y = float("nan")
    with pytest.raises(c.MalformedMessageError, match="not finite"):
        c.ego_from_msg(message)


def test_paths_of_the_route_topic_have_empty_pose_headers_as_upstream():
    path = c.route_to_path(Route(np.array([[0.0, 0.0], [1.0, 0.0]])), 5)
    assert isinstance(path, Path)
    assert path.header.frame_id == "map"
    assert path.poses[0].header.frame_id == ""
