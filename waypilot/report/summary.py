"""The results as a plain table for the terminal, narrow enough for 80 columns."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from waypilot.metrics import ScenarioResult, aggregate
from waypilot.report.results import Results
from waypilot.report.text import MISSING, format_estimate, format_interval

# Heading with the unit, metric, decimals.
_COLUMNS = (
    ("route\n%", "route_completion", 1),
    ("score\n2.0", "driving_score_2_0", 1),
    ("score\n2.1", "driving_score_2_1", 1),
    ("hits\n", "collisions", 0),
    ("lines\n", "lane_invasions", 0),
    ("lateral m\nmean", "lateral_deviation_mean", 2),
    ("\nmax", "lateral_deviation_max", 2),
    ("time\ns", "duration", 1),
)
_STYLES = {"completed": "green", "failed": "yellow", "crashed": "red"}


def print_summary(results: Results, console: Console) -> None:
    """Print one line per run, why some did not complete, and the rates."""
    console.print(_table(results.results))
    console.print()
    for result in results.results:
        if not result.completed:
            console.print(Text(f"{result.title}: {result.status}"))
    summary = aggregate(results.results)
    rate = summary.success_rate
    lines = (
        f"{summary.completed} completed, {summary.failed} failed, {summary.crashed} crashed (not judged)",
        f"success rate {format_estimate(rate)} of {rate.n} judged; 95 % interval: {format_interval(rate)}",
    )
    for line in lines:
        console.print(Text(line))


def _table(results: tuple[ScenarioResult, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("scenario", no_wrap=True)
    table.add_column("seed", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for title, _, _ in _COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    for result in results:
        kind = result.status.split(":", 1)[0]
        numbers = (_number(result, name, decimals) for _, name, decimals in _COLUMNS)
        seed = f"{result.seed}.{result.repeat}" if result.repeat else str(result.seed)
        table.add_row(result.scenario, seed, Text(kind, style=_STYLES[kind]), *numbers)
    return table


def _number(result: ScenarioResult, name: str, decimals: int) -> str:
    value = result.metric(name).value
    return MISSING if value is None else f"{value:.{decimals}f}"
