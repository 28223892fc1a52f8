"""Policy and controller only, for one's own bridge or a real car: ``ros2 launch launch/stack.launch.py``.

They drive along every route that is published as a latched nav_msgs/Path on /carla/ego_vehicle/waypoints.
"""

from pathlib import Path

from waypilot_ros.launching import describe

TABLE = Path(__file__).resolve().parent / "stack.yaml"


def generate_launch_description():
    return describe(TABLE, fixed={"run": "nodes", "lock_step": "false", "simulator": "none"})
