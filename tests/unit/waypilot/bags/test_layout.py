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
        assert found.camera_info_of(found.cameras["front"]) == f"{own}/front/camera_info"


def test_compressed_images_serve_where_the_raw_ones_were_not_recorded():
    topics = topics_of("hero")
    del topics["/carla/hero/front/image"]
    assert dict(detect(topics, LayoutOptions()).cameras) == {"front": "/carla/hero/front/image/compressed"}


def test_topics_of_a_car_are_found_by_type_and_what_was_guessed_is_said():
    kinds = {"/odom": "odometry", "/camera/image_raw": "front/image", "/camera/camera_info": "front/camera_info"}
    found = detect({name: BagTopic(name, KINDS[kind], count=9) for name, kind in kinds.items()}, LayoutOptions())
    assert (found.odometry, found.route) == ("/odom", None)
    assert found.notes == ("the odometry is taken from /odom",)
    assert found.camera_info_of("/camera/image_raw") == "/camera/camera_info"
    assert found.choose_cameras(("front",)) == (
        {"front": "/camera/image_raw"},
        ["camera front is taken from /camera/image_raw"],
    )


def test_of_several_cameras_each_is_chosen_by_its_name_or_missing():
    names = ("/sensors/front_camera/image_raw", "/sensors/left_camera/image_raw")
    topics = {name: BagTopic(name, KINDS["front/image"], count=9) for name in (*names, "/odom")}
    topics["/odom"] = BagTopic("/odom", KINDS["odometry"], count=9)
    chosen, notes = detect(topics, LayoutOptions()).choose_cameras(("front", "left", "rear"))
    assert chosen == {"front": names[0], "left": names[1]}
    assert "no topic for camera rear" in notes[-1]
    named = detect(topics, LayoutOptions(cameras={"rear": names[0]}))
    assert named.choose_cameras(("rear",)) == ({"rear": names[0]}, [])


def test_a_calibration_is_found_by_the_image_topic_whatever_the_camera_is_called():
    kinds = {
        "/odom": "odometry",
        "/carla/ego/rgb_front/image": "front/image",
        "/info/rgb_front/camera_info": "front/camera_info",
    }
    topics = {name: BagTopic(name, KINDS[kind], count=9) for name, kind in kinds.items()}
    found = detect(topics, LayoutOptions(cameras={"front": "/carla/ego/rgb_front/image"}))
    assert found.camera_info_of(found.cameras["front"]) == "/info/rgb_front/camera_info"
    beside = "/carla/ego/rgb_front/camera_info"
    found = detect({**topics, beside: BagTopic(beside, KINDS["front/camera_info"], count=9)}, LayoutOptions())
    assert found.camera_info_of("/carla/ego/rgb_front/image/compressed") == beside
    assert found.camera_info_of("/elsewhere/image") is None
