#!/bin/sh
# Health of a container: the process inside touches this file while it works (see waypilot_ros/diagnostics.py); the
# simulator writes its own when it is ready. Starting Python, let alone a ROS node, for every check would cost more.
#   health.sh FILE [SECONDS]    the file is there, and younger than SECONDS if given
set -eu
[ -e "$1" ]
[ $# -lt 2 ] || [ $(($(date +%s) - $(stat -c %Y "$1"))) -le "$2" ]
