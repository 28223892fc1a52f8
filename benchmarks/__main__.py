"""Runs the benchmarks one after the other: ``python -m benchmarks [--only wire render] [--output FILE]``.

A benchmark is a module of this package with ``main(arguments)``, which prints its figures and returns them. Each runs
in a process of its own, so that none inherits the threads, caches or patched functions of another.
"""

from __future__ import annotations

import argparse
import ast
import json
import multiprocessing
import sys
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path

from benchmarks.figures import Figure, machine, measure
from waypilot.files import write_bytes_atomic

_HERE = Path(__file__).parent


def names() -> list[str]:
    """List the benchmarks; their modules are read, not imported, since some need libraries of their own."""
    found = [path for path in sorted(_HERE.glob("*.py")) if not path.name.startswith("_")]
    return [path.stem for path in found if _has_main(path)]


def run(name: str) -> list[Figure]:
    """Run one benchmark with its default arguments, in a new process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, name).result()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen benchmarks; return 1 when one of them failed, with the figures of the others kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Run benchmarks and print their figures.")
    parser.add_argument("--only", nargs="+", choices=names(), default=names(), metavar="NAME", help="run only these")
    parser.add_argument("--output", type=Path, metavar="JSON", help="write the figures there as well")
    options = parser.parse_args(arguments)
    results: dict[str, list[dict[str, object]]] = {}
    failed = []
    for name in options.only:
        print(f"\n== {name} ==", flush=True)
        try:
            results[name] = [asdict(figure) for figure in run(name)]
        except Exception:
            traceback.print_exc()
            failed.append(name)
    if options.output is not None:
        content = {"machine": machine(), "benchmarks": results}
        write_bytes_atomic(options.output, (json.dumps(content, indent=2) + "\n").encode())
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _has_main(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in ast.parse(path.read_text()).body)


if __name__ == "__main__":
    sys.exit(main())
