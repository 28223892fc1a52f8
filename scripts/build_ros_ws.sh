#!/usr/bin/env bash
# Build ros2_ws with colcon: in the project's environment (.venv with the ROS 2 wheels), or, when a ROS 2
# installation is sourced (ROS_DISTRO is set), on top of that. Does nothing when nothing changed.
#   build_ros_ws.sh           links the nodes to their sources: for working on them
#   build_ros_ws.sh --copy    copies everything: ros2_ws/install is whole without ros2_ws/build, for images
set -euo pipefail

link=(--symlink-install)
[[ ${1:-} != --copy ]] || link=()
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ws=$root/ros2_ws
log=$ws/log/build_ros_ws.log
stamp=$ws/install/.waypilot_stamp

if [[ -z ${ROS_DISTRO:-} ]]; then
  venv=${WAYPILOT_VENV:-$root/.venv}
  python=$venv/bin/python
  [[ -x $python ]] || { echo "no environment at $venv: run scripts/setup_env.sh first, or source a ROS 2 installation" >&2; exit 1; }
  # A sourced overlay of an earlier build must not count as an underlay of this one.
  unset LD_LIBRARY_PATH PYTHONPATH _ROS_WHEELS_BOOTSTRAP_COMPLETE
  export VIRTUAL_ENV=$venv PATH=$venv/bin:$PATH AMENT_PREFIX_PATH=$venv CMAKE_PREFIX_PATH=$venv
else
  python=$(command -v python3)
fi

skip=()
underlay_carla_msgs=
IFS=: read -ra prefixes <<<"$AMENT_PREFIX_PATH"
for prefix in "${prefixes[@]}"; do
  if [[ $prefix != "$ws"/* && -f $prefix/share/carla_msgs/package.xml ]]; then
    underlay_carla_msgs=$prefix
    skip=(--packages-skip carla_msgs)
    break
  fi
done

# Python sources of the nodes are linked, not copied: they need no build.
sources_hash() {
  {
    cd "$ws/src"
    find . -type f ! -path './waypilot_ros/waypilot_ros/*' ! -path '*.egg-info/*' ! -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum
    ls "$root/launch"
    echo "$root" "$underlay_carla_msgs" "${link[*]-}"
    "$python" -c 'import sys, numpy, rclpy; print(sys.version, numpy.__version__, rclpy.__file__)'
  } | sha256sum | cut -d' ' -f1
}

now=$(sources_hash)
if [[ -f $stamp && $(cat "$stamp") == "$now" ]]; then
  echo "ros2_ws: up to date"
  exit 0
fi

mkdir -p "$ws/log"
[[ -n ${ROS_DISTRO:-} ]] || "$python" "$root/scripts/fix_ros_wheels.py"
[[ -z $underlay_carla_msgs ]] || echo "ros2_ws: carla_msgs comes from $underlay_carla_msgs"
generator=()
if command -v ninja >/dev/null && [[ ! -f $ws/build/waypilot_msgs/Makefile ]]; then generator=(-G Ninja); fi
echo "ros2_ws: building, about a minute on two cores (log: ${log#"$root"/})"
cd "$ws"
if ! colcon --log-base log build --base-paths src --merge-install ${link[@]+"${link[@]}"} ${skip[@]+"${skip[@]}"} \
  --cmake-args ${generator[@]+"${generator[@]}"} "-DPython3_EXECUTABLE=$python" -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=Release \
  --no-warn-unused-cli >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "ros2_ws: the build failed; full log: $log" >&2
  exit 1
fi
echo "$now" >"$stamp"
echo "ros2_ws: built"
