"""The one place that talks to a simulator through the genuine ``carla`` client."""

from waypilot_carla.errors import SetupError, SimulatorError, SimulatorLost, SimulatorUnreachable
from waypilot_carla.frame import (
    GnssFix,
    ImuSample,
    LateEvents,
    PreparedScenario,
    SimulatorFrame,
    VehicleInfo,
    VehicleStatus,
    WheelInfo,
)
from waypilot_carla.session import SessionConfig, SimulatorSession
from waypilot_carla.sketch import MapSketch

__all__ = [
    "GnssFix",
    "ImuSample",
    "LateEvents",
    "MapSketch",
    "PreparedScenario",
    "SessionConfig",
    "SetupError",
    "SimulatorError",
    "SimulatorFrame",
    "SimulatorLost",
    "SimulatorSession",
    "SimulatorUnreachable",
    "VehicleInfo",
    "VehicleStatus",
    "WheelInfo",
]
