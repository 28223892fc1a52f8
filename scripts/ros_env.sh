# Source this (bash or zsh) to use the nodes of ros2_ws from a shell: the environment, the overlay and safe defaults.
#
#     . scripts/ros_env.sh
#     python -m waypilot.supervisor launch/stack.yaml policy:=expert
#
# Traffic stays on this machine (ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST), in a domain of this checkout's own
# (ROS_DOMAIN_ID), with logs below out/. Values that are already set are kept.

_waypilot_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")/.." && pwd)
_waypilot_install=$_waypilot_root/ros2_ws/install
# --symlink-install leaves the node package here, linked to its source.
_waypilot_nodes=$_waypilot_root/ros2_ws/build/waypilot_ros

if [ -z "${ROS_DISTRO:-}" ]; then
  export VIRTUAL_ENV="${WAYPILOT_VENV:-$_waypilot_root/.venv}"
  _waypilot_python=$VIRTUAL_ENV/bin/python
  case ":$PATH:" in *":$VIRTUAL_ENV/bin:"*) ;; *) export PATH="$VIRTUAL_ENV/bin:$PATH" ;; esac
  _waypilot_prefixes=$_waypilot_install:$VIRTUAL_ENV
  # Libraries of another environment must not be found first; the wheels add their own at interpreter start.
  unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH
else
  _waypilot_python=python3
  _waypilot_prefixes=$_waypilot_install${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}
fi

_waypilot_tag=$("$_waypilot_python" -c 'import sys; print(f"python{sys.version_info[0]}.{sys.version_info[1]}")')
export AMENT_PREFIX_PATH="$_waypilot_prefixes"
export PYTHONPATH="$_waypilot_install/lib/$_waypilot_tag/site-packages:$_waypilot_nodes${PYTHONPATH:+:$PYTHONPATH}"
export LD_LIBRARY_PATH="$_waypilot_install/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

export ROS_AUTOMATIC_DISCOVERY_RANGE="${ROS_AUTOMATIC_DISCOVERY_RANGE:-LOCALHOST}"
export ROS_DOMAIN_ID="${ROS_DOMAIN_ID:-$((10 + $(printf %s "$_waypilot_root" | cksum | cut -d' ' -f1) % 60))}"
export ROS_LOG_DIR="${ROS_LOG_DIR:-$_waypilot_root/out/ros_log}"

unset _waypilot_root _waypilot_install _waypilot_nodes _waypilot_python _waypilot_prefixes _waypilot_tag
