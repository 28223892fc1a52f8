"""How quantities read on the page and in the terminal."""

from __future__ import annotations

import re

from waypilot.metrics import Estimate, Infraction, Metric
from waypilot.metrics.spread import Spread

_DECIMALS = {"%": 1, "1": 0, "s": 1, "m": 2, "m/s": 2, "m/s2": 2, "rad": 3, "1/km": 2}
_TITLES = {
    "lateral_deviation_p95": "lateral deviation, 95th percentile",
    "lateral_deviation_mean": "lateral deviation, mean",
    "lateral_deviation_max": "lateral deviation, largest",
    "heading_error_mean": "heading error, mean",
    "heading_error_max": "heading error, largest",
    "speed_mean": "speed, mean",
    "speed_max": "speed, highest",
    "acceleration_longitudinal_min": "hardest braking",
    "acceleration_longitudinal_max": "hardest acceleration",
    "comfortable_share": "time within nuPlan's bounds of comfort",
    "tracking_error_mean": "tracking error, mean up to 1 s",
    "tracking_error_max": "tracking error, largest up to 1 s",
    "collisions_vehicle": "collisions with vehicles",
    "collisions_pedestrian": "collisions with pedestrians",
    "collisions_static": "collisions with static objects",
    "collisions_per_km": "collisions per km",
    "completion_rate": "goals reached",
    "success_rate": "goals reached without infraction",
    "avg_route_completion": "route completion, mean",
}
MISSING = "n/a"


def title_of(name: str) -> str:
    """Return a metric's name in words."""
    words = re.sub(r"_(\d)_(\d)$", r" (rules \1.\2)", name)
    return _TITLES.get(name, words.replace("_", " "))


def format_value(value: float, unit: str, decimals: int | None = None) -> str:
    """Write a value with its unit, rounded for reading; counts carry no unit."""
    text = f"{value:.{_DECIMALS.get(unit, 3) if decimals is None else decimals}f}"
    if unit == "%":
        return f"{text} %"
    return text if unit in ("1", "1/km") else f"{text} {unit.replace('m/s2', 'm/s²')}"


def format_metric(metric: Metric) -> str:
    """Write a metric's value, or that it has none."""
    return MISSING if metric.value is None else format_value(metric.value, metric.unit)


def format_estimate(estimate: Estimate) -> str:
    """Write a mean over runs; means of counts keep two decimals."""
    if estimate.value is None:
        return MISSING
    return format_value(estimate.value, estimate.unit, 2 if estimate.unit == "1" else None)


def format_interval(estimate: Estimate) -> str:
    """Write the 95 % interval, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return estimate.reason
    decimals = _mean_decimals(estimate.unit)
    return f"{estimate.low:.{decimals}f} to {estimate.high:.{decimals}f}"


def format_spread(spread: Spread) -> str:
    """Write mean and standard deviation over the runs of a scenario; a single run has only its value."""
    if spread.mean is None or spread.std is None:
        return MISSING if spread.mean is None else format_value(spread.mean, spread.unit)
    decimals = _mean_decimals(spread.unit)
    return f"{format_value(spread.mean, spread.unit, decimals)} ± {spread.std:.{decimals}f}"


def format_range(spread: Spread) -> str:
    """Write the smallest and the largest value over the runs of a scenario; nothing for a single run."""
    if spread.std is None:
        return ""
    decimals = _mean_decimals(spread.unit)
    return f"{spread.min:.{decimals}f} to {spread.max:.{decimals}f}"


def _mean_decimals(unit: str) -> int:
    return 2 if unit == "1" else _DECIMALS.get(unit, 3)


def describe(infraction: Infraction) -> str:
    """Say in a few words what happened, when and where."""
    is_collision = infraction.kind.startswith("collision")
    parts = [infraction.kind.replace("_", ": ", 1) if is_collision else infraction.kind.replace("_", " ")]
    if infraction.actor_id is not None:
        partner = f"actor {infraction.actor_id}" if is_collision else f"signal {infraction.actor_id}"
        parts.append(partner if infraction.actor_id else "the world")
    if infraction.impulse_ns is not None:
        parts.append(f"{infraction.impulse_ns:.0f} N s")
    if infraction.detail:
        parts.append(infraction.detail)
    parts.append(f"at {infraction.time_s:.2f} s, {infraction.s_m:.1f} m along the route")
    return ", ".join(parts)
