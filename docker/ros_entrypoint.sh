#!/bin/bash
# The environment of ROS 2, of the upstream bridge where it was built, and of Waypilot; then the command itself.
set -e
. /opt/ros/jazzy/setup.bash
[ ! -f /opt/upstream/install/local_setup.bash ] || . /opt/upstream/install/local_setup.bash
. /opt/waypilot/ros2_ws/install/local_setup.bash
export PYTHONPATH=/opt/venv/lib/python3.12/site-packages:/opt/waypilot${PYTHONPATH:+:$PYTHONPATH}
exec "$@"
