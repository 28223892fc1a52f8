"""Open-loop errors of checkpoints on a recorded drive, without a simulator and without ROS.

    python -m training.eval.eval_bag --bag BAG --checkpoint PT [--checkpoint PT ...] --output DIR

The future that was driven is the ground truth: odometry, linear between its stamps, in the vehicle's frame at the
image's stamp. Conventions are named in the result (``bag_errors.CONVENTIONS``). Left in DIR: ``metrics.json``,
``report.html`` and ``predictions/<n>_<name>.json`` for ``training.rl.eval_metrics``. Exit codes: 0 every
checkpoint was evaluated on some frames, 1 one was not, 2 the bag, every checkpoint or an option cannot be used.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.data.bag_options import add_topic_options, layout_options
from training.eval.bag_errors import CONVENTIONS, bin_name
from training.eval.bag_evaluation import BagEvaluation
from training.eval.bag_report import write_bag_report
from training.eval.plan_scores import MEANINGS, PlanScores
from training.models.checkpoint import CheckpointError
from training.rl.predictions import PredictionsWriter
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.bags import Bag, BagError
from waypilot.bags.events import Frame, MapTold, Motioned, Restarted, Staged, Surrounded
from waypilot.bags.frames import FrameOptions, FrameReader, first_route
from waypilot.bags.layout import Layout, LayoutOptions, detect
from waypilot.config import config_to_dict
from waypilot.files import write_json_atomic
from waypilot.metrics.planned import HORIZON_S
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.report.run_info import CheckpointInfo
from waypilot.types import Observation, RouteCommand

FORMAT = "waypilot.bag_evaluation/3"
SCORE_EVERY_S = 0.5
"""NAVSIM judges two plans a second."""
FROM_ROUTE, ASSUMED = "route", "assumed lane_follow"
_ASSUMED_NOTE = (
    "no route in the bag (nav_msgs/Path in frame map): every frame is planned with the command lane_follow, which is a "
    "guess and wrong before turns; name the route's topic with --route if there is one"
)


def evaluate(
    bag: Bag,
    options: LayoutOptions,
    checkpoint: Path,
    miss_m: float,
    predictions: Path | None = None,
    score_every_s: float = SCORE_EVERY_S,
) -> dict[str, Any]:
    """Evaluate one checkpoint on a bag, and leave its plans in ``predictions`` where a whole future is known.

    Every ``score_every_s`` a plan is judged in the recorded world, where the bag tells of it; 0: none.

    Raises BagError and CheckpointError, and ValueError for a network that needs a route where there is none.
    """
    policy = WaypointPolicyTorch(WaypointPolicyConfig(str(checkpoint)))
    layout = detect(bag.topics, options)
    cameras, notes = layout.choose_cameras(tuple(camera.name for camera in policy.cameras))
    route = first_route(bag, layout)
    if route is None:
        _require_no_target_points(policy)
        notes.append(_ASSUMED_NOTE)
    # What was planned and commanded during the drive is not looked at, and need not be decoded.
    read = replace(layout, plan=None, control=None)
    scores = _scores(layout, policy, score_every_s)
    reading = FrameOptions(world=scores is not None)
    frames = FrameReader(bag, read, cameras, reading, route)
    with _writer(predictions, checkpoint, policy) as writer:
        evaluation = BagEvaluation(policy, reading.max_gap_ns, miss_m, writer, scores)
        for observation in _observations(frames, evaluation, ObservationConfig(policy.cameras), route is not None):
            evaluation.on_observation(observation)
        evaluation.finish()
    return {
        "checkpoint": config_to_dict(CheckpointInfo.of_file(checkpoint)),
        "problem": "",
        "commands": FROM_ROUTE if route is not None else ASSUMED,
        "all": evaluation.sums.means(),
        "by_command": {name: sums.means() for name, sums in sorted(evaluation.by_command.items())},
        "by_speed": {bin_name(i): sums.means() for i, sums in sorted(evaluation.by_speed.items())},
        "plan_scores": scores.result() if scores is not None else None,
        "counts": dict(evaluation.counts + frames.counts),
        "predictions": str(Path(predictions.parent.name) / predictions.name)
        if predictions is not None and writer and writer.count
        else None,
        "notes": [*layout.notes, *notes],
    }


def _observations(
    frames: FrameReader, evaluation: BagEvaluation, config: ObservationConfig, has_route: bool
) -> Iterator[Observation]:
    builder: ObservationBuilder | None = None
    route = None
    for event in frames.events():
        if isinstance(event, Motioned):
            evaluation.on_motion(event)
        elif isinstance(event, Staged | MapTold | Surrounded):
            evaluation.on_world(event)
        elif isinstance(event, Restarted):
            evaluation.finish()
            builder = None
        elif isinstance(event, Frame):
            if builder is None or event.route is not route:
                route, builder = event.route, ObservationBuilder(event.route, config)
            observation = builder.build(event.ego, event.images)
            evaluation.counts.update(f"unusable image of {fault}" for fault in builder.latest_faults)
            # Networks are not trained with the command VOID: it would be a number without a meaning.
            yield observation if has_route else replace(observation, command=RouteCommand.LANE_FOLLOW)


def _scores(layout: Layout, policy: WaypointPolicyTorch, every_s: float) -> PlanScores | None:
    if every_s == 0.0 or layout.surroundings is None or layout.setup is None:
        return None
    dt_ns = policy.waypoint_dt_ns
    if HORIZON_S * 1e9 % dt_ns or policy.model.config.num_waypoints * dt_ns < HORIZON_S * 1e9:
        return None
    return PlanScores(round(every_s * 1e9), dt_ns)


def _require_no_target_points(policy: WaypointPolicyTorch) -> None:
    if policy.looks_at_target_points:
        raise ValueError(
            "no route in the bag (nav_msgs/Path in frame map), and this network was trained with target points, "
            "which come from it; name the route's topic with --route, or evaluate a network without target points"
        )


def _writer(path: Path | None, checkpoint: Path, policy: WaypointPolicyTorch) -> Any:
    if path is None:
        return nullcontext()
    return PredictionsWriter(path, f"{checkpoint.stem} {policy.checkpoint.sha256[:8]}", policy.waypoint_dt_ns / 1e9)


def _evaluate_all(bag: Bag, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Evaluate every checkpoint; one that cannot be is an entry that says why. Raises BagError."""
    results = []
    for number, path in enumerate(options.checkpoint):
        predictions = options.output / "predictions" / f"{number}_{path.stem}.json"
        try:
            results.append(
                evaluate(bag, layout_options(options), path, options.miss_m, predictions, options.score_every_s)
            )
        except BagError:
            raise
        except (CheckpointError, ValueError, OSError) as error:
            results.append({"checkpoint": {"name": path.name, "sha256": None}, "problem": str(error)})
    return results


