"""``python -m waypilot.bags info BAG``, ``python -m waypilot.bags repair BAG NEW_BAG``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from waypilot.bags.bag import Bag
from waypilot.bags.topic import BagError
from waypilot.bags.writer import BagWriter


def repair(source: Path, target: Path, storage: str) -> list[str]:
    """Copy what can be read of a bag into a new, complete one; return what could not be. Raises BagError."""
    with Bag(source) as bag, BagWriter(target, storage) as writer:
        for topic in bag.topics.values():
            writer.add_topic(topic)
        for message in bag.messages():
            writer.write(message.topic, message.time_ns, message.data)
        return bag.problems


def describe(path: Path) -> list[str]:
    """List a bag's topics and what is wrong with it. Raises BagError."""
    with Bag(path) as bag:
        lines = [f"{topic.count!s:>8}  {topic.name}  {topic.type}" for topic in bag.topics.values()]
        return [*sorted(lines, key=lambda line: line[10:]), *(f"problem: {problem}" for problem in bag.problems)]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0, or 1 when the bag cannot be read at all."""
    parser = argparse.ArgumentParser(prog="python -m waypilot.bags", description="Look into bags and repair them.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="list topics and problems").add_argument("bag", type=Path)
    repairing = commands.add_parser("repair", help="copy what can be read of a damaged bag into a new one")
    repairing.add_argument("bag", type=Path)
    repairing.add_argument("new_bag", type=Path)
    repairing.add_argument("--storage", choices=("mcap", "sqlite3"), default="mcap", help="default: %(default)s")
    options = parser.parse_args(argv)
    try:
        if options.command == "info":
            print("\n".join(describe(options.bag)))
        else:
            problems = repair(options.bag, options.new_bag, options.storage)
            print("\n".join([*(f"left out: {problem}" for problem in problems), f"written: {options.new_bag}"]))
    except (BagError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
