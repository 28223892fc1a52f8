"""Where cameras sit, read from the frames of a bag that rosbags wrote."""

import math
from dataclasses import replace

import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from training.data.import_bag import main
from waypilot.bags import Bag
from waypilot.bags.layout import LayoutOptions, detect
from waypilot.bags.mounts import static_mounts
from waypilot.episodes import load_episode
from waypilot.geometry import Quaternion

STORE = get_typestore(Stores.ROS2_JAZZY)
FRAME, BASE = "front_camera_optical_frame", "ego_vehicle"
STRAIGHT = (0.0, 0.0, 0.0)
#: rpy of REP 103's optical frame in the camera's body: z forward, x right, y down.
OPTICAL = (-90.0, 0.0, -90.0)


def transform(parent, child, xyz, rpy_deg=STRAIGHT, scale=1.0):
    q = Quaternion.from_rpy(*map(math.radians, rpy_deg))
    types = STORE.types
    header = types["std_msgs/msg/Header"](types["builtin_interfaces/msg/Time"](0, 0), parent)
    rotation = types["geometry_msgs/msg/Quaternion"](*(scale * value for value in (q.x, q.y, q.z, q.w)))
    moved = types["geometry_msgs/msg/Transform"](types["geometry_msgs/msg/Vector3"](*xyz), rotation)
    return types["geometry_msgs/msg/TransformStamped"](header, child, moved)


@pytest.fixture
def write(drives, tmp_path):
    """Write a drive and its static transforms, one message each, with rosbags alone."""

    def make(transforms, frame=FRAME, frames=1):
        path = tmp_path / "bag"
        messages = list(drives.upstream(frames))
        kind = "tf2_msgs/msg/TFMessage"
        latched = [("/tf_static", kind, drives.START_NS, STORE.types[kind]([entry])) for entry in transforms]
        with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
            connections = {}
            for topic, name, stamp_ns, message in [*latched, *messages]:
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, name, typestore=STORE)
                if topic.endswith("image"):
                    message = replace(message, header=replace(message.header, frame_id=frame))
                if topic.endswith("odometry"):
                    message = replace(message, child_frame_id=BASE)
                writer.write(connections[topic], stamp_ns, STORE.serialize_cdr(message, name))
        return path

    return make


def mounts(path):
    with Bag(path) as bag:
        layout = detect(bag.topics, LayoutOptions())
        return static_mounts(bag, layout, layout.cameras)


def axes(pose):
    return np.array([pose.orientation.rotate(axis) for axis in np.eye(3)])


@pytest.mark.parametrize("frame", [FRAME, "front_camera"])
def test_a_chain_of_frames_leads_to_the_camera_and_optical_axes_are_turned(write, frame):
    # The vehicle's frame is a child itself, the mast is turned to the left, and the camera on it looks down a little.
    path = write(
        [
            transform("mast", "head", (0.5, 0.0, 0.1), (0.0, 10.0, 0.0)),
            transform("base_footprint", f"/{BASE}", (0.0, 0.0, 0.3)),
            transform("base_footprint", "mast", (1.0, 0.2, 1.8), (0.0, 0.0, 90.0)),
            transform("head", frame, (0.0, 0.0, 0.0), OPTICAL),
        ],
        frame,
    )
    found, notes = mounts(path)
    pose = found["front"]
    assert notes == []
    assert (pose.x_m, pose.y_m, pose.z_m) == pytest.approx((1.0, 0.7, 1.6))
    down = math.radians(10.0)
    expected = [(0.0, math.cos(down), -math.sin(down)), (-1.0, 0.0, 0.0), (0.0, math.sin(down), math.cos(down))]
    assert axes(pose) == pytest.approx(np.array(expected), abs=1e-9)


def test_a_frame_with_the_axes_of_a_body_is_not_turned(write):
    found, _ = mounts(write([transform(BASE, "front_camera", (1.3, 0.0, 2.0), (0.0, 5.0, 20.0))], "front_camera"))
    assert math.degrees(found["front"].orientation.yaw_rad) == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("transforms", "words"),
    [
        ([transform("lidar", FRAME, (1.0, 0.0, 2.0))], f"does not lead from '{BASE}' to '{FRAME}'"),
        ([transform("a", FRAME, (1.0, 0.0, 2.0)), transform(FRAME, "a", (1.0, 0.0, 2.0))], "does not lead from"),
        ([transform(BASE, FRAME, (1.0, 0.0, 2.0), scale=0.0)], "a transform that is none"),
        ([], "no tf2_msgs/msg/TFMessage on /tf_static"),
    ],
)
def test_a_camera_that_the_bag_does_not_locate_needs_a_mount(write, tmp_path, capsys, transforms, words):
    arguments = ["--bag", str(write(transforms)), "--out", str(tmp_path / "out"), "--town", "Elsewhere"]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "say with --mount" in told


def test_episodes_have_the_mount_of_the_bag_and_a_mount_given_by_hand_overrides_it(write, tmp_path, capsys):
    path = write([transform(BASE, FRAME, (1.5, 0.0, 1.7), OPTICAL)], frames=150)
    arguments = ["--bag", str(path), "--town", "Elsewhere", "--fov-deg", "front=90"]
    assert main([*arguments, "--out", str(tmp_path / "a")]) == 0
    assert "camera front sits where /tf_static says" in capsys.readouterr().out
    assert main([*arguments, "--out", str(tmp_path / "b"), "--mount", "front=1.3,0,2"]) == 0
    poses = [
        load_episode(tmp_path / name / "bag_00" / "episode.json").cameras[0].pose_base_link_from_camera for name in "ab"
    ]
    assert [(pose.x_m, pose.z_m) for pose in poses] == [pytest.approx((1.5, 1.7)), pytest.approx((1.3, 2.0))]
    assert axes(poses[0]) == pytest.approx(np.eye(3), abs=1e-9)
