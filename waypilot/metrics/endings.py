"""How a drive ended other than at its goal, as counts of 0 or 1: blocked, time-out, route deviation."""

from __future__ import annotations

from waypilot.metrics.drive import Drive
from waypilot.metrics.places import infraction_at
from waypilot.metrics.values import Infraction, Metric, MetricSpec, Termination

BLOCKED, TIME_OUT, ROUTE_DEVIATION = "blocked", "time-out", "route deviation"
SPEC_OF = {
    BLOCKED: MetricSpec("blocked", "1"),
    TIME_OUT: MetricSpec("timed_out", "1"),
    ROUTE_DEVIATION: MetricSpec("route_deviated", "1"),
}
KIND_OF = {BLOCKED: "blocked", TIME_OUT: "time_out", ROUTE_DEVIATION: "route_deviation"}
SPECS = tuple(SPEC_OF.values())


def ended_by(termination: Termination) -> str | None:
    """Name the rule that ended the drive before its goal; None when it was completed or ended otherwise."""
    rule = termination.reason.split(":", 1)[0]
    return rule if termination.status == "failed" and rule in SPEC_OF else None


def scenario_timed_out(drive: Drive) -> bool:
    """Whether the scenario's own time limit ended the drive (leaderboard: scenario time-out, which is penalised).

    A scenario without one is under the leaderboard's time-out for routes, which ends a drive but costs no points.
    """
    return ended_by(drive.termination) == TIME_OUT and drive.scenario.time_limit_s is not None


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Say by which rule the drive ended."""
    rule = ended_by(drive.termination)
    return tuple(spec.value(float(rule == name)) for name, spec in SPEC_OF.items())


def infractions(drive: Drive) -> tuple[Infraction, ...]:
    """Describe the end of a drive that did not reach its goal."""
    rule = ended_by(drive.termination)
    if rule is None:
        return ()
    return (infraction_at(drive, KIND_OF[rule], drive.termination.stamp_ns, detail=drive.termination.reason),)
