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
from waypilot.report.comparison_page import write_comparison
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
    parser.add_argument("--html", type=Path, metavar="PAGE", help="write a page of the comparison")
    options = parser.parse_args(arguments)
    try:
        comparison = compare_results(load_results(options.a), load_results(options.b))
        if options.output is not None:
            write_json_atomic(options.output, comparison_to_dict(comparison))
        if options.html is not None:
            write_comparison(comparison, options.html)
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
    """Make a table of all metrics that some pair has, for 80 columns."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
    for heading in ("metric", "A", "B", "B - A, 95 % interval", "verdict"):
        table.add_column(heading, justify="right" if heading in ("A", "B") else "left", overflow="fold")
    for d in differences:
        if d.difference is not None:
            interval = "" if d.low is None or d.high is None else f" [{d.low:+.3g}, {d.high:+.3g}]"
            table.add_row(
                d.name, f"{d.mean_a:.3g}", f"{d.mean_b:.3g}", f"{d.difference:+.3g}{interval}", d.verdict.value
            )
    return table


if __name__ == "__main__":
    sys.exit(main())
