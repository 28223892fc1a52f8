"""The table of planned faults and what the stack did, from results of suite ``faults``.

``python -m waypilot.report.faults_table --out docs/results/faults.md out/in_process/results.json out/ros/results.json``
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from waypilot.config import ConfigError
from waypilot.files import write_text_atomic
from waypilot.metrics import Metric, ScenarioResult
from waypilot.report.results import Results, load_results

BEGIN, END = "<!-- table: written by python -m waypilot.report.faults_table -->", "<!-- end of table -->"
_COLUMNS = (
    "scenario",
    "loop",
    "fault",
    "safe stop after",
    "what was said",
    "stands after",
    "hardest braking",
    "drives on",
    "outcome",
)


def table(runs: Sequence[Results]) -> str:
    """Lay out the runs, those of one scenario under each other."""
    rows = [
        (names.index(result.scenario), number, _row(result, str(run.document["loop"])))
        for number, run in enumerate(runs)
        for names in [[entry.scenario for entry in runs[0].results]]
        for result in run.results
        if result.scenario in names
    ]
    return "\n".join([_line(_COLUMNS), "|" + "---|" * len(_COLUMNS), *(row for *_, row in sorted(rows))])


def _row(result: ScenarioResult, loop: str) -> str:
    reaction = result.metric("fault_reaction_time")
    recovered, recovery = result.metric("fault_recovered"), result.metric("fault_recovery_time")
    braking = result.metric("acceleration_longitudinal_min")
    after = f"after {recovery.value:.2f} s" if recovery.valid else "no" if recovered.valid else "-"
    cells = (
        result.scenario,
        loop.replace("_", " "),
        "; ".join(_fault_text(fault) for fault in cast(list[Mapping[str, Any]], result.definition["faults"])),
        _seconds(reaction, "none" if not result.crashed else "-"),
        _shortened(reaction.note) or "-",
        _seconds(result.metric("fault_standstill_time"), "-"),
        f"{braking.value:.1f} m/s2" if braking.valid else "-",
        after,
        result.status,
    )
    return _line(cells)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _fault_text(fault: Mapping[str, Any]) -> str:
    more = [f"{key} {fault[key]:g}" for key in ("delay_s", "share", "sigma") if fault[key] is not None]
    target = [fault["target"]] if fault["target"] else []
    until = "to the end" if fault["duration_s"] is None else f"for {fault['duration_s']:g} s"
    return ", ".join([fault["kind"], *target, *more, f"at {fault['start_s']:g} s {until}"])


def _seconds(metric: Metric, otherwise: str) -> str:
    return f"{metric.value:.2f} s" if metric.valid else otherwise


def _shortened(note: str) -> str:
    """Leave the numbers of single frames out: they differ from frame to frame."""
    parts = (re.sub(r"(absurd|stale) plan: .*", r"\1 plan", part) for part in note.split("; "))
    return "; ".join(dict.fromkeys(parts))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table into a page, between its two marks."""
    parser = argparse.ArgumentParser(description="write the table of faults and outcomes into a page")
    parser.add_argument("results", type=Path, nargs="+", help="results.json of suite faults, one per loop")
    parser.add_argument("--out", type=Path, required=True, help="page that holds the two marks of the table")
    options = parser.parse_args(arguments)
    try:
        text = table([load_results(path) for path in options.results])
        page = options.out.read_text(encoding="utf-8")
    except (OSError, ConfigError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if BEGIN not in page or END not in page:
        print(
            f"error: {options.out} lacks the lines {BEGIN!r} and {END!r}, between which the table goes", file=sys.stderr
        )
        return 2
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    write_text_atomic(options.out, f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
