"""Compiling ahead of the first start, with word of how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def run_steps(steps: Mapping[str, Callable[[], object]], console: Console) -> None:
    """Run ``steps`` in order, a line for each: its name before, its time after; on a terminal with a bar meanwhile."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("compiling", total=len(steps))
        for number, (name, step) in enumerate(steps.items(), start=1):
            title, begin_s = f"{number}/{len(steps)} {name}: ", time.monotonic()
            if console.is_terminal:
                progress.update(bar, description=name)
            else:
                console.print(title, end="", highlight=False, markup=False)
                console.file.flush()
            step()
            told = f"{time.monotonic() - begin_s:.1f} s"
            console.print(title + told if console.is_terminal else told, highlight=False, markup=False)
            progress.advance(bar)
