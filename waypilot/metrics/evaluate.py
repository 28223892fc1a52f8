"""From a recorded drive to the judgement on it."""

from __future__ import annotations

from dataclasses import replace

from waypilot.config import config_to_dict
from waypilot.metrics.drive import Drive
from waypilot.metrics.log import DriveLog
from waypilot.metrics.registry import all_infractions, all_invalid, compute_all
from waypilot.metrics.result import CRASHED, ScenarioResult, Series, rounded
from waypilot.metrics.values import Infraction, Metric, Termination
from waypilot.route import Route
from waypilot.scenarios import Scenario


def evaluate(log: DriveLog, route: Route, scenario: Scenario, termination: Termination, seed: int) -> ScenarioResult:
    """Judge a drive that ended by its own rules. What is stamped after its end is ignored.

    The outcome depends on what the log holds, not on the order in which it came, and not on when the drive began.
    """
    drive = Drive.from_log(log, route, scenario, termination)
    metrics = compute_all(drive)
    return ScenarioResult(
        scenario=scenario.name,
        seed=seed,
        status=termination.text,
        metrics=metrics,
        infractions=_with_own_numbers(all_infractions(drive), drive),
        notes=_notes(metrics, log.conflicts),
        definition=config_to_dict(scenario),
        series=make_series(drive),
    )


def _with_own_numbers(infractions: tuple[Infraction, ...], drive: Drive) -> tuple[Infraction, ...]:
    """Give whom the drive met numbers from 1 on, in the order of the simulator's ids; 0 stays the world.

    A simulator gives ids away by what it did before this drive, so they differ between equal drives; their order does
    not.
    """
    actors = (actor.actor_id for around in drive.surroundings if around is not None for actor in around.actors)
    signals = (line.signal_id for line in drive.scene.stop_lines) if drive.scene is not None else ()
    met = {*actors, *signals, *(event.other_actor_id for event in drive.collisions)} - {0}
    numbers = {actor_id: number for number, actor_id in enumerate(sorted(met), start=1)}
    return tuple(
        infraction if not infraction.actor_id else replace(infraction, actor_id=numbers[infraction.actor_id])
        for infraction in infractions
    )


def crashed_result(scenario: Scenario, seed: int, what: str) -> ScenarioResult:
    """Report a run that broke: nothing is judged, so every metric is invalid."""
    return ScenarioResult(
        scenario=scenario.name,
        seed=seed,
        status=f"{CRASHED}: {what}",
        metrics=all_invalid("the run crashed"),
        definition=config_to_dict(scenario),
    )


def make_series(drive: Drive) -> Series | None:
    """Lay the drive out frame by frame for plots and comparisons; None when there is no frame."""
    if not drive.egos:
        return None
    poses = [ego.pose_map_from_base_link.planar for ego in drive.egos]
    columns: dict[str, list[float | None]] = {
        "time_s": drive.time_s.tolist(),
        "x_m": [pose.x_m for pose in poses],
        "y_m": [pose.y_m for pose in poses],
        "yaw_rad": [pose.yaw_rad for pose in poses],
        "speed_mps": drive.speed_mps.tolist(),
        "s_m": drive.s_m.tolist(),
        "lateral_m": drive.lateral_m.tolist(),
        "steer": [None if control is None else control.steer for control in drive.controls],
        "throttle": [None if control is None else control.throttle for control in drive.controls],
        "brake": [None if control is None else control.brake for control in drive.controls],
    }
    route_m = tuple((round(x, 4) + 0.0, round(y, 4) + 0.0) for x, y in drive.route.points_m.tolist())
    return Series({name: tuple(rounded(value) for value in column) for name, column in columns.items()}, route_m)


def _notes(metrics: tuple[Metric, ...], conflicts: int) -> tuple[str, ...]:
    missing = next((m.value for m in metrics if m.name == "frames_missing"), None)
    notes = []
    if missing:
        notes.append(f"{missing:.0f} frames are missing from the record: means and maxima do not cover them")
    if conflicts:
        notes.append(f"{conflicts} values contradicted an earlier one of the same stamp and were not used")
    return tuple(notes)
