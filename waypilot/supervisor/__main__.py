"""Command line: ``python -m waypilot.supervisor launch/stack.yaml [name:=value ...]``."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from waypilot.supervisor.become import become, find_process
from waypilot.supervisor.record import RunRecord
from waypilot.supervisor.reserve import claim_domain
from waypilot.supervisor.resolve import AUTOMATIC, resolve
from waypilot.supervisor.runner import Supervisor
from waypilot.supervisor.table import Scalar, StackTable, TableError, load_table, split_overrides

BAD_ARGUMENTS_EXIT_CODE = 2


def main(words: list[str] | None = None) -> int:
    """Run a node table; returns the exit code of the run (2: the table or the arguments are wrong)."""
    options = _parser().parse_intermixed_args(words)
    try:
        table = load_table(options.table)
        if options.show_args:
            print(_describe(table))
            return 0
        values = resolve(table.values(split_overrides(options.arguments)))
        if options.only:
            become(find_process(table.processes(values), options.only))
        return _run(table, values)
    except (TableError, OSError) as error:
        print(f"waypilot.supervisor: {error}", file=sys.stderr)
        return BAD_ARGUMENTS_EXIT_CODE


def _run(table: StackTable, values: dict[str, Scalar]) -> int:
    wanted = str(values["domain_id"])
    claim = None
    if wanted == AUTOMATIC:
        claim = claim_domain(int(os.environ.get("ROS_DOMAIN_ID", "1")))
        wanted = str(claim.domain_id)
    try:
        specs = table.processes(values)
        output_dir = Path(str(values["output_dir"]))
        output_dir.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "ROS_DOMAIN_ID": wanted, "ROS_LOG_DIR": str(output_dir / "logs" / "ros")}
        environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        environment["PYTHONUNBUFFERED"] = "1"
        record = RunRecord(values)
        try:
            return Supervisor(specs, output_dir, environment, report=_print).run()
        finally:
            record.complete()
    finally:
        if claim is not None:
            claim.release()


def _print(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m waypilot.supervisor",
        description="Run a node table as plain processes; they all end together.",
        epilog="Exit codes: that of the evaluator (0 every scenario ran, 1 something crashed), 2 wrong arguments.",
    )
    parser.add_argument("table", type=Path, help="the node table, launch/stack.yaml")
    parser.add_argument("arguments", nargs="*", metavar="name:=value", help="arguments of the table")
    parser.add_argument("--only", metavar="PROCESS", help="become this one process of the table: for containers")
    parser.add_argument("--show-args", action="store_true", help="list the arguments of the table and exit")
    return parser


def _describe(table: StackTable) -> str:
    lines = []
    for argument in table.arguments.values():
        choices = f" one of {', '.join(argument.choices)};" if argument.choices else ""
        lines.append(f"{argument.name}:={argument.default}\n    {argument.help};{choices}".rstrip(";"))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