def _print(results: list[dict[str, Any]], problems: list[str]) -> None:
    for text in dict.fromkeys([*problems, *(note for result in results for note in result.get("notes", ()))]):
        print(f"note: {text}", file=sys.stderr)
    for result in results:
        name = result["checkpoint"]["name"]
        if result["problem"]:
            print(f"{name}: not evaluated: {result['problem']}", file=sys.stderr)
        elif not result["all"]:
            found = ", ".join(f"{count} {what}" for what, count in result["counts"].items()) or "no frames"
            print(f"{name}: nothing could be evaluated: {found}", file=sys.stderr)
        for horizon, values in result.get("all", {}).items():
            print(
                f"{name} {horizon}: ADE {values['ade_m']:.3f} m, FDE {values['fde_m']:.3f} m "
                f"(across {values['lateral_m']:.3f}, along {values['longitudinal_m']:.3f}), "
                f"missed {100 * values['miss_rate']:.1f} %, {values['frames']} frames"
            )
        if scores := result.get("plan_scores"):
            terms = (f"{term} {_percent(sums['mean'])}" for term, sums in scores["terms"].items())
            print(f"{name} {scores['horizon_s']:g}s of a plan every {scores['every_s']:g} s: {', '.join(terms)}")


def _percent(mean: float | None) -> str:
    return "unknown" if mean is None else f"{mean:.1f} %"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.eval.eval_bag", description="Open-loop errors on a bag.")
    parser.add_argument("--bag", required=True, type=Path, help="bag folder or storage file")
    parser.add_argument("--checkpoint", required=True, type=Path, action="append", help="SFT checkpoint; repeatable")
    parser.add_argument("--output", required=True, type=Path, help="folder for the results")
    add_topic_options(parser)
    parser.add_argument("--miss-m", type=float, default=2.0, help="an error at T beyond this is a miss")
    parser.add_argument(
        "--score-every-s",
        type=float,
        default=SCORE_EVERY_S,
        help="judge a plan that often by PDMS-like terms, where the bag tells of the world (0: never)",
    )
    options = parser.parse_args(argv)
    if not (math.isfinite(options.score_every_s) and options.score_every_s >= 0.0):
        parser.error(f"--score-every-s is {options.score_every_s}, expected seconds, or 0 for never")
    if not (math.isfinite(options.miss_m) and options.miss_m > 0.0):
        parser.error(f"--miss-m is {options.miss_m}, expected a positive number of metres")
    try:
        with Bag(options.bag) as bag:
            results = _evaluate_all(bag, options)
            problems = bag.problems
    except (ValueError, OSError) as error:
        print(f"{options.bag}: {error}", file=sys.stderr)
        return 2
    _print(results, problems)
    if all(result["problem"] for result in results):
        return 2
    document = {
        "format": FORMAT,
        "bag": options.bag.name,
        "miss_m": options.miss_m,
        "conventions": CONVENTIONS,
        "plan_score_terms": MEANINGS,
        "problems": problems,
        "results": results,
    }
    try:
        write_json_atomic(options.output / "metrics.json", document)
        write_bag_report(document, options.output / "report.html")
    except OSError as error:
        print(f"{options.output} cannot be written: {error}", file=sys.stderr)
        return 2
    return 0 if all(result.get("all") for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
