"""Puts frames on the topics of carla_ros_bridge."""

from __future__ import annotations

from collections.abc import Sequence

from carla_msgs.msg import (
    CarlaCollisionEvent,
    CarlaEgoVehicleInfo,
    CarlaEgoVehicleStatus,
    CarlaLaneInvasionEvent,
    CarlaStatus,
    CarlaWorldInfo,
)
from nav_msgs.msg import Odometry, Path
from rclpy.node import Node
from rclpy.publisher import Publisher
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, NavSatFix
from std_msgs.msg import Float32
from waypilot_msgs.msg import CollisionEvent as CollisionMessage
from waypilot_msgs.msg import SceneInfo as SceneMessage
from waypilot_msgs.msg import Surroundings as SurroundingsMessage

from waypilot.faults import SensedFrame
from waypilot.rig import CameraSpec
from waypilot.types import CollisionEvent, LaneInvasionEvent
from waypilot_carla.frame import PreparedScenario, SimulatorFrame
from waypilot_ros import qos
from waypilot_ros.conversions import (
    collision_to_msg,
    ego_to_msg,
    lane_invasion_to_msg,
    route_to_path,
    stamp_to_msg,
)
from waypilot_ros.simulator_messages import (
    camera_info,
    gnss_to_msg,
    image_to_msg,
    imu_to_msg,
    status_to_msg,
    upstream_collision_to_msg,
    vehicle_info_to_msg,
    vehicle_status_to_msg,
)
from waypilot_ros.surroundings_messages import scene_to_msg, surroundings_to_msg


class FramePublisher:
    """The bridge's publishers. All messages of a frame carry the frame's stamp."""

    def __init__(self, node: Node, rig: Sequence[CameraSpec], tick_s: float) -> None:
        self._rig = rig
        self._tick_s = tick_s
        self._clock = node.create_publisher(Clock, "/clock", qos.RECORD)
        self._status = node.create_publisher(CarlaStatus, "/carla/status", qos.RECORD)
        self._world_info = node.create_publisher(CarlaWorldInfo, "/carla/world_info", qos.LATCHED)

        def ego_publisher(kind: type, topic: str, profile: object = qos.RECORD) -> Publisher:
            return node.create_publisher(kind, f"/carla/ego_vehicle/{topic}", profile)

        self._vehicle_info = ego_publisher(CarlaEgoVehicleInfo, "vehicle_info", qos.LATCHED)
        self._waypoints = ego_publisher(Path, "waypoints", qos.LATCHED_LAST)
        self._vehicle_status = ego_publisher(CarlaEgoVehicleStatus, "vehicle_status")
        self._odometry = ego_publisher(Odometry, "odometry")
        self._true_odometry = node.create_publisher(Odometry, "/waypilot/ego_vehicle/true_odometry", qos.RECORD)
        self._speedometer = ego_publisher(Float32, "speedometer")
        self._imu = ego_publisher(Imu, "imu")
        self._gnss = ego_publisher(NavSatFix, "gnss")
        self._collision = ego_publisher(CarlaCollisionEvent, "collision", qos.EVENT)
        self._lane_invasion = ego_publisher(CarlaLaneInvasionEvent, "lane_invasion", qos.EVENT)
        self._kind_collision = node.create_publisher(CollisionMessage, "/waypilot/ego_vehicle/collision", qos.EVENT)
        self._scene = node.create_publisher(SceneMessage, "/waypilot/ego_vehicle/scene", qos.LATCHED_LAST)
        self._surroundings = node.create_publisher(
            SurroundingsMessage, "/waypilot/ego_vehicle/surroundings", qos.RECORD
        )
        self._images = {camera.name: ego_publisher(Image, f"{camera.name}/image", qos.IMAGE) for camera in rig}
        self._camera_infos = {camera.name: ego_publisher(CameraInfo, f"{camera.name}/camera_info") for camera in rig}
        self._camera_models = {camera.name: camera_info(camera) for camera in rig}

    @property
    def driving_inputs(self) -> list[Publisher]:
        """The topics without which nobody can drive."""
        return [self._odometry]

    def publish_prepared(self, prepared: PreparedScenario) -> None:
        """Publish what is said once per scenario, latched."""
        self._world_info.publish(CarlaWorldInfo(map_name=prepared.map_name, opendrive=prepared.opendrive))
        self._vehicle_info.publish(vehicle_info_to_msg(prepared.vehicle))
        self._waypoints.publish(route_to_path(prepared.route, prepared.settled_stamp_ns))
        if prepared.scene is not None:
            self._scene.publish(scene_to_msg(prepared.scene, prepared.settled_stamp_ns))

    def publish_frame(self, frame: SimulatorFrame, sensed: SensedFrame, with_truth: bool) -> None:
        """Publish one frame: clock and status first, the images last, as upstream.

        The stack gets what is ``sensed`` of it; ``with_truth`` the true state goes to the judge, on a topic of its own.
        """
        self._clock.publish(Clock(clock=stamp_to_msg(frame.stamp_ns)))
        self._status.publish(status_to_msg(frame.frame, self._tick_s))
        self.publish_events(frame.collisions, frame.lane_invasions)
        if frame.surroundings is not None:
            self._surroundings.publish(surroundings_to_msg(frame.surroundings))
        if with_truth:
            self._true_odometry.publish(ego_to_msg(frame.ego))
        self._odometry.publish(ego_to_msg(sensed.ego))
        self._vehicle_status.publish(vehicle_status_to_msg(frame))
        self._speedometer.publish(Float32(data=float(frame.ego.speed_mps)))
        self._imu.publish(imu_to_msg(frame.imu))
        self._gnss.publish(gnss_to_msg(frame.gnss))
        for camera in self._rig:
            self._publish_image(camera, sensed)

    def publish_events(
        self, collisions: tuple[CollisionEvent, ...], lane_invasions: tuple[LaneInvasionEvent, ...]
    ) -> None:
        """Publish events; each carries its own stamp."""
        for collision in collisions:
            self._collision.publish(upstream_collision_to_msg(collision))
            self._kind_collision.publish(collision_to_msg(collision))
        for lane_invasion in lane_invasions:
            self._lane_invasion.publish(lane_invasion_to_msg(lane_invasion))

    def _publish_image(self, camera: CameraSpec, sensed: SensedFrame) -> None:
        if camera.name not in sensed.images:
            return
        stamp_ns, image = sensed.images[camera.name]
        message = image_to_msg(camera, stamp_ns, image)
        model = self._camera_models[camera.name]
        model.header = message.header
        self._camera_infos[camera.name].publish(model)
        self._images[camera.name].publish(message)
