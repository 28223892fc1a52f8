"""Suites: scenarios in a YAML file, checked on load.

The file's form is for people: degrees, and a name for the weather. Every message says which file, scenario and field
is wrong and what to write instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from waypilot.config import ConfigError, config_from_mapping
from waypilot.faults.fault import Fault
from waypilot.geometry import SE2, wrap_angle
from waypilot.scenarios.actors import ActorSpec, Lights, Traffic, Variation
from waypilot.scenarios.scenario import Scenario, TerminationRules
from waypilot.scenarios.weather import WEATHER_PRESETS, WeatherParameters

#: What may stand at the top of a suite file, for all scenarios that do not say otherwise.
_FOR_ALL = ("seeds", "repeats", "variation")
_YAML = (".yaml", ".yml")
SUITES_DIR = Path(__file__).parent / "suites"


class ScenarioError(ValueError):
    """A suite or scenario cannot be used; the message says where it is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class PointEntry:
    """A place in the map frame, as written in a suite file."""

    x_m: float
    y_m: float


@dataclass(frozen=True, slots=True)
class StartEntry:
    """The start pose in the map frame, as written in a suite file: yaw in degrees, counter-clockwise from x (east)."""

    x_m: float
    y_m: float
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class ScenarioEntry:
    """A scenario as written in a suite file; ``weather`` is the name of a preset or all fourteen parameters."""

    name: str
    map: str
    weather: str | WeatherParameters
    start: StartEntry
    goal: PointEntry
    via: tuple[PointEntry, ...] = ()
    vehicle_type: str = "vehicle.tesla.model3"
    target_speed_mps: float = 8.0
    time_limit_s: float | None = None
    rules: TerminationRules = field(default_factory=TerminationRules)
    seeds: tuple[int, ...] = (0,)
    repeats: int = 1
    variation: Variation = field(default_factory=Variation)
    actors: tuple[ActorSpec, ...] = ()
    traffic: Traffic | None = None
    lights: Lights | None = None
    faults: tuple[Fault, ...] = ()

    def to_scenario(self) -> Scenario:
        """Convert to the core's units. Raises ValueError for an unknown weather or values that make no drive."""
        return Scenario(
            name=self.name,
            map=self.map,
            weather=_weather(self.weather),
            start_pose=SE2(self.start.x_m, self.start.y_m, wrap_angle(math.radians(self.start.yaw_deg))),
            goal_m=(self.goal.x_m, self.goal.y_m),
            via_m=tuple((point.x_m, point.y_m) for point in self.via),
            vehicle_type=self.vehicle_type,
            target_speed_mps=self.target_speed_mps,
            time_limit_s=self.time_limit_s,
            rules=self.rules,
            seeds=self.seeds,
            repeats=self.repeats,
            variation=self.variation,
            actors=self.actors,
            traffic=self.traffic,
            lights=self.lights,
            faults=self.faults,
        )


def available_suites() -> tuple[str, ...]:
    """Names of the suites that come with Waypilot."""
    return tuple(sorted(path.stem for path in SUITES_DIR.glob("*.yaml")))


def load_suite(name_or_path: str | Path) -> tuple[Scenario, ...]:
    """Read a suite: the name of one that comes with Waypilot, or the path of a YAML file.

    Raises ScenarioError when there is no such suite or anything in it is wrong.
    """
    path = _suite_path(name_or_path)
    scenarios: list[Scenario] = []
    for index, entry in enumerate(_read_entries(path)):
        scenario = _parse_entry(entry, path, index)
        if any(scenario.name == other.name for other in scenarios):
            raise ScenarioError(f"{path}: two scenarios are named {scenario.name!r}, rename one of them")
        scenarios.append(scenario)
    return tuple(scenarios)


def select(suite: Sequence[Scenario], names: Sequence[str]) -> tuple[Scenario, ...]:
    """Pick scenarios by name, in the order asked for. No names: the whole suite.

    Raises ScenarioError for a name that the suite lacks and for one asked for twice.
    """
    by_name = {scenario.name: scenario for scenario in suite}
    for position, name in enumerate(names):
        if name not in by_name:
            if name.endswith(_YAML):
                raise ScenarioError(f"{name}: there is no such file")
            raise ScenarioError(f"no scenario is named {name!r}, choose from: {', '.join(by_name)}")
        if name in names[:position]:
            raise ScenarioError(f"scenario {name!r} is asked for twice, name it once and use seeds to repeat it")
    return tuple(by_name[name] for name in names) if names else tuple(suite)


def _suite_path(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if text in available_suites():
        return SUITES_DIR / f"{text}.yaml"
    path = Path(text)
    if not path.is_file() and path.suffix in _YAML:
        raise ScenarioError(f"{text}: there is no such file")
    if not path.is_file():
        raise ScenarioError(
            f"no suite {text!r}: give a path to a YAML file or one of these names: {', '.join(available_suites())}"
        )
    return path


def _read_entries(path: Path) -> list[object]:
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeyLoader)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: not readable as YAML: {error}") from error
    if not isinstance(document, dict) or "scenarios" not in document or set(document) - {"scenarios", *_FOR_ALL}:
        raise ScenarioError(
            f"{path}: expected the key 'scenarios' at the top, with a list under it, and besides only: "
            f"{', '.join(_FOR_ALL)}"
        )
    entries = document["scenarios"]
    if not isinstance(entries, list) or not entries:
        raise ScenarioError(f"{path}: 'scenarios' must be a list with at least one scenario")
    for_all = {key: document[key] for key in _FOR_ALL if key in document}
    return [{**for_all, **entry} if isinstance(entry, dict) else entry for entry in entries]


def _parse_entry(entry: object, path: Path, index: int) -> Scenario:
    if not isinstance(entry, dict):
        raise ScenarioError(f"{path}: scenario {index + 1}: expected keys and values, got {entry!r}")
    title = f"scenario {entry.get('name', index + 1)!r}"
    try:
        return config_from_mapping(ScenarioEntry, entry).to_scenario()
    except ConfigError as error:
        raise ScenarioError(f"{path}: {title}: {str(error).removeprefix('ScenarioEntry: ')}") from error
    except ValueError as error:
        raise ScenarioError(f"{path}: {title}: {error}") from error


def _weather(weather: str | WeatherParameters) -> WeatherParameters:
    if isinstance(weather, WeatherParameters):
        return weather
    if weather not in WEATHER_PRESETS:
        raise ScenarioError(
            f"weather: unknown preset {weather!r}, use one of {', '.join(WEATHER_PRESETS)} or all fourteen parameters"
        )
    return WEATHER_PRESETS[weather]


class _UniqueKeyLoader(yaml.SafeLoader):
    """YAML's safe loader, except that a key given twice is an error: PyYAML keeps the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position] and key != "<<":
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", node.start_mark)
        built: dict[object, object] = super().construct_mapping(node, deep=deep)
        return built
