"""Scenarios: definition, the suites, loading and validation."""

from waypilot.scenarios.evaluation_towns import EVALUATION_TOWNS
from waypilot.scenarios.scenario import Scenario, TerminationRules, scenario_from_json, scenario_to_json
from waypilot.scenarios.suite import ScenarioError, available_suites, load_suite, select
from waypilot.scenarios.variation import vary
from waypilot.scenarios.weather import WEATHER_PRESETS, WeatherParameters

__all__ = [
    "EVALUATION_TOWNS",
    "WEATHER_PRESETS",
    "Scenario",
    "ScenarioError",
    "TerminationRules",
    "WeatherParameters",
    "available_suites",
    "load_suite",
    "scenario_from_json",
    "scenario_to_json",
    "select",
    "vary",
]
