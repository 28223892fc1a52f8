#!/usr/bin/env bash
# Makes Waypilot's libraries importable beside an ordinary ROS 2 Jazzy installation (Ubuntu 24.04, Python 3.12) and builds
# ros2_ws there. Source ROS first:   . /opt/ros/jazzy/setup.bash && bash scripts/setup_ros.sh [FOLDER of the environment]
#
# ROS's message libraries are compiled against numpy 1 and refuse numpy 2, so this environment keeps numpy 1.26 and an
# OpenCV that goes with it; everything else is pinned as elsewhere.
#   WAYPILOT_TORCH=no      leave torch out (the expert drives, a checkpoint cannot)
#   WAYPILOT_TORCH_INDEX   further package index for torch, as in scripts/setup_env.sh
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${1:-$root/.venv_ros}
[ "${ROS_DISTRO:-}" = jazzy ] || { echo "source a ROS 2 Jazzy installation first: . /opt/ros/jazzy/setup.bash" >&2; exit 1; }

numpy_1() { sed -E 's/^numpy==.*; python_version >= "3.11"/numpy==1.26.4/; s/^(opencv-python-headless)==.*/\1==4.11.0.86/' "$1"; }

python3 -m venv --system-site-packages "$venv"
requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
numpy_1 "$root/requirements/base.txt" >"$requirements"
[ "${WAYPILOT_TORCH:-yes}" = no ] || cat "$root/requirements/train.txt" >>"$requirements"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  ${WAYPILOT_TORCH_INDEX:+--extra-index-url "$WAYPILOT_TORCH_INDEX"} -r "$requirements"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -e "$root"
bash "$root/scripts/build_ros_ws.sh"
cat <<END
done. In every shell:
  . /opt/ros/jazzy/setup.bash
  export PYTHONPATH=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'):$root\${PYTHONPATH:+:\$PYTHONPATH}
  . $root/ros2_ws/install/local_setup.bash
END
