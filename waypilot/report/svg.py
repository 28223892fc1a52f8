"""Small plots as inline SVG.

Colours come from the page's style sheet; coordinates are rounded, so equal data give equal text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from waypilot.metrics import Infraction, Series
from waypilot.report.text import describe

CHART_WIDTH = 460.0
CHART_HEIGHT = 170.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 10.0, 26.0
TICKS = 5

MAP_WIDTH = 960.0
MAP_MARGIN_M = 12.0


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a chart; ``style`` is a class of the page's style sheet. None in ``values`` is a gap."""

    label: str
    style: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear map from data in [low, high] to pixels in [start, end], with round tick values."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Map a data value to a pixel."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return multiples of the step within the range."""
        step = nice_step((self.high - self.low) / TICKS)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def nice_step(rough: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below ``rough`` (positive)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= rough * (1.0 - 1e-9))


def time_chart(title: str, time_s: Sequence[float], lines: Sequence[Line], infractions: Sequence[Infraction]) -> str:
    """Plot curves over time in seconds, with a vertical mark at each infraction.

    Returns empty text when there are fewer than two frames or no value at all.
    """
    values = [value for line in lines for value in line.values if value is not None]
    if len(time_s) < 2 or not values:
        return ""
    x = Scale(time_s[0], time_s[-1], LEFT, CHART_WIDTH - RIGHT)
    y = _value_scale(values)
    marks = "".join(_time_mark(x, infraction) for infraction in infractions)
    curves = "".join(f'<path class="{line.style}" d="{_path(time_s, line.values, x, y)}"/>' for line in lines)
    return (
        f'<svg class="chart" viewBox="0 0 {CHART_WIDTH:g} {CHART_HEIGHT:g}" role="img" aria-label="{escape(title)}">'
        f"{_grid(x, y)}{marks}{curves}</svg>"
    )


def map_plot(series: Series, infractions: Sequence[Infraction]) -> str:
    """Plot the route, the driven path and the infractions, north up, with a scale bar."""
    driven = [
        (x, y)
        for x, y in zip(series.columns["x_m"], series.columns["y_m"], strict=True)
        if x is not None and y is not None
    ]
    points = [*series.route_m, *driven]
    west, east = _bounds([point[0] for point in points])
    south, north = _bounds([point[1] for point in points])
    # Tall maps are drawn narrower, so that none is higher than it is wide.
    scale = MAP_WIDTH / max(east - west, north - south)
    width, height = scale * (east - west), scale * (north - south)
    x, y = Scale(west, east, 0.0, width), Scale(south, north, height, 0.0)
    marks = "".join(_place_mark(x, y, infraction) for infraction in infractions)
    return (
        f'<svg class="map" viewBox="0 0 {width:.1f} {height:.1f}" role="img" aria-label="route and driven path">'
        f'<polyline class="route" stroke-width="{3.5 * scale:.2f}" points="{_points(series.route_m, x, y)}"/>'
        f'<polyline class="route-middle" points="{_points(series.route_m, x, y)}"/>'
        f'<polyline class="driven" points="{_points(driven, x, y)}"/>'
        f"{_dot(series.route_m[0], x, y, 'start', 'start')}{_dot(series.route_m[-1], x, y, 'goal', 'goal')}"
        f"{_end_mark(driven[-1], x, y)}"
        f"{marks}{_scale_bar(scale, height)}</svg>"
    )


def _value_scale(values: Sequence[float]) -> Scale:
    low, high = min(0.0, *values), max(0.0, *values)
    margin = 0.08 * (high - low) if high > low else 0.5
    low = low - margin if low < 0.0 or high == low else low
    high = high + margin if high > 0.0 or high == low else high
    return Scale(low, high, CHART_HEIGHT - BOTTOM, TOP)


def _grid(x: Scale, y: Scale) -> str:
    parts = []
    for tick in y.ticks():
        at = y(tick)
        style = "zero" if tick == 0.0 else "grid"
        parts.append(f'<line class="{style}" x1="{x.start:g}" x2="{x.end:g}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{x.start - 6:g}" y="{at + 3.5:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x.ticks():
        label = f"{tick:g} s" if tick == x.ticks()[-1] else f"{tick:g}"
        parts.append(
            f'<text class="tick" x="{x(tick):.1f}" y="{CHART_HEIGHT - 8:g}" text-anchor="middle">{label}</text>'
        )
    return "".join(parts)


def _path(time_s: Sequence[float], values: Sequence[float | None], x: Scale, y: Scale) -> str:
    commands, pen_down = [], False
    for time, value in zip(time_s, values, strict=True):
        if value is not None:
            commands.append(f"{'L' if pen_down else 'M'}{x(time):.1f} {y(value):.1f}")
        pen_down = value is not None
    return "".join(commands)


def _time_mark(x: Scale, infraction: Infraction) -> str:
    at = x(infraction.time_s)
    return (
        f'<line class="mark {mark_style(infraction)}" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP:g}" '
        f'y2="{CHART_HEIGHT - BOTTOM:g}"><title>{escape(describe(infraction))}</title></line>'
    )


def _place_mark(x: Scale, y: Scale, infraction: Infraction) -> str:
    px, py = x(infraction.x_m), y(infraction.y_m)
    return (
        f'<path class="mark {mark_style(infraction)}" d="M{px - 7:.1f} {py - 7:.1f}l14 14m0 -14l-14 14">'
        f"<title>{escape(describe(infraction))}</title></path>"
    )


def mark_style(infraction: Infraction) -> str:
    """Return the style class of an infraction's mark: collisions stand out from lane invasions."""
    return "collision" if infraction.kind.startswith("collision") else "invasion"


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    return min(values) - MAP_MARGIN_M, max(values) + MAP_MARGIN_M


def _points(points: Sequence[tuple[float, float]], x: Scale, y: Scale) -> str:
    return " ".join(f"{x(px):.1f},{y(py):.1f}" for px, py in points)


def _dot(point: tuple[float, float], x: Scale, y: Scale, style: str, label: str) -> str:
    px, py = x(point[0]), y(point[1])
    return (
        f'<circle class="{style}" cx="{px:.1f}" cy="{py:.1f}" r="6"/>'
        f'<text class="label" x="{px:.1f}" y="{py - 14:.1f}" text-anchor="middle">{label}</text>'
    )


def _end_mark(point: tuple[float, float], x: Scale, y: Scale) -> str:
    return f'<circle class="end" cx="{x(point[0]):.1f}" cy="{y(point[1]):.1f}" r="5"><title>last frame</title></circle>'


def _scale_bar(pixels_per_m: float, height: float) -> str:
    length_m = nice_step(80.0 / pixels_per_m)
    y, end = height - 12.0, 12.0 + length_m * pixels_per_m
    return (
        f'<path class="scale" d="M12 {y - 4:.1f}v4H{end:.1f}v-4"/>'
        f'<text class="tick" x="{end + 6:.1f}" y="{y + 1:.1f}">{length_m:g} m</text>'
    )
