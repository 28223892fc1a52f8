"""Command line: ``python -m waypilot.episodes check "out/episodes/**/*.json"``."""

from __future__ import annotations

import argparse
import sys

from waypilot.episodes import EpisodeError, check_episode, find_episodes


def main(argv: list[str] | None = None) -> int:
    """Check episodes; returns 0 when all are sound, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m waypilot.episodes", description="Work with recorded drives.")
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check episodes and their images")
    check.add_argument("glob", help='pattern of episode files, for example "out/episodes/**/*.json"')
    arguments = parser.parse_args(argv)
    try:
        paths = find_episodes(arguments.glob)
    except EpisodeError as error:
        print(error, file=sys.stderr)
        return 1
    broken = 0
    for path in paths:
        problems = check_episode(path)
        broken += bool(problems)
        for problem in problems:
            print(problem, file=sys.stderr)
    print(f"{len(paths)} episodes checked, {broken} with problems")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
