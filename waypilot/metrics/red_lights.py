"""Red lights run, as the CARLA leaderboard counts them: the vehicle's rear passes the stop line while it is red.

So a vehicle that stops with its bonnet over the line is not counted, and one that entered late and leaves the line
behind on red is. Passing on yellow is allowed.
"""

from __future__ import annotations

from waypilot.metrics.drive import Drive
from waypilot.metrics.places import infraction_at
from waypilot.metrics.values import Infraction, Metric, MetricSpec
from waypilot.metrics.vehicle_points import point_ahead_m
from waypilot.stop_lines import crossings
from waypilot.surroundings import LightState, SignalKind, Surroundings

RED_LIGHTS = MetricSpec("red_lights_run", "1")
SPECS = (RED_LIGHTS,)


def lights_run(drive: Drive) -> tuple[tuple[int, int], ...]:
    """List frame and signal of each light run, in order; a light with several lines counts once per crossing."""
    if drive.scene is None or drive.surroundings_fault:
        return ()
    ego = drive.scene.ego
    rear_m = point_ahead_m(drive, ego.centre_x_m - ego.half_length_m)
    lines = (line for line in drive.scene.stop_lines if line.kind is SignalKind.TRAFFIC_LIGHT)
    passed = {(int(index), line.signal_id) for line in lines for index in crossings(line, rear_m)}
    return tuple(sorted((i, signal) for i, signal in passed if _is_red(drive.surroundings[i], signal)))


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Count the lights run."""
    if reason := drive.surroundings_fault:
        return (RED_LIGHTS.invalid(reason),)
    return (RED_LIGHTS.value(len(lights_run(drive))),)


def infractions(drive: Drive) -> tuple[Infraction, ...]:
    """List each light run with place and time."""
    return tuple(
        infraction_at(drive, "red_light", int(drive.stamps_ns[index]), actor_id=signal)
        for index, signal in lights_run(drive)
    )


def _is_red(around: Surroundings | None, signal_id: int) -> bool:
    return around is not None and (signal_id, LightState.RED) in around.lights
