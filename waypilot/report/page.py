"""One self-contained HTML page from a results file: script and style are inside, nothing is loaded from the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from waypilot.files import write_text_atomic
from waypilot.metrics import Estimate, aggregate
from waypilot.metrics.themes import THEMES, theme_of
from waypilot.report import text
from waypilot.report.results import SERIES_DIR, load_results
from waypilot.report.run_data import MediaBudget, run_data, status_style

MEDIA_BUDGET_BYTES = 24_000_000
"""Videos and pictures up to this size are inside the page; those beyond it are read from the files beside it."""

# Heading and metric of the columns in the table of runs.
OVERVIEW = (
    ("route", "route_completion"),
    ("score 2.0", "driving_score_2_0"),
    ("score 2.1", "driving_score_2_1"),
    ("collisions", "collisions"),
    ("lane invasions", "lane_invasions"),
    ("lateral mean", "lateral_deviation_mean"),
    ("lateral max", "lateral_deviation_max"),
    ("tracking", "tracking_error_mean"),
    ("speed", "speed_mean"),
    ("time", "duration"),
)


def render(results_path: Path, page_folder: Path | None = None) -> str:
    """Make the page; ``page_folder`` is where it will lie (default: beside the results).

    Raises ResultsError when the results cannot be read.
    """
    results = load_results(results_path)
    summary = aggregate(results.results)
    budget = MediaBudget(MEDIA_BUDGET_BYTES, page_folder or results_path.parent)
    runs = [run_data(r, results_path.parent / SERIES_DIR / r.key, budget) for r in results.results]
    return (
        page_environment()
        .get_template("page.html.j2")
        .render(
            document=results.document,
            planned=len(cast(Sequence[object], results.document["jobs"])),
            summary=summary,
            score=next((e for e in summary.metrics if e.name == "driving_score_2_1"), None),
            estimates=_by_theme((summary.completion_rate, summary.success_rate, *summary.metrics)),
            overview=OVERVIEW,
            results=results.results,
            runs=runs,
            linked=budget.linked,
            budget_mb=MEDIA_BUDGET_BYTES // 1_000_000,
        )
    )


def write_report(results_path: Path, page_path: Path) -> None:
    """Write the page of ``results_path`` to ``page_path``, atomically."""
    write_text_atomic(page_path, render(results_path, page_path.parent))


def page_environment() -> Environment:
    """Make the environment of the page templates: they escape what they show and refuse unknown names."""
    environment = Environment(
        loader=PackageLoader("waypilot.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        title_of=text.title_of,
        metric=text.format_metric,
        estimate=text.format_estimate,
        interval=text.format_interval,
        spread=text.format_spread,
        range=text.format_range,
        style=status_style,
    )
    return environment


def _by_theme(estimates: Sequence[Estimate]) -> list[tuple[str, list[Estimate]]]:
    groups: dict[str, list[Estimate]] = {theme.title: [] for theme in THEMES}
    for estimate in estimates:
        groups[theme_of(estimate.name).title].append(estimate)
    return [(title, found) for title, found in groups.items() if found]
