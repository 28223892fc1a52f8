"""Repair the include directories in the CMake files of the ROS 2 wheels of this environment.

The wheels carry absolute paths of the machine that built them, and CMake refuses a target whose include directory does
not exist. Safe to run any number of times; to be run again after a further message wheel was installed.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

import numpy as np

# The interpreter prefix of the machines on which manylinux wheels are built.
PYTHON_INCLUDE = re.compile(r"/opt/python/cp3\d+-cp3\d+/include/python3\.\d+")
NUMPY_INCLUDE = re.compile(r"/opt/python/cp3\d+-cp3\d+/lib/python3\.\d+/site-packages/numpy/_?core/include")


def fix_exports(prefix: Path) -> int:
    """Rewrite the foreign include directories below ``prefix/share``; returns how many files changed."""
    changed = 0
    for path in sorted(prefix.glob("share/*/cmake/export_*__rosidl_generator_pyExport.cmake")):
        text = path.read_text()
        fixed = NUMPY_INCLUDE.sub(np.get_include(), PYTHON_INCLUDE.sub(sysconfig.get_path("include"), text))
        if fixed != text:
            path.write_text(fixed)
            changed += 1
    return changed


if __name__ == "__main__":
    print(f"ROS 2 wheels: {fix_exports(Path(sys.prefix))} CMake files repaired")
