"""Makes the shared scene and the golden views importable, and keeps one renderer of the tiny town for all tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

_HERE = Path(__file__).parent
GOLDEN = _HERE.parents[2] / "golden" / "render"
sys.path[:0] = [str(_HERE), str(GOLDEN)]


@pytest.fixture(scope="session")
def town_renderer():
    from tiny_town import make_town

    from carla_lite.render import Renderer

    return Renderer(make_town())
