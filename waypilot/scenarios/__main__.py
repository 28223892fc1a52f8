"""``python -m waypilot.scenarios [SUITE_OR_FILE ...]``: lists scenarios, and checks a suite file of one's own.

Exit codes: 0 every suite could be read, 2 one could not.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from waypilot.scenarios import WEATHER_PRESETS, Scenario, ScenarioError, available_suites, load_suite

EXIT_USAGE = 2
_NAMES = {weather: name for name, weather in WEATHER_PRESETS.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """List the suites named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m waypilot.scenarios",
        description="List the scenarios of suites, and check suite files: what is wrong in one is said in a line.",
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE_OR_FILE", help="default: all that come with Waypilot")
    suites = parser.parse_args(arguments).suites or available_suites()
    console, errors, failed = Console(), Console(stderr=True), False
    for suite in suites:
        try:
            console.print(_table(suite, load_suite(suite)))
        except ScenarioError as error:
            errors.print(f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True)
            failed = True
    return EXIT_USAGE if failed else 0


def _table(suite: str, scenarios: Sequence[Scenario]) -> Table:
    table = Table(title=suite, title_justify="left", title_style="bold", box=box.SIMPLE)
    table.add_column("scenario", no_wrap=True)  # to be copied
    for column in ("map", "weather", "beeline", "speed", "runs", "what happens"):
        table.add_column(column)
    for scenario in scenarios:
        beeline_m = math.dist((scenario.start_pose.x_m, scenario.start_pose.y_m), scenario.goal_m)
        table.add_row(
            scenario.name,
            scenario.map,
            _NAMES.get(scenario.weather, "its own"),
            f"{beeline_m:.0f} m",
            f"{scenario.target_speed_mps:g} m/s",
            str(len(scenario.seeds) * scenario.repeats),
            ", ".join(_happenings(scenario)),
        )
    return table


def _happenings(scenario: Scenario) -> list[str]:
    happenings = [actor.name for actor in scenario.actors]
    if scenario.traffic is not None and scenario.traffic.vehicles:
        happenings.append(f"{scenario.traffic.vehicles} vehicles in traffic")
    if scenario.lights is not None:
        happenings.append("red lights")
    return [*happenings, *(fault.kind.value for fault in scenario.faults)]


if __name__ == "__main__":
    raise SystemExit(main())
