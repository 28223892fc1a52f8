"""Being one process of the node table, for containers: the container engine is the supervisor then."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from waypilot.supervisor.command import command_line
from waypilot.supervisor.table import ProcessSpec, TableError


def find_process(specs: Sequence[ProcessSpec], name: str) -> ProcessSpec:
    """Find a process that runs with the given arguments; TableError when there is none of that name."""
    for spec in specs:
        if spec.name == name:
            return spec
    raise TableError(f"no process {name!r} runs with these arguments; there are: {', '.join(s.name for s in specs)}")


def become(spec: ProcessSpec) -> NoReturn:
    """Replace this process, so that signals and the exit code are the node's own.

    Parameters go to a file in the folder for temporary files. Raises TableError when the node is not installed.
    """
    command = command_line(spec, Path(tempfile.gettempdir()) / "waypilot_parameters")
    os.execv(command[0], command)
