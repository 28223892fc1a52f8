"""A bag played into the policy: ``ros2 launch launch/offline_replay.launch.py bag:=...`` (``--show-args``)."""

from pathlib import Path

from waypilot_ros.launching import describe

TABLE = Path(__file__).resolve().parent / "offline_replay.yaml"


def generate_launch_description():
    return describe(TABLE)
