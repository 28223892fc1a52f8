"""A map for whoever writes a scenario: a picture with coordinates, and its spawn points as a suite's YAML wants them.

``python -m training.eval.show_map --map Lite04 --output map.png`` starts a carla_lite of its own; with ``--host`` and
``--port`` the map is asked of a simulator that runs, which loads it and ends what goes on there.

Exit codes: 0 the picture is written, 1 no simulator or nothing can be written, 2 the simulator has no such map.
"""

from __future__ import annotations

import argparse
import io
import math
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from carla_lite.maps import available_towns, own_town_xodr
from carla_lite.wire.process import ServerError, ServerProcess
from waypilot.files import write_bytes_atomic
from waypilot.geometry import SE2
from waypilot_carla import MapSketch, SessionConfig, SetupError, SimulatorError, SimulatorSession

_INCHES, _DPI = 14.0, 100
_ARROW_M = 5.0


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; exits with code 2 when it cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m training.eval.show_map",
        description="Draw a map with coordinates and list its spawn points, to choose a scenario's start and goal.",
    )
    parser.add_argument("--map", required=True, help=f"carla_lite has {', '.join(available_towns())}")
    parser.add_argument("--output", type=Path, required=True, metavar="PNG", help="the picture to write")
    parser.add_argument("--host", default="127.0.0.1", help="where a simulator runs (default: this machine)")
    parser.add_argument("--port", type=int, help="its RPC port (default: a carla_lite is started)")
    options = parser.parse_args(arguments)
    if options.port is not None and not 0 < options.port < 65536:
        parser.error(f"--port is {options.port}, give 1 to 65535")
    return options


def ask_for_map(name: str, host: str, port: int | None) -> MapSketch:
    """Load the map in a simulator, in a carla_lite of its own without a port. Raises SimulatorError, ServerError."""
    with ExitStack() as stack:
        if port is None:
            server = stack.enter_context(ServerProcess())
            host, port = server.host, server.port
        session = stack.enter_context(SimulatorSession(SessionConfig(host=host, port=port), own_town_xodr))
        return session.sketch_map(name)


def place_text(pose: SE2) -> str:
    """Write a pose as a suite's ``start`` wants it."""
    return f"{{x_m: {pose.x_m:.2f}, y_m: {pose.y_m:.2f}, yaw_deg: {math.degrees(pose.yaw_rad):.1f}}}"


def draw(sketch: MapSketch, title: str) -> bytes:
    """Draw lanes, directions and numbered spawn points over a grid of metres, as PNG."""
    figure = Figure(figsize=(_INCHES, _INCHES), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    for lane in sketch.lanes_m:
        axes.plot(lane[:, 0], lane[:, 1], color="0.7", linewidth=1.5, zorder=1)
    places = np.array([(pose.x_m, pose.y_m, pose.yaw_rad) for pose in sketch.spawn_poses]).reshape(-1, 3)
    axes.quiver(
        places[:, 0],
        places[:, 1],
        _ARROW_M * np.cos(places[:, 2]),
        _ARROW_M * np.sin(places[:, 2]),
        angles="xy",
        scale_units="xy",
        scale=1.0,
        width=0.002,
        color="tab:blue",
        zorder=2,
    )
    for number, (x_m, y_m, _) in enumerate(places):
        axes.annotate(str(number), (x_m, y_m), xytext=(2, 2), textcoords="offset points", fontsize=8)
    axes.set(title=title, xlabel="x_m (east)", ylabel="y_m (north)", aspect="equal")
    axes.minorticks_on()
    axes.grid(which="major", color="0.85")
    axes.grid(which="minor", color="0.94")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = parse_arguments(arguments)
    try:
        sketch = ask_for_map(options.map, options.host, options.port)
        write_bytes_atomic(options.output, draw(sketch, f"{options.map}: spawn points, map frame"))
    except (SimulatorError, ServerError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, SetupError) else 1
    try:
        for number, pose in enumerate(sketch.spawn_poses):
            print(f"{number:4d}  {place_text(pose)}")
        print(f"A start may be anywhere on a lane, a goal too: these are numbered in {options.output}", flush=True)
    except BrokenPipeError:  # read by head or a pager that was left: not even the closing flush may fail
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
