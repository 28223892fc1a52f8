"""The ground as a mip-mapped picture seen from above.

Polygons are filled by class at twice the texel resolution (a sub-texel belongs to the last polygon that covers its
centre, so neighbouring polygons leave no seam), and four sub-texels are averaged to one texel: thin lane markings
keep their exact width. Texels are 0.1 m where the memory budget allows, else as much coarser as it takes.

A texel is 32 bits: blue, green, red and, in the top byte, gloss (how strongly it mirrors when wet). Segmentation and
ray-cast sensors have a raster of the classes themselves, at the texture's resolution.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.render import _ground_raster as raster
from carla_lite.render.materials import ground_look_table
from carla_lite.scene import StaticScene, Surface

FINEST_TEXEL_M = 0.1
# 48 million texels of 4 bytes plus a third for the mip levels: 256 MB, enough for 690 m x 690 m at 0.1 m.
MAX_TEXELS = 48_000_000
_SUBTEXELS = 2
_BAND_ROWS = 128
_SMALLEST_LEVEL = 4


class GroundTexture(NamedTuple):
    """All mip levels in one array; row 0 of a level is at ``y0_m``, column 0 at ``x0_m``.

    ``texels`` (N,) uint32; ``levels`` (L, 3) int64 with offset, rows, columns; ``outside`` the plain terrain texel.
    """

    texels: NDArray[np.uint32]
    levels: NDArray[np.int64]
    x0_m: float
    y0_m: float
    texel_m: float
    outside: int


class SurfaceRaster(NamedTuple):
    """What the ground is made of: ``classes`` (rows, columns) uint8 of ``Surface``; terrain outside of it."""

    classes: NDArray[np.uint8]
    x0_m: float
    y0_m: float
    texel_m: float


def build_surfaces(scene: StaticScene, max_texels: int = MAX_TEXELS) -> SurfaceRaster:
    """Rasterise the classes of a town's ground; each texel is what lies at its centre.

    Raises:
        ValueError: As ``build_ground``.
    """
    rows, columns, texel_m = _grid(scene, max_texels)
    points, starts, surfaces = _flatten(scene, texel_m)
    classes = np.full((rows, columns), Surface.TERRAIN, np.uint8)
    crossings = np.empty(np.diff(starts).max(initial=0))
    raster.fill_polygons(classes, 0, points, starts, _row_spans(points, starts), surfaces, crossings)
    return SurfaceRaster(classes, float(scene.bounds_m[0]), float(scene.bounds_m[1]), texel_m)


def build_ground(scene: StaticScene, max_texels: int = MAX_TEXELS) -> GroundTexture:
    """Rasterise the ground of a town.

    Raises:
        ValueError: The bounds are empty or not finite, or a polygon has not three finite corners.
    """
    x0, y0, _, _ = scene.bounds_m
    rows, columns, texel_m = _grid(scene, max_texels)
    levels = _level_table(rows, columns)
    texels = np.empty(int(levels[-1, 0] + levels[-1, 1] * levels[-1, 2]), np.uint32)
    _paint_finest(texels[: rows * columns].reshape(rows, columns), scene, texel_m)
    for fine, coarse in itertools.pairwise(levels):
        raster.halve(_level(texels, fine), _level(texels, coarse))
    return GroundTexture(texels, levels, float(x0), float(y0), texel_m, _outside_texel())


def _grid(scene: StaticScene, max_texels: int) -> tuple[int, int, float]:
    """Return rows, columns and size (m) of the texels that cover a town."""
    x0, y0, x1, y1 = scene.bounds_m
    if not (np.isfinite(scene.bounds_m).all() and x1 > x0 and y1 > y0):
        raise ValueError(f"scene bounds are {scene.bounds_m}, expected finite (x0, y0, x1, y1) with x0 < x1, y0 < y1")
    texel_m = max(FINEST_TEXEL_M, math.sqrt((x1 - x0) * (y1 - y0) / max_texels))
    return math.ceil((y1 - y0) / texel_m), math.ceil((x1 - x0) / texel_m), texel_m


def _level_table(rows: int, columns: int) -> NDArray[np.int64]:
    table = [(0, rows, columns)]
    while min(rows, columns) > _SMALLEST_LEVEL:
        offset = table[-1][0] + rows * columns
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
        table.append((offset, rows, columns))
    return np.array(table, np.int64)


def _level(texels: NDArray[np.uint32], entry: NDArray[np.int64]) -> NDArray[np.uint32]:
    offset, rows, columns = (int(value) for value in entry)
    return texels[offset : offset + rows * columns].reshape(rows, columns)


def _paint_finest(texels: NDArray[np.uint32], scene: StaticScene, texel_m: float) -> None:
    points, starts, classes = _flatten(scene, texel_m / _SUBTEXELS)
    row_span = _row_spans(points, starts)
    crossings = np.empty(np.diff(starts).max(initial=0))
    looks = ground_look_table()
    for first in range(0, texels.shape[0], _BAND_ROWS):
        band = texels[first : first + _BAND_ROWS]
        subtexels = np.full((band.shape[0] * _SUBTEXELS, band.shape[1] * _SUBTEXELS), Surface.TERRAIN, np.uint8)
        raster.fill_polygons(subtexels, first * _SUBTEXELS, points, starts, row_span, classes, crossings)
        raster.resolve(subtexels, first, texel_m, looks, band)


def _row_spans(points: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the lowest and highest row (P, 2) that each polygon reaches."""
    if len(starts) == 1:
        return np.empty((0, 2))
    rows, firsts = points[:, 1], starts[:-1]
    return np.stack([np.minimum.reduceat(rows, firsts), np.maximum.reduceat(rows, firsts)], axis=1)


def _flatten(scene: StaticScene, unit_m: float) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.uint8]]:
    """Return all corners in sub-texel units (N, 2), where each polygon starts (P + 1,), and its class (P,)."""
    for index, polygon in enumerate(scene.ground):
        outline = polygon.outline_m
        if outline.ndim != 2 or outline.shape[1] != 2 or len(outline) < 3 or not np.isfinite(outline).all():
            raise ValueError(
                f"ground polygon {index} has shape {outline.shape}, expected at least three finite corners (N, 2)"
            )
    corners = [np.asarray(polygon.outline_m, np.float64) for polygon in scene.ground]
    starts = np.cumsum([0, *(len(outline) for outline in corners)]).astype(np.int64)
    origin = np.array(scene.bounds_m[:2])
    points = (np.concatenate(corners) - origin) / unit_m if corners else np.empty((0, 2))
    return points, starts, np.array([polygon.surface for polygon in scene.ground], np.uint8)


def _outside_texel() -> int:
    red, green, blue = (round(value) for value in ground_look_table()[Surface.TERRAIN][:3])
    return red << 16 | green << 8 | blue
