"""When a tick's world state may go out where a Traffic Manager takes part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LEAD_S = 0.0005
"""How long the Traffic Manager's thread is given to fall asleep, from the tick on and from its last question on."""
_LONGEST_S = 4.0 * LEAD_S


class TrafficManagerLead:
    """Holds a state back until the Traffic Manager sleeps.

    The Traffic Manager of CARLA's client loses a wake-up, and the tick never returns, when ``SynchronousTick`` notifies
    its thread in the instant in which that goes to sleep (TrafficManagerLocal sets the flag without holding the mutex).
    The thread asks for the world settings just before, at the same time as the client asks for the tick. A server as
    fast as this one answers both at once, and one tick in 600 hung. With the lead the thread sleeps before the tick is
    known. Who sleeps through a tick all the same is woken (``carla_lite.wire.wake``).
    """

    def __init__(self) -> None:
        self._send: Callable[[], None] | None = None
        self._timer: asyncio.Handle | None = None
        self._latest_s: float | None = None

    def hold(self, send: Callable[[], None]) -> None:
        """Call ``send`` once the lead is over; a state held before goes out now.

        The lead begins when the caller is done: while it still works, say on a picture, no question is answered, and
        one that has come meanwhile would be answered in the very instant in which the lead ends.
        """
        self.release()
        self._send, self._latest_s = send, None
        self._timer = asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._latest_s = loop.time() + _LONGEST_S
        self._timer = loop.call_later(LEAD_S, self.release)

    def settings_asked(self) -> None:
        """Begin anew, within limits: whoever has just asked for the world settings may be about to sleep."""
        loop = asyncio.get_running_loop()
        if self._timer is not None and self._latest_s is not None and loop.time() + LEAD_S < self._latest_s:
            self._timer.cancel()
            self._timer = loop.call_later(LEAD_S, self.release)

    def release(self) -> None:
        """Send what is held."""
        send, timer = self._send, self._timer
        self._send = self._timer = None
        if timer is not None:
            timer.cancel()
        if send is not None:
            send()
