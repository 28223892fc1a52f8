"""What all tests share: bags of small drives, made without ROS."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from waypilot.bags import BagWriter, TypeLibrary
from waypilot.types import NANOSECONDS_PER_SECOND

# No test of behaviour may fail because the machine is busy.
settings.register_profile("waypilot", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("waypilot")

SOURCES = Path(__file__).parents[1] / "ros2_ws" / "src"


class DriveMaker:
    """Makes serialized messages of a drive on a circle to the left, 5 m/s, 20 Hz, one camera of 320x180."""

    SPEED_MPS, RADIUS_M, STEP_NS, START_NS = 5.0, 40.0, 50_000_000, 3 * NANOSECONDS_PER_SECOND

    def __init__(self):
        self.library = TypeLibrary(lambda package: SOURCES / package / "msg")

    def cls(self, name):
        return self.library.message_class(name)

    def stamp(self, stamp_ns):
        seconds, nanoseconds = divmod(stamp_ns, NANOSECONDS_PER_SECOND)
        return self.cls("builtin_interfaces/msg/Time")(sec=seconds, nanosec=nanoseconds)

    def header(self, stamp_ns, frame_id):
        return self.cls("std_msgs/msg/Header")(stamp=self.stamp(stamp_ns), frame_id=frame_id)

    def pose(self, x_m, y_m, yaw_rad=0.0):
        quaternion = self.cls("geometry_msgs/msg/Quaternion")(0.0, 0.0, math.sin(yaw_rad / 2), math.cos(yaw_rad / 2))
        return self.cls("geometry_msgs/msg/Pose")(self.cls("geometry_msgs/msg/Point")(x_m, y_m, 0.0), quaternion)

    def place(self, stamp_ns):
        """Position and heading at a time: the truth that readers must find."""
        angle = self.SPEED_MPS / self.RADIUS_M * (stamp_ns - self.START_NS) / NANOSECONDS_PER_SECOND
        return self.RADIUS_M * math.sin(angle), self.RADIUS_M * (1.0 - math.cos(angle)), angle

    def odometry(self, stamp_ns, place=None):
        vector = self.cls("geometry_msgs/msg/Vector3")
        twist = self.cls("geometry_msgs/msg/Twist")(
            vector(self.SPEED_MPS, 0.0, 0.0), vector(0.0, 0.0, self.SPEED_MPS / self.RADIUS_M)
        )
        return self.cls("nav_msgs/msg/Odometry")(
            header=self.header(stamp_ns, "map"),
            child_frame_id="ego_vehicle",
            pose=self.cls("geometry_msgs/msg/PoseWithCovariance")(
                self.pose(*(place or self.place(stamp_ns))), np.zeros(36)
            ),
            twist=self.cls("geometry_msgs/msg/TwistWithCovariance")(twist, np.zeros(36)),
        )

    def pixels(self, number, height=180, width=320):
        """An RGB picture that is another one in each frame."""
        rows, columns = np.mgrid[0:height, 0:width]
        return np.stack([(rows + number) % 256, (columns + 2 * number) % 256, (rows + columns) % 256], -1).astype(
            np.uint8
        )

    def image(self, stamp_ns, pixels, encoding="bgra8", frame_id="ego_vehicle/front"):
        if encoding == "bgra8":
            pixels = np.concatenate([pixels[:, :, ::-1], np.full((*pixels.shape[:2], 1), 255, np.uint8)], axis=2)
        data = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)
        return self.cls("sensor_msgs/msg/Image")(
            header=self.header(stamp_ns, frame_id),
            height=data.shape[0],
            width=pixels.shape[1],
            encoding=encoding,
            is_bigendian=0,
            step=data.shape[1],
            data=data.ravel(),
        )

    def path(self, stamp_ns, points, frame_id="map", step_ns=0):
        poses = [
            self.cls("geometry_msgs/msg/PoseStamped")(
                self.header(stamp_ns + (i + 1) * step_ns, frame_id), self.pose(x, y)
            )
            for i, (x, y) in enumerate(points)
        ]
        return self.cls("nav_msgs/msg/Path")(header=self.header(stamp_ns, frame_id), poses=poses)

    def route_points(self, length_m=200.0):
        angles = np.arange(0.0, length_m, 1.0) / self.RADIUS_M
        return np.stack([self.RADIUS_M * np.sin(angles), self.RADIUS_M * (1.0 - np.cos(angles))], axis=1)

    def upstream(self, frames, prefix="/carla/ego_vehicle"):
        """Yield topic, type, stamp and message of a drive with the layout of carla_ros_bridge."""
        yield f"{prefix}/waypoints", "nav_msgs/msg/Path", self.START_NS, self.path(self.START_NS, self.route_points())
        for number in range(frames):
            stamp_ns = self.START_NS + number * self.STEP_NS
            clock = self.cls("rosgraph_msgs/msg/Clock")(self.stamp(stamp_ns))
            yield "/clock", "rosgraph_msgs/msg/Clock", stamp_ns, clock
            yield f"{prefix}/odometry", "nav_msgs/msg/Odometry", stamp_ns, self.odometry(stamp_ns)
            image = self.image(stamp_ns, self.pixels(number))
            yield f"{prefix}/front/image", "sensor_msgs/msg/Image", stamp_ns, image

    def write(self, path, messages, storage="mcap", limits=None):
        """Write ``(topic, type, stamp, message)`` as a bag of ours."""
        with BagWriter(path, storage, limits) as writer:
            for topic, kind, stamp_ns, message in messages:
                writer.add_topic(self.library.topic(topic, kind))
                writer.write(topic, stamp_ns, self.library.serialize(message, kind))
        return path


@pytest.fixture(scope="session")
def drives():
    return DriveMaker()
