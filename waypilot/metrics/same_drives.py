"""Which runs are one drive seen several times: equal to the last digit, so they are no further evidence.

In lock step on a simulator that repeats itself all repeats of a seed are, and all seeds of a scenario in which a seed
changes nothing. Where chance takes part no two drives agree in all metrics.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from waypilot.metrics.result import ScenarioResult


def drive_of(result: ScenarioResult) -> Hashable:
    """Return what equal drives have in common: everything that was judged, but not seed, repeat, notes and clock."""
    return result.scenario, result.status, result.metrics, result.infractions


def distinct_drives(results: Iterable[ScenarioResult]) -> list[ScenarioResult]:
    """Keep the first run of each drive, in order."""
    return list({drive_of(result): result for result in reversed(list(results))}.values())[::-1]
