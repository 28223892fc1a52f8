"""Cameras that measure what has changed since their last picture: optical flow and the dynamic vision sensor."""

from __future__ import annotations

from carla_lite.engine import Actor
from carla_lite.render import EventPixels, EventSettings, Sight
from carla_lite.render.events import LEAST_THRESHOLD
from carla_lite.wire.cameras import PinholeCamera
from carla_lite.wire.sensors import Payload, Surroundings, noise_source, number, whole
from waypilot.types import NANOSECONDS_PER_SECOND

_MAX_REFRACTORY_NS = 2**31 - 1


class _ChangeCamera(PinholeCamera):
    """Knows whether its last picture is the one before this one."""

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        super().__init__(actor, surroundings)
        self._taken_ns: int | None = None

    def _goes_on(self, elapsed_s: float) -> bool:
        """Tell whether pictures were taken without a pause until now; this one counts as taken.

        In a pause, nobody listened or rendering was off. A picture can be late by less than a step or its own period,
        whichever is longer.
        """
        now_ns, last_ns = self._surroundings.world.time_ns, self._taken_ns
        self._taken_ns = now_ns
        return last_ns is not None and now_ns - last_ns <= 2.0 * elapsed_s * NANOSECONDS_PER_SECOND


class OpticalFlowCamera(_ChangeCamera):
    """``sensor.camera.optical_flow``: two floats a pixel; the first picture, also after a pause, shows no motion."""

    type_number = 8

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        super().__init__(actor, surroundings)
        self._last: Sight | None = None

    def measure(self, elapsed_s: float) -> Payload:
        """Compare the present frame with the camera's last one."""
        now, then = Sight(*self._look()), self._last if self._goes_on(elapsed_s) else None
        self._last = now
        flow = self._surroundings.views().perception.flow(now, then)
        return [self._header, flow.data.cast("B")]


class DvsCamera(_ChangeCamera):
    """``sensor.camera.dvs``: events of pixels that became brighter or darker."""

    type_number = 3

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        super().__init__(actor, surroundings)
        self._pixels = EventPixels(_event_settings(actor), noise_source(actor, surroundings.world))

    def measure(self, elapsed_s: float) -> Payload | None:
        """Return the events since the last frame; None when there are none, as for the first frame."""
        if not self._goes_on(elapsed_s):
            self._pixels.forget()
        image = self._surroundings.views().renderer.rgb(*self._look())
        events = self._pixels.see(image, self._surroundings.world.time_ns)
        return [self._header, events.tobytes()] if len(events) else None


def _event_settings(actor: Actor) -> EventSettings:
    return EventSettings(
        number(actor, "positive_threshold", LEAST_THRESHOLD, 1e3),
        number(actor, "negative_threshold", LEAST_THRESHOLD, 1e3),
        number(actor, "sigma_positive_threshold", 0.0, 1e3),
        number(actor, "sigma_negative_threshold", 0.0, 1e3),
        whole(actor, "refractory_period_ns", 0, _MAX_REFRACTORY_NS),
        number(actor, "log_eps", 1e-6, 1e3) if actor.attributes["use_log"].lower() == "true" else None,
    )
