"""Kernel that tells what the ground is made of at a place."""

from __future__ import annotations

from carla_lite.render._numba import jit_inline
from carla_lite.scene import Surface

_TERRAIN = int(Surface.TERRAIN)


@jit_inline
def surface_class(surfaces, x_m, y_m):
    """Return the ``Surface`` at a place of a ``SurfaceRaster``; terrain outside it."""
    column = (x_m - surfaces.x0_m) / surfaces.texel_m
    row = (y_m - surfaces.y0_m) / surfaces.texel_m
    rows, columns = surfaces.classes.shape
    if column < 0.0 or row < 0.0 or column >= columns or row >= rows:
        return _TERRAIN
    return int(surfaces.classes[int(row), int(column)])
