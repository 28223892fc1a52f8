"""One self-contained HTML page from a results file: everything is inside, nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from waypilot.files import write_text_atomic
from waypilot.metrics import ScenarioResult, Series, aggregate
from waypilot.report import text
from waypilot.report.results import SERIES_DIR, Results, load_results
from waypilot.report.svg import Line, map_plot, mark_style, time_chart

MAX_PICTURES = 8

# Heading and metric of the columns in the overview table.
OVERVIEW = (
    ("route", "route_completion"),
    ("score, rules 2.0", "driving_score_2_0"),
    ("score, rules 2.1", "driving_score_2_1"),
    ("collisions", "collisions"),
    ("lane invasions", "lane_invasions"),
    ("lateral, mean", "lateral_deviation_mean"),
    ("lateral, largest", "lateral_deviation_max"),
    ("tracking error", "tracking_error_mean"),
    ("speed, mean", "speed_mean"),
    ("time", "duration"),
)

# Title, and for each curve: label, style, column of the series.
CHARTS = (
    ("Speed (m/s)", (("speed", "line-a", "speed_mps"),)),
    ("Lateral deviation (m, left of the route is positive)", (("lateral deviation", "line-a", "lateral_m"),)),
    ("Steering (-1 to 1, right is positive)", (("steering", "line-a", "steer"),)),
    ("Pedals (0 to 1)", (("throttle", "line-b", "throttle"), ("brake", "line-c", "brake"))),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A camera image of a run, as a data URL."""

    name: str
    data_url: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A titled plot; ``svg`` is empty when there is nothing to plot."""

    title: str
    svg: Markup
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """What the page shows of one run."""

    result: ScenarioResult
    map_svg: Markup
    charts: tuple[Chart, ...]
    pictures: tuple[Picture, ...]

    @property
    def style(self) -> str:
        """The status without its reason: ``completed``, ``failed`` or ``crashed``."""
        return self.result.status.split(":", 1)[0]


def render(results_path: Path) -> str:
    """Make the page. Raises ResultsError when the results cannot be read."""
    results = load_results(results_path)
    summary = aggregate(results.results)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            document=results.document,
            planned=len(cast(Sequence[object], results.document["jobs"])),
            summary=summary,
            estimates=(summary.completion_rate, summary.success_rate, *summary.metrics),
            overview=OVERVIEW,
            runs=[_view(results, result) for result in results.results],
        )
    )


def write_report(results_path: Path, page_path: Path) -> None:
    """Write the page of ``results_path`` to ``page_path``, atomically."""
    write_text_atomic(page_path, render(results_path))


def _environment() -> Environment:
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
        describe=text.describe,
        mark_style=mark_style,
    )
    return environment


def _view(results: Results, result: ScenarioResult) -> RunView:
    series = result.series
    return RunView(
        result=result,
        # The plots escape their own text.
        map_svg=Markup("" if series is None else map_plot(series, result.infractions)),
        charts=() if series is None else _charts(series, result),
        pictures=_pictures(results.path.parent / SERIES_DIR / result.key),
    )


def _charts(series: Series, result: ScenarioResult) -> tuple[Chart, ...]:
    time_s = [time for time in series.columns["time_s"] if time is not None]
    charts = []
    for title, curves in CHARTS:
        lines = tuple(Line(label, style, series.columns[column]) for label, style, column in curves)
        charts.append(Chart(title, Markup(time_chart(title, time_s, lines, result.infractions)), lines))
    return tuple(charts)


def _pictures(folder: Path) -> tuple[Picture, ...]:
    """Embed up to eight JPEG files, evenly spread over all there are in order of names."""
    paths = sorted(folder.glob("*.jpg"))
    count = min(len(paths), MAX_PICTURES)
    chosen = [paths[index * (len(paths) - 1) // max(count - 1, 1)] for index in range(count)]
    return tuple(Picture(path.stem, _data_url(path)) for path in chosen)


def _data_url(path: Path) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
