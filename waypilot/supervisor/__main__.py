"""Command line: ``python -m waypilot.supervisor launch/stack.yaml [name:=value ...]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from waypilot.report.writer import Earlier
from waypilot.supervisor.become import become, find_process
from waypilot.supervisor.life import BAD_ARGUMENTS_EXIT_CODE, CRASHED_EXIT_CODE, run_evaluation, run_unjudged
from waypilot.supervisor.record import RECORDS, keeps_record
from waypilot.supervisor.resolve import resolve
from waypilot.supervisor.table import StackTable, TableError, load_table, split_overrides
from waypilot.supervisor.workers import run_workers


def main(words: list[str] | None = None) -> int:
    """Run a node table; returns the exit code of the run (2: table, arguments or a file they name are wrong)."""
    options = _parser().parse_intermixed_args(words)
    try:
        table = load_table(options.table)
        if options.show_args:
            print(_describe(table))
            return 0
        values = table.values(split_overrides(options.arguments))
        if options.only:
            become(find_process(table.processes(resolve(values)), options.only))
        _check(options)
        if not keeps_record(table.processes(resolve(values))):
            return run_unjudged(table, values, _print)
        earlier = Earlier.RESUME if options.resume else RECORDS[str(values["record"])]
        if options.workers > 1:
            return run_workers(options.table, values, earlier, options.workers, options.retries)
        return run_evaluation(table, values, earlier, options.retries, _print)
    except TableError as error:
        return _fail(error, BAD_ARGUMENTS_EXIT_CODE)
    except OSError as error:  # what cannot be read was told as TableError: something cannot be written or started
        return _fail(error, CRASHED_EXIT_CODE)


def _fail(error: Exception, exit_code: int) -> int:
    print(f"waypilot.supervisor: {error}", file=sys.stderr)
    return exit_code


def _check(options: argparse.Namespace) -> None:
    for name, least in (("workers", 1), ("retries", 0)):
        if getattr(options, name) < least:
            raise TableError(f"--{name} is {getattr(options, name)}, give {least} or more")


def _print(line: str) -> None:
    print(line, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m waypilot.supervisor",
        description="Run a node table as plain processes; they all end together.",
        epilog="Exit codes: 0 every run was driven, 1 something crashed or the record could not be written, "
        "2 wrong arguments.",
    )
    parser.add_argument("table", type=Path, help="the node table, launch/stack.yaml")
    parser.add_argument("arguments", nargs="*", metavar="name:=value", help="arguments of the table")
    parser.add_argument("--only", metavar="PROCESS", help="become this one process of the table: for containers")
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="stacks side by side, each with its simulator"
    )
    parser.add_argument("--resume", action="store_true", help="drive what an earlier evaluation in the folder did not")
    parser.add_argument("--retries", type=int, default=1, metavar="N", help="of a run that broke with the stack")
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
