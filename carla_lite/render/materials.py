"""How surfaces look in plain daylight: colours, grain and gloss of the ground, and the kinds of object faces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.scene import Rgb, Surface


class GroundLook(NamedTuple):
    """Daylight colour, strength of fine grain and of patches (grey levels), and how much it mirrors when wet (0..1)."""

    color: Rgb
    grain: float
    patches: float
    gloss: float


GROUND_LOOKS: dict[Surface, GroundLook] = {
    Surface.TERRAIN: GroundLook((88, 120, 60), 20.0, 26.0, 0.0),
    Surface.ROAD: GroundLook((80, 80, 84), 11.0, 9.0, 0.8),
    Surface.SIDEWALK: GroundLook((158, 155, 149), 7.0, 9.0, 0.5),
    Surface.SHOULDER: GroundLook((112, 106, 96), 13.0, 12.0, 0.3),
    Surface.CURB: GroundLook((184, 182, 178), 6.0, 4.0, 0.4),
    Surface.MARK_WHITE: GroundLook((236, 236, 232), 9.0, 10.0, 0.7),
    Surface.MARK_YELLOW: GroundLook((236, 186, 48), 9.0, 10.0, 0.7),
    Surface.CROSSWALK: GroundLook((230, 230, 226), 9.0, 10.0, 0.7),
    Surface.PARKING: GroundLook((92, 92, 98), 11.0, 9.0, 0.7),
}

# Face materials, read by the fragment shader.
FLAT = 0
FACADE = 1
GLASS = 2
WHEEL = 3
HEAD_LAMP = 4
TAIL_LAMP = 5
FOLIAGE = 6
BALL = 7
# Lamps of traffic lights, in the order of ``scene.Lamp``; plates of signs.
LAMP_RED = 8
LAMP_YELLOW = 9
LAMP_GREEN = 10
STOP_PLATE = 11
YIELD_PLATE = 12
SPEED_PLATE = 13
# Decals change the ground that is already drawn.
DECAL_SHADOW = 14
DECAL_BEAM = 15


def ground_look_table() -> NDArray[np.float64]:
    """Return (classes, 6): red, green, blue, grain, patches, gloss by ``Surface`` value."""
    table = np.zeros((max(Surface) + 1, 6))
    for surface, look in GROUND_LOOKS.items():
        table[surface] = (*look.color, look.grain, look.patches, look.gloss)
    return table
