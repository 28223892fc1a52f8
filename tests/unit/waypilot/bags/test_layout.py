"""Which topic is what, where more than one vehicle was recorded."""

from waypilot.bags import BagTopic
from waypilot.bags.layout import LayoutOptions, detect

KINDS = {
    "odometry": "nav_msgs/msg/Odometry",
    "waypoints": "nav_msgs/msg/Path",
    "front/image": "sensor_msgs/msg/Image",
    "front/image/compressed": "sensor_msgs/msg/CompressedImage",
    "front/camera_info": "sensor_msgs/msg/CameraInfo",
    "vehicle_control_cmd": "carla_msgs/msg/CarlaEgoVehicleControl",
}


def topics_of(*roles):
    return {
        f"/carla/{role}/{end}": BagTopic(f"/carla/{role}/{end}", kind, count=9)
        for role in roles
        for end, kind in KINDS.items()
    }


def test_everything_is_that_of_the_vehicle_whose_odometry_is_named():
    topics = topics_of("a", "ego_vehicle", "z")
    for role in ("a", "ego_vehicle", "z"):
        found = detect(topics, LayoutOptions(odometry=f"/carla/{role}/odometry"))
        own = f"/carla/{role}"
        assert dict(found.cameras) == {"front": f"{own}/front/image"}
        assert (found.route, found.control) == (f"{own}/waypoints", f"{own}/vehicle_control_cmd")
        assert dict(found.camera_infos) == {"front": f"{own}/front/camera_info"}


def test_compressed_images_serve_where_the_raw_ones_were_not_recorded():
    topics = topics_of("hero")
    del topics["/carla/hero/front/image"]
    assert dict(detect(topics, LayoutOptions()).cameras) == {"front": "/carla/hero/front/image/compressed"}
