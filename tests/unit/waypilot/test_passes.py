from __future__ import annotations

import pytest

from waypilot.stop_lines import passes
from waypilot.surroundings import SignalKind, StopLine

LINE = StopLine(1, SignalKind.TRAFFIC_LIGHT, (10.0, 2.0), (10.0, -2.0), 0.0)


@pytest.mark.parametrize(
    ("start_m", "end_m", "expected"),
    [
        ((9.5, 0.0), (10.5, 0.0), True),
        ((9.9, -1.9), (10.0, -1.9), True),
        ((0.0, 0.0), (60.0, 0.0), True),
        ((10.5, 0.0), (9.5, 0.0), False),
        ((9.5, 2.5), (10.5, 2.5), False),
        ((10.5, 0.0), (11.5, 0.0), False),
        ((80.0, 0.0), (81.0, 0.0), False),
    ],
)
def test_a_way_passes_the_line_forwards_between_its_ends(
    start_m: tuple[float, float], end_m: tuple[float, float], expected: bool
) -> None:
    assert passes(LINE, start_m, end_m) is expected
