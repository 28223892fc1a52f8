"""How the stack answered the scenario's first planned fault: when it commanded a safe stop, why, and what came after.

Times count from the first frame with the fault. A safe stop counts as commanded when the controller or the vehicle's
watchdog brakes for lack of something to follow (``Alert.safe_stop``). The states are the true ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from waypilot.alerts import Alert
from waypilot.faults import Fault
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec
from waypilot.types import NANOSECONDS_PER_SECOND

REACTION = MetricSpec("fault_reaction_time", "s")
STANDSTILL = MetricSpec("fault_standstill_time", "s")
RECOVERED = MetricSpec("fault_recovered", "1")
RECOVERY = MetricSpec("fault_recovery_time", "s")
SPECS = (REACTION, STANDSTILL, RECOVERED, RECOVERY)

STANDSTILL_MPS = 0.1
#: A stop that begins later than this after the end of the fault has another cause.
AFTERWARDS_S = 0.5
#: Driving on for this long without another stop is a recovery.
QUIET_S = 1.0


@dataclass(frozen=True, slots=True)
class _Course:
    """One fault in a drive: stamps of its first frame and of its end (None: it outlasts the drive), and its stops."""

    onset_ns: int
    end_ns: int | None
    stops: tuple[Alert, ...]


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Measure the answer to the fault that begins first."""
    faults = drive.scenario.faults
    if not faults:
        return tuple(spec.invalid("no fault is planned") for spec in SPECS)
    fault = min(faults, key=lambda entry: entry.start_ns)
    course = _course(drive, fault)
    if course is None:
        return tuple(spec.invalid("the drive ended before the fault began") for spec in SPECS)
    return (_reaction(drive, course), _standstill(drive, course), *_recovery(drive, course))


def _course(drive: Drive, fault: Fault) -> _Course | None:
    first_ns, last_ns = int(drive.stamps_ns[0]), int(drive.stamps_ns[-1])
    with_fault = drive.stamps_ns[drive.stamps_ns >= first_ns + fault.start_ns]
    if with_fault.size == 0:
        return None
    end_ns = None if fault.end_ns is None or first_ns + fault.end_ns > last_ns else first_ns + fault.end_ns
    latest_ns = last_ns if end_ns is None else end_ns + round(AFTERWARDS_S * NANOSECONDS_PER_SECOND)
    onset_ns = int(with_fault[0])
    stops = [a for a in drive.alerts if a.safe_stop and a.stamp_ns >= onset_ns]
    return _Course(onset_ns, end_ns, tuple(stops) if stops and stops[0].stamp_ns <= latest_ns else ())


def _reaction(drive: Drive, course: _Course) -> Metric:
    if not course.stops:
        return REACTION.invalid("no safe stop was commanded")
    stop = course.stops[0]
    heard = [f"{a.source}: {a.reason}" for a in drive.alerts if course.onset_ns <= a.stamp_ns <= stop.stamp_ns]
    return REACTION.value(_seconds(stop.stamp_ns - course.onset_ns), "; ".join(dict.fromkeys(heard)))


def _standstill(drive: Drive, course: _Course) -> Metric:
    if not course.stops:
        return STANDSTILL.invalid("no safe stop was commanded")
    begun_ns, over_ns = course.stops[0].stamp_ns, course.stops[-1].stamp_ns
    for stamp_ns, speed_mps in zip(drive.stamps_ns.tolist(), drive.speed_mps.tolist(), strict=True):
        if begun_ns <= stamp_ns <= over_ns and abs(speed_mps) < STANDSTILL_MPS:
            return STANDSTILL.value(_seconds(stamp_ns - course.onset_ns))
    return STANDSTILL.invalid("the stop ended before the vehicle stood")


def _recovery(drive: Drive, course: _Course) -> tuple[Metric, Metric]:
    if course.end_ns is None:
        reason = "the fault lasts to the end of the drive"
        return RECOVERED.invalid(reason), RECOVERY.invalid(reason)
    last_ns = int(drive.stamps_ns[-1])
    after = [stop.stamp_ns for stop in course.stops if stop.stamp_ns >= course.end_ns]
    recovered_ns = max(after, default=course.end_ns)
    if _seconds(last_ns - recovered_ns) < QUIET_S:
        reason = f"no {QUIET_S:g} s without a safe stop before the drive ended"
        return RECOVERED.value(0.0, reason), RECOVERY.invalid(reason)
    return RECOVERED.value(1.0), RECOVERY.value(_seconds(recovered_ns - course.end_ns))


def _seconds(duration_ns: int) -> float:
    return duration_ns / NANOSECONDS_PER_SECOND
