"""A table of metrics of a base beside those of several trained seeds, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A metric of the base (or what else is compared with) beside several seeds: their mean, the difference, each.

    ``low`` and ``high`` bound the difference's 95 % interval. What is None could not be computed.
    """

    name: str
    base: float | None
    mean: float | None
    difference: float | None
    low: float | None
    high: float | None
    singles: Sequence[float]
    verdict: str


def seed_table(title: str, of: str, rows: Iterable[SeedRow], base: str = "base") -> Table:
    """Lay out rows; ``of`` names what was trained several times (seeds, heads), ``base`` what it is compared with."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for name in (base, of, "difference, 95 % interval", f"single {of}"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for row in rows:
        interval = "" if row.low is None or row.high is None else f" ({row.low:+.3g} to {row.high:+.3g})"
        change = "" if row.difference is None else f"{row.difference:+.3g}{interval}"
        singles = " ".join(_short(value) for value in row.singles)
        table.add_row(row.name, _short(row.base), _short(row.mean), change, singles, row.verdict)
    return table


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
