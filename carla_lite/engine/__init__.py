"""The simulation itself: actors, their motion and their contacts. No sockets, no clock, no drawing."""

from carla_lite.engine.actors import Actor, BodyActor, Vehicle, Walker
from carla_lite.engine.catalog import ActorClass, Blueprint, Catalog
from carla_lite.engine.controls import VehicleControl, WalkerControl
from carla_lite.engine.handling import Handling
from carla_lite.engine.signals import LIGHT_TYPE_ID, LightState, Signals, TrafficLight, TrafficSign
from carla_lite.engine.world import Collision, SpawnError, StepEvents, World

__all__ = [
    "LIGHT_TYPE_ID",
    "Actor",
    "ActorClass",
    "Blueprint",
    "BodyActor",
    "Catalog",
    "Collision",
    "Handling",
    "LightState",
    "Signals",
    "SpawnError",
    "StepEvents",
    "TrafficLight",
    "TrafficSign",
    "Vehicle",
    "VehicleControl",
    "Walker",
    "WalkerControl",
    "World",
]
