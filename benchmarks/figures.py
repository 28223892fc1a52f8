"""A measured quantity, as every benchmark prints and returns it."""

from __future__ import annotations

import importlib
import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of several runs, and their range."""

    name: str
    unit: str
    median: float
    lowest: float
    highest: float
    runs: int

    @staticmethod
    def of(name: str, unit: str, values: Sequence[float]) -> Figure:
        """Sum up one value per run; raises ValueError (a StatisticsError) without any."""
        return Figure(name, unit, statistics.median(values), min(values), max(values), len(values))

    def __str__(self) -> str:
        spread = f"  ({_digits(self.lowest)} to {_digits(self.highest)} in {self.runs} runs)" if self.runs > 1 else ""
        return f"{self.name:<44}{_digits(self.median):>9} {self.unit}{spread}"


def show(figures: Sequence[Figure]) -> list[Figure]:
    """Print figures and hand them on."""
    print(*figures, sep="\n", flush=True)
    return list(figures)


def measure(name: str) -> list[Figure]:
    """Run the benchmark ``benchmarks.<name>`` with its default arguments in this process."""
    return list(importlib.import_module(f"benchmarks.{name}").main([]))


def machine() -> dict[str, object]:
    """Return what a figure depends on besides the code."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": platform.processor() or platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _digits(value: float) -> str:
    """Write three digits that count, without an exponent."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
