"""The set-up of a drive, read from a message: what its judge needs beside the frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from waypilot.messages.reading import MalformedMessageError, route_from_msg
from waypilot.messages.surroundings import scene_from_msg
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.scenarios.scenario import scenario_from_json
from waypilot.surroundings import SceneInfo


@dataclass(frozen=True, slots=True)
class DriveSetup:
    """What is to be driven, where along, and with which draw of chance; ``scene`` None: nothing is observed."""

    scenario: Scenario
    route: Route
    scene: SceneInfo | None
    seed: int


def setup_from_msg(message: Any) -> DriveSetup:
    """Read waypilot_msgs/ScenarioSetup, or a request with the same fields; MalformedMessageError when it is none."""
    try:
        scenario = scenario_from_json(message.scenario_json)
    except ValueError as error:
        raise MalformedMessageError(str(error)) from error
    scene = scene_from_msg(message.scene) if message.scene_known else None
    return DriveSetup(scenario, route_from_msg(message.route), scene, int(message.seed))
