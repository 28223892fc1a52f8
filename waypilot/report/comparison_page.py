"""The page of a comparison: verdicts, differences by theme, and both drives of a pair in one map."""

from __future__ import annotations

from pathlib import Path

from waypilot.files import write_text_atomic
from waypilot.metrics.paired import PairedDifference
from waypilot.metrics.themes import THEMES, theme_of
from waypilot.report import text
from waypilot.report.comparison import Comparison
from waypilot.report.page import MEDIA_BUDGET_BYTES, page_environment
from waypilot.report.results import SERIES_DIR
from waypilot.report.run_data import MediaBudget, run_data


def render_comparison(comparison: Comparison, page_folder: Path) -> str:
    """Make the page that will lie in ``page_folder``."""
    in_b = {result.key: result for result in comparison.b.results}
    shared = [(result, in_b[result.key]) for result in comparison.a.results if result.key in in_b]
    budget = MediaBudget(MEDIA_BUDGET_BYTES, page_folder)
    folders = [results.path.parent / SERIES_DIR for results in (comparison.a, comparison.b)]
    runs = [run_data(r, folder / r.key, budget) for pair in shared for r, folder in zip(pair, folders, strict=True)]
    environment = page_environment()
    environment.filters.update(plain=_plain, signed=_signed)
    return environment.get_template("comparison.html.j2").render(
        comparison=comparison, themes=_by_theme(comparison.differences), shared=shared, runs=runs
    )


def write_comparison(comparison: Comparison, page_path: Path) -> None:
    """Write the page to ``page_path``, atomically."""
    write_text_atomic(page_path, render_comparison(comparison, page_path.parent))


def _by_theme(differences: tuple[PairedDifference, ...]) -> list[tuple[str, list[PairedDifference]]]:
    groups: dict[str, list[PairedDifference]] = {theme.title: [] for theme in THEMES}
    for difference in differences:
        groups[theme_of(difference.name).title].append(difference)
    return [(title, found) for title, found in groups.items() if found]


def _plain(value: float | None, unit: str) -> str:
    """Write a mean; means of counts keep two decimals."""
    return text.MISSING if value is None else text.format_value(value, unit, 2 if unit == "1" else None)


def _signed(value: float | None, unit: str) -> str:
    written = _plain(value, unit)
    return f"+{written}" if value is not None and value > 0.0 else written
