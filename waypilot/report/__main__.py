"""``python -m waypilot.report RESULTS_JSON``: make the page or JUnit XML, or print a summary."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from waypilot.report.junit import write_junit
from waypilot.report.page import write_report
from waypilot.report.results import ResultsError, load_results
from waypilot.report.summary import print_summary


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when it did its work, 2 when the results cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m waypilot.report", description="Show the results of an evaluation.")
    parser.add_argument("results", type=Path, metavar="RESULTS_JSON", help="results.json of an evaluation")
    parser.add_argument("-o", "--output", type=Path, help="the page to write (default: report.html beside the results)")
    parser.add_argument("--summary", action="store_true", help="print a table instead of writing a page")
    parser.add_argument("--junit", type=Path, metavar="XML", help="write JUnit XML for a CI system instead of a page")
    options = parser.parse_args(arguments)
    try:
        if options.summary:
            print_summary(load_results(options.results), Console())
        elif options.junit is not None:
            write_junit(load_results(options.results), options.junit)
            sys.stdout.write(f"wrote {options.junit}\n")
        else:
            page = options.output or options.results.with_name("report.html")
            write_report(options.results, page)
            sys.stdout.write(f"wrote {page}\n")
    except (ResultsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
