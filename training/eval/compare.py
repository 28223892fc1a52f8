"""Compare two evaluations run by run: ``python -m training.eval.compare A/results.json B/results.json``.

Paired by scenario, seed and repeat; see docs/comparison.md for the statistics and the rules of what may be compared.
Exit codes: 0 B is better, 2 the files or the command line cannot be used, 3 A is better, 4 cannot tell (or equal).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from waypilot.files import write_json_atomic
from waypilot.metrics.paired import PairedDifference, Verdict
from waypilot.report.comparison import (
    DECIDING_METRIC,
    Comparison,
    NotComparableError,
    compare_results,
    comparison_to_dict,
)
from waypilot.report.results import ResultsError, load_results
from waypilot.report.text import title_of

EXIT_B_BETTER, EXIT_UNUSABLE, EXIT_A_BETTER, EXIT_CANNOT_TELL = 0, 2, 3, 4
_EXITS = {Verdict.B_BETTER: EXIT_B_BETTER, Verdict.A_BETTER: EXIT_A_BETTER}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; returns the exit code that the module's text lists."""
    parser = argparse.ArgumentParser(
        prog="python -m training.eval.compare", description="Compare two closed-loop evaluations run by run."
    )
    parser.add_argument("a", type=Path, metavar="A", help="results.json that B is compared with")
    parser.add_argument("b", type=Path, metavar="B", help="results.json of the newer policy")
    parser.add_argument("--output", type=Path, metavar="JSON", help="write the comparison here, too")
    options = parser.parse_args(arguments)
    try:
        comparison = compare_results(load_results(options.a), load_results(options.b))
        if options.output is not None:
            write_json_atomic(options.output, comparison_to_dict(comparison))
    except (NotComparableError, ResultsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNUSABLE
    _print(comparison, Console())
    return _EXITS.get(comparison.deciding.verdict, EXIT_CANNOT_TELL)


def _print(comparison: Comparison, console: Console) -> None:
    console.print(_table(comparison.differences))
    for warning in comparison.warnings:
        console.print(f"note: {warning}", markup=False)
    console.print(f"{len(comparison.pairs)} pairs; " + "; ".join(_left_out(comparison)), markup=False)
    console.print(f"by {title_of(DECIDING_METRIC)}: {comparison.deciding.text}", markup=False, highlight=False)


def _left_out(comparison: Comparison) -> list[str]:
    groups = (("crashed", comparison.crashed), ("in one file only", comparison.unpaired))
    told = [
        f"{side}: {len(keys)} {what} ({', '.join(keys)})"
        for what, sides in groups
        for side, keys in sides.items()
        if keys
    ]
    return told or ["no run is left out"]


def _table(differences: Sequence[PairedDifference]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("metric", "unit", "A", "B", "B - A", "95 % interval", "P(improved)"):
        table.add_column(heading, justify="left" if heading in ("metric", "unit") else "right", no_wrap=True)
    table.add_column("verdict")
    for d in differences:
        interval = "" if d.low is None or d.high is None else f"{d.low:+.3g} to {d.high:+.3g}"
        improved = "" if d.improved is None else f"{d.improved:.2f}"
        numbers = ("" if value is None else f"{value:.4g}" for value in (d.mean_a, d.mean_b, d.difference))
        table.add_row(d.name, d.unit, *numbers, interval, improved, d.text)
    return table


if __name__ == "__main__":
    sys.exit(main())
