"""The judgement on one scenario, as values and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import cast

from waypilot.config import ConfigError, config_from_mapping
from waypilot.metrics.values import Infraction, Metric

CRASHED = "crashed"
SERIES_COLUMNS = ("time_s", "x_m", "y_m", "yaw_rad", "speed_mps", "s_m", "lateral_m", "steer", "throttle", "brake")


@dataclass(frozen=True, slots=True)
class Series:
    """What happened frame by frame: equally long columns, rounded to 1e-4, None where a frame has no value.

    Columns: ``time_s`` since the first frame, ``x_m``, ``y_m``, ``yaw_rad`` (map), ``speed_mps``, ``s_m``,
    ``lateral_m`` (along and left of the route), ``steer``, ``throttle``, ``brake`` (CARLA's sense).
    ``route_m`` are the route's points. Raises ValueError for other columns and for columns of different lengths.
    """

    columns: Mapping[str, tuple[float | None, ...]]
    route_m: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if set(self.columns) != set(SERIES_COLUMNS):
            raise ValueError(f"a series has the columns {', '.join(SERIES_COLUMNS)}, got {', '.join(self.columns)}")
        if len({len(column) for column in self.columns.values()}) > 1:
            raise ValueError("the columns of a series must be equally long")


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """How one scenario went with one seed, the ``repeat``-th time.

    ``status`` is ``completed``, ``failed: why`` or ``crashed: what``. ``definition`` is the scenario as plain
    values. ``notes`` say what a reader must know about the record. Everything that depends on the wall clock, and
    nothing else, stands in ``wall_clock``. ``series`` is None when there is none to show.
    """

    scenario: str
    seed: int
    status: str
    metrics: tuple[Metric, ...]
    infractions: tuple[Infraction, ...] = ()
    notes: tuple[str, ...] = ()
    definition: Mapping[str, object] = field(default_factory=dict)
    series: Series | None = None
    wall_clock: Mapping[str, object] = field(default_factory=dict)
    repeat: int = 0

    def __post_init__(self) -> None:
        if self.status != "completed" and not self.status.startswith(("failed: ", f"{CRASHED}: ")):
            raise ValueError(f"status is {self.status!r}, expected 'completed', 'failed: why' or 'crashed: what'")

    @property
    def crashed(self) -> bool:
        """The run itself broke, so that it says nothing about the driving."""
        return self.status.startswith(CRASHED)

    @property
    def completed(self) -> bool:
        """The goal was reached."""
        return self.status == "completed"

    @property
    def key(self) -> str:
        """The name of this run's files."""
        return run_key(self.scenario, self.seed, self.repeat)

    @property
    def title(self) -> str:
        """The run in words."""
        return run_title(self.scenario, self.seed, self.repeat)

    def metric(self, name: str) -> Metric:
        """Look a metric up. Raises KeyError for an unknown name."""
        for metric in self.metrics:
            if metric.name == name:
                return metric
        raise KeyError(f"no metric is named {name!r}, there are: {', '.join(m.name for m in self.metrics)}")


def run_key(scenario: str, seed: int, repeat: int = 0) -> str:
    """Return the name that a run's files carry; most runs are driven once, so the first repeat is not named."""
    return f"{scenario}_seed{seed}" + (f"_repeat{repeat}" if repeat else "")


def run_title(scenario: str, seed: int, repeat: int = 0) -> str:
    """Name a run in words."""
    return f"{scenario}, seed {seed}" + (f", repeat {repeat}" if repeat else "")


def result_to_dict(result: ScenarioResult) -> dict[str, object]:
    """Turn a result into JSON-ready values in a fixed order; the way back is ``result_from_dict``."""
    return {
        "scenario": result.scenario,
        "seed": result.seed,
        "repeat": result.repeat,
        "status": result.status,
        "metrics": {m.name: {k: v for k, v in asdict(m).items() if k != "name"} for m in result.metrics},
        "infractions": [asdict(infraction) for infraction in result.infractions],
        "notes": list(result.notes),
        "definition": dict(result.definition),
        "series": None if result.series is None else series_to_dict(result.series),
        "wall_clock": dict(result.wall_clock),
    }


def result_from_dict(values: Mapping[str, object]) -> ScenarioResult:
    """Read what ``result_to_dict`` wrote. Raises ConfigError, naming the entry, when it is something else."""
    where = f"result of {values.get('scenario')!r}"
    try:
        metrics = cast(Mapping[str, Mapping[str, object]], values["metrics"])
        infractions = cast(list[Mapping[str, object]], values["infractions"])
        return ScenarioResult(
            scenario=str(values["scenario"]),
            seed=int(cast(int, values["seed"])),
            status=str(values["status"]),
            metrics=tuple(config_from_mapping(Metric, {"name": n, **m}, f"{where}.{n}") for n, m in metrics.items()),
            infractions=tuple(config_from_mapping(Infraction, i, f"{where}.infractions") for i in infractions),
            notes=tuple(cast(list[str], values["notes"])),
            definition=cast(Mapping[str, object], values["definition"]),
            series=_series_or_none(values["series"]),
            wall_clock=cast(Mapping[str, object], values["wall_clock"]),
            repeat=int(cast(int, values.get("repeat", 0))),
        )
    except ConfigError:
        raise
    except KeyError as error:
        raise ConfigError(f"{where}: key {error} is missing") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{where}: {error}") from error


def series_to_dict(series: Series) -> dict[str, object]:
    """Turn a series into JSON-ready values."""
    return {
        "columns": {name: list(column) for name, column in series.columns.items()},
        "route_m": [list(point) for point in series.route_m],
    }


def series_from_dict(values: Mapping[str, object]) -> Series:
    """Read what ``series_to_dict`` wrote. Raises KeyError, TypeError or ValueError when it is something else."""
    columns = cast(Mapping[str, list[float | None]], values["columns"])
    route = cast(list[tuple[float, float]], values["route_m"])
    return Series({name: tuple(column) for name, column in columns.items()}, tuple((x, y) for x, y in route))


def rounded(value: float | None) -> float | None:
    """Round to 1e-4, without a negative zero; None and non-finite numbers become None."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, 4) + 0.0


def _series_or_none(values: object) -> Series | None:
    return None if values is None else series_from_dict(cast(Mapping[str, object], values))
