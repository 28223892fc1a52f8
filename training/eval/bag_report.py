"""The page of an open-loop evaluation on a bag: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from waypilot.files import write_text_atomic
from waypilot.report.page import page_environment

GROUPS = {"all": "All frames", "by_command": "By route command", "by_speed": "By speed"}


def render_bag_report(document: Mapping[str, Any]) -> str:
    """Make the page of what ``metrics.json`` holds."""
    tables = [(result, _groups(result)) for result in document["results"]]
    return page_environment().get_template("bag_evaluation.html.j2").render(document=document, tables=tables)


def write_bag_report(document: Mapping[str, Any], path: Path) -> None:
    """Write the page, atomically."""
    write_text_atomic(path, render_bag_report(document))


def _groups(result: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str, Mapping[str, Any]]]]]:
    """List tables by title, with rows of group, horizon and values."""
    found = []
    for key, title in GROUPS.items():
        members = {"all": result.get(key, {})} if key == "all" else result.get(key, {})
        rows = [(name, horizon, row) for name, by in members.items() for horizon, row in by.items()]
        if rows:
            found.append((title, rows))
    return found
