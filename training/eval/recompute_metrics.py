"""Judge recorded drives again, from their bag alone, and compare with what was published.

    python -m training.eval.recompute_metrics --bag out/closed_loop/bags/turn_clear_seed0 [--output results.json]

Exit codes: 0 every drive was judged and agrees with the published result (or none was recorded), 1 one differs or could
not be judged, 2 no drive, the bag cannot be read, or ``--output`` cannot be written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from waypilot.bags import Bag, BagError
from waypilot.bags.drives import recorded_drives
from waypilot.bags.recorded_drive import SETUP, RecordedDrive
from waypilot.files import write_json_atomic
from waypilot.metrics import result_to_dict

FORMAT = "waypilot.recomputed/1"


def recompute(bag: Bag) -> list[dict[str, Any]]:
    """Judge every drive of a bag.

    Each entry has ``scenario``, ``seed``, ``driver``, the ``result`` (as in results.json; None when it cannot be
    judged, ``problem`` says why), ``differences`` to the published result (None when none was recorded), and what is
    ``missing`` of what the bridge said it published. A drive whose set-up cannot be used has the names that were
    published with its result.
    """
    return [_judge(drive) for drive in recorded_drives(bag)]


def differences(ours: Any, published: Any, where: str = "") -> list[str]:
    """List the places where two results differ, to the last digit."""
    if isinstance(ours, dict) and isinstance(published, dict):
        keys = sorted({*ours, *published})
        return [d for key in keys for d in differences(ours.get(key), published.get(key), f"{where}.{key}")]
    if isinstance(ours, list) and isinstance(published, list) and len(ours) == len(published):
        return [
            d for i, pair in enumerate(zip(ours, published, strict=True)) for d in differences(*pair, f"{where}[{i}]")
        ]
    return [] if ours == published else [f"{where.lstrip('.')}: {_short(ours)}, published {_short(published)}"]


def _judge(drive: RecordedDrive) -> dict[str, Any]:
    entry = _about(drive)
    judge = drive.judge
    if judge is None:
        return entry | {"problem": drive.problem}
    if judge.termination is None:
        return entry | {"problem": "the recording ends before the drive does"}
    try:
        # Through JSON and back, as the published one went: floats come out as they went in.
        entry["result"] = json.loads(json.dumps(result_to_dict(judge.result())))
    except ValueError as error:
        return entry | {"problem": f"what was recorded cannot be judged: {error}"}
    if drive.published is not None:
        entry["differences"] = differences(entry["result"], drive.published)
    return entry | {"problem": ""}


def _about(drive: RecordedDrive) -> dict[str, Any]:
    judge, published = drive.judge, drive.published or {}
    missing = "the bridge's counts"
    if drive.promise is not None:
        missing = "" if judge is None else judge.missing(drive.promise)
    return {
        "scenario": judge.scenario.name if judge is not None else str(published.get("scenario", "unknown scenario")),
        "seed": judge.seed if judge is not None else published.get("seed"),
        "driver": drive.driver,
        "missing": missing,
        "unusable": dict(drive.unusable),
        "dropped": drive.dropped,
        "undecided": drive.undecided,
        "result": None,
        "differences": None,
    }


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _words(entry: dict[str, Any]) -> str:
    where = f"{entry['scenario']}, seed {entry['seed']}"
    if entry["problem"]:
        return "\n".join([f"{where}: not judged: {entry['problem']}", *_left_out(entry)])
    found = entry["differences"]
    agreement = "no published result" if found is None else "as published" if not found else f"{len(found)} differences"
    lines = [f"{where}: {entry['result']['status']}; {agreement}", *(f"  {text}" for text in (found or ())[:10])]
    missing = [f"  missing: {entry['missing']}"] if entry["missing"] else []
    return "\n".join([*lines, *missing, *_left_out(entry)])


def _left_out(entry: dict[str, Any]) -> list[str]:
    lines = [f"  unusable: {count} messages on {topic}" for topic, count in sorted(entry["unusable"].items())]
    if entry["dropped"]:
        lines.append(f"  left out: {entry['dropped']} messages that came too long before the set-up of their drive")
    if entry["undecided"]:
        lines.append(
            f"  left out: {entry['undecided']} ego states before the set-up of their drive; whether they are its own "
            "only the bridge's counts could tell, which were not recorded"
        )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.eval.recompute_metrics", description="Judge the drives of a bag again."
    )
    parser.add_argument("--bag", required=True, type=Path, help="bag folder or storage file")
    parser.add_argument("--output", type=Path, help="JSON file for the results")
    options = parser.parse_args(argv)
    try:
        with Bag(options.bag) as bag:
            entries = recompute(bag)
            problems = bag.problems
    except ValueError as error:
        print(error if isinstance(error, BagError) else f"{options.bag}: {error}", file=sys.stderr)
        return 2
    for problem in problems:
        print(f"warning: {problem}", file=sys.stderr)
    if not entries:
        print(f"{options.bag}: no drive: nothing on {SETUP}, which the metrics node publishes", file=sys.stderr)
        return 2
    print("\n".join(_words(entry) for entry in entries))
    if options.output is not None:
        try:
            write_json_atomic(options.output, {"format": FORMAT, "bag": options.bag.name, "drives": entries})
        except OSError as error:
            print(f"{options.output} cannot be written: {error}", file=sys.stderr)
            return 2
    return 1 if any(entry["problem"] or entry["differences"] for entry in entries) else 0


if __name__ == "__main__":
    sys.exit(main())
