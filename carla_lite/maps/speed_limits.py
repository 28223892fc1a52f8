"""Which speed limit holds where: a sign holds along its lane and all that follow, until the next sign."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from dataclasses import dataclass

from carla_lite.maps.lanes import Lane

KPH_BY_UNIT = {"km/h": 1.0, "kph": 1.0, "mph": 1.609344, "m/s": 3.6}


@dataclass(frozen=True, slots=True)
class LimitSign:
    """A limit that begins ``arc_m`` along a lane."""

    lane: int
    arc_m: float
    limit_kph: float


class SpeedLimits:
    """Limits by lane and distance along it. Where ways join, the sign that was passed last before wins."""

    def __init__(self, lanes: tuple[Lane, ...], signs: tuple[LimitSign, ...]) -> None:
        """Follow every sign down the lanes."""
        self._signs: dict[int, list[tuple[float, float]]] = {}
        for sign in signs:
            self._signs.setdefault(sign.lane, []).append((sign.arc_m, sign.limit_kph))
        for found in self._signs.values():
            found.sort()
        self._entry = self._follow(lanes)

    def _follow(self, lanes: tuple[Lane, ...]) -> dict[int, float]:
        """Return the limit at the start of every lane that some sign leads to."""
        entry: dict[int, float] = {}
        queue: list[tuple[float, int, float]] = []
        for index, found in self._signs.items():
            arc, limit = found[-1]
            for following in lanes[index].successors:
                heapq.heappush(queue, (lanes[index].length_m - arc, following, limit))
        while queue:
            distance, index, limit = heapq.heappop(queue)
            if index in entry:
                continue
            entry[index] = limit
            if index not in self._signs:
                for following in lanes[index].successors:
                    heapq.heappush(queue, (distance + lanes[index].length_m, following, limit))
        return entry

    def on_lane(self, lane: int, arc_m: float) -> float | None:
        """Return the limit (km/h) at a distance along a lane; None before the first sign."""
        found = self._signs.get(lane, [])
        passed = bisect_right(found, (arc_m, float("inf")))
        return found[passed - 1][1] if passed else self._entry.get(lane)
