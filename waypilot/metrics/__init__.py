"""Judging a drive: what was seen (``DriveLog``), when it ends (``ScenarioMonitor``), how it was (``evaluate``)."""

from waypilot.metrics.aggregate import Aggregate, Estimate, aggregate, is_success
from waypilot.metrics.evaluate import crashed_result, evaluate
from waypilot.metrics.log import DriveLog, LogCounts
from waypilot.metrics.monitor import ScenarioMonitor
from waypilot.metrics.result import ScenarioResult, Series, result_from_dict, result_to_dict, run_key
from waypilot.metrics.spread import ScenarioSpread, Spread
from waypilot.metrics.values import Infraction, Metric, MetricSpec, Termination

__all__ = [
    "Aggregate",
    "DriveLog",
    "Estimate",
    "Infraction",
    "LogCounts",
    "Metric",
    "MetricSpec",
    "ScenarioMonitor",
    "ScenarioResult",
    "ScenarioSpread",
    "Series",
    "Spread",
    "Termination",
    "aggregate",
    "crashed_result",
    "evaluate",
    "is_success",
    "result_from_dict",
    "result_to_dict",
    "run_key",
]
