"""How an entry of the table becomes a command line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import yaml

from waypilot.supervisor.table import ProcessSpec, TableError


def command_line(spec: ProcessSpec, parameter_dir: Path) -> list[str]:
    """Return the argument vector of a process; a node's parameters are written to a file below ``parameter_dir``.

    Raises TableError when the node's executable is in no prefix of AMENT_PREFIX_PATH.
    """
    if spec.module:
        return [sys.executable, "-m", spec.module, *spec.arguments]
    command = [
        str(find_executable(spec.package, spec.executable)),
        *spec.arguments,
        "--ros-args",
        "-r",
        f"__node:={spec.name}",
    ]
    for name, target in spec.remaps.items():
        command += ["-r", f"{name}:={target}"]
    if spec.parameter_file:
        command += ["--params-file", spec.parameter_file]
    if spec.parameters:
        command += ["--params-file", str(_write_parameters(spec, parameter_dir))]
    return command


def find_executable(package: str, executable: str) -> Path:
    """Find a node's executable as ``ros2 run`` does; TableError when it is not there."""
    prefixes = [prefix for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(":") if prefix]
    for prefix in prefixes:
        path = Path(prefix) / "lib" / package / executable
        if path.is_file():
            return path
    raise TableError(
        f"no executable {executable} of package {package} in AMENT_PREFIX_PATH ({':'.join(prefixes) or 'empty'}); "
        "run scripts/build_ros_ws.sh and source scripts/ros_env.sh"
    )


def _write_parameters(spec: ProcessSpec, parameter_dir: Path) -> Path:
    parameter_dir.mkdir(parents=True, exist_ok=True)
    path = parameter_dir / f"{spec.name}.yaml"
    path.write_text(yaml.safe_dump({"/**": {"ros__parameters": dict(spec.parameters)}}, sort_keys=False))
    return path
