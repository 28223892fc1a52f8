"""What the vehicle obeys when commands stay away: first the newest one still, then a safe stop."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from waypilot.control.safe_stop import SafeStop, SafeStopConfig
from waypilot.types import NANOSECONDS_PER_SECOND, Control

FULL_BRAKE = Control(brake=1.0)


@dataclass(frozen=True, slots=True)
class WatchdogConfig:
    """A command is obeyed while it is less than ``hold_s`` old; then the vehicle brakes with the wheels as they are."""

    hold_s: float = 0.15
    safe_stop: SafeStopConfig = field(default_factory=SafeStopConfig)

    def __post_init__(self) -> None:
        if not self.hold_s > 0.0:
            raise ValueError(f"hold_s is {self.hold_s}, expected a positive time")


@dataclass(frozen=True, slots=True)
class WatchdogAnswer:
    """The command for the vehicle; ``stop_reason`` is None while a command of the controller is obeyed."""

    control: Control
    stop_reason: str | None = None


class CommandWatchdog:
    """Sits between the controller and the vehicle, on the vehicle's side. One call per frame."""

    #: Frames are not exactly apart: a step of simulated time may be a few ns short.
    _TOLERANCE_NS = 1_000_000

    def __init__(self, config: WatchdogConfig | None = None) -> None:
        self._config = config or WatchdogConfig()
        self._safe_stop = SafeStop(self._config.safe_stop)
        self._newest: tuple[int, Control] | None = None
        self._last_ns: int | None = None

    def answer(self, stamp_ns: int, command: tuple[int, Control] | None) -> WatchdogAnswer:
        """Return what to do on the frame of ``stamp_ns``; ``command`` is stamp and value of what has arrived, if any.

        Before the first command the vehicle is held with the full brake.
        """
        step_s = 0.0 if self._last_ns is None else (stamp_ns - self._last_ns) / NANOSECONDS_PER_SECOND
        self._last_ns = stamp_ns
        if command is not None and (self._newest is None or command[0] > self._newest[0]):
            self._newest = command
        if self._newest is None:
            return WatchdogAnswer(FULL_BRAKE, "no command has come yet")
        age_ns = stamp_ns - self._newest[0]
        if age_ns < round(self._config.hold_s * NANOSECONDS_PER_SECOND) - self._TOLERANCE_NS:
            self._safe_stop.release()
            return WatchdogAnswer(self._newest[1])
        brake = self._safe_stop.brake(step_s)
        held = replace(self._newest[1], throttle=0.0, brake=max(brake, self._newest[1].brake))
        return WatchdogAnswer(held, f"no command for {self._config.hold_s:g} s")
