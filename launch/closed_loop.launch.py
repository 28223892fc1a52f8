"""Closed-loop evaluation: ``ros2 launch launch/closed_loop.launch.py`` (``--show-args`` lists the arguments)."""

from pathlib import Path

from waypilot_ros.launching import describe

TABLE = Path(__file__).resolve().parent / "stack.yaml"


def generate_launch_description():
    return describe(TABLE, fixed={"run": "evaluation"})
