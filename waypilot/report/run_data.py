"""What the page's script gets to show of one run, as JSON-ready values."""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from waypilot.metrics import Infraction, Metric, ScenarioResult, Series
from waypilot.metrics.themes import THEMES, theme_of
from waypilot.report import text
from waypilot.report.video import VIDEO_NAME

MAX_POINTS = 1200
MAX_PICTURES = 8
_SHOWN_COLUMNS = ("time_s", "x_m", "y_m", "yaw_rad", "speed_mps", "lateral_m", "steer", "throttle", "brake")


@dataclass(slots=True)
class MediaBudget:
    """How many bytes of videos and pictures still fit into the page; what does not fit is linked to instead."""

    left_bytes: int
    page_folder: Path
    linked: int = 0

    def url(self, path: Path, kind: str) -> str:
        """Return a data URL, or a relative link to the file beside the page once the budget is spent."""
        size = path.stat().st_size
        if size > self.left_bytes:
            self.linked += 1
            return quote(Path(os.path.relpath(path, self.page_folder)).as_posix())
        self.left_bytes -= size
        return f"data:{kind};base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def run_data(result: ScenarioResult, folder: Path, budget: MediaBudget) -> dict[str, object]:
    """Gather all that is shown of a run; ``folder`` holds its pictures and its video, if there are any."""
    video = folder / VIDEO_NAME
    return {
        "key": result.key,
        "title": result.title,
        "status": result.status,
        "style": status_style(result),
        "notes": list(result.notes),
        "infractions": [_infraction(infraction) for infraction in result.infractions],
        "series": None if result.series is None else series_data(result.series),
        "latency_ms": _latency(result.wall_clock),
        "themes": [[title, [_metric(m) for m in metrics]] for title, metrics in by_theme(result.metrics)],
        "video": budget.url(video, "video/webm") if video.is_file() else None,
        "pictures": [[path.stem, budget.url(path, "image/jpeg")] for path in _pictures(folder)],
    }


def series_data(series: Series) -> dict[str, object]:
    """Thin a series out to at most 1200 points of what is drawn; the last frame always stays."""
    count = len(series.columns["time_s"])
    step = max(math.ceil(count / MAX_POINTS), 1)
    chosen = [*range(0, max(count - 1, 0), step), count - 1] if count else []
    columns = {
        name: [None if column[i] is None else round(column[i] or 0.0, 3) for i in chosen]
        for name in _SHOWN_COLUMNS
        for column in (series.columns[name],)
    }
    return {**columns, "route_m": [[round(x, 2), round(y, 2)] for x, y in series.route_m]}


def by_theme(metrics: Sequence[Metric]) -> list[tuple[str, list[Metric]]]:
    """Group metrics by theme, in the table's order; themes without metrics are left out."""
    groups: dict[str, list[Metric]] = {theme.title: [] for theme in THEMES}
    for metric in metrics:
        groups[theme_of(metric.name).title].append(metric)
    return [(title, found) for title, found in groups.items() if found]


def status_style(result: ScenarioResult) -> str:
    """Return the status without its reason: ``completed``, ``failed`` or ``crashed``."""
    return result.status.split(":", 1)[0]


def _infraction(infraction: Infraction) -> dict[str, object]:
    is_collision = infraction.kind.startswith("collision")
    return {
        "style": "collision" if is_collision else "other",
        "time_s": round(infraction.time_s, 3),
        "x_m": round(infraction.x_m, 3),
        "y_m": round(infraction.y_m, 3),
        "text": text.describe(infraction),
    }


def _metric(metric: Metric) -> list[object]:
    return [text.title_of(metric.name), text.format_metric(metric), metric.reason or metric.note, metric.valid]


def _latency(wall_clock: Mapping[str, object]) -> list[list[object]]:
    stages = wall_clock.get("per_frame_ms")
    if not isinstance(stages, Mapping):
        return []
    return [[name, ms] for name, ms in stages.items() if isinstance(ms, int | float)]


def _pictures(folder: Path) -> list[Path]:
    """Choose up to eight JPEG files, evenly spread over all there are in order of names."""
    paths = sorted(folder.glob("*.jpg"))
    count = min(len(paths), MAX_PICTURES)
    return [paths[index * (len(paths) - 1) // max(count - 1, 1)] for index in range(count)]
