"""The kernels that Python calls for a picture: one for a band of its rows, one for what lies over all of it."""

from __future__ import annotations

import numpy as np

from carla_lite.render._background import draw_background
from carla_lite.render._effects import draw_lamp_glow, draw_rain, draw_signal_glow
from carla_lite.render._numba import jit
from carla_lite.render._objects import draw_decals, draw_instances, find_visible
from carla_lite.render._polygon import SCRATCH_SHAPE


@jit
def find_seen(view, light, width, height, instances):
    """Return depths, order (nearest first) and number of the instances that may be seen."""
    total = instances.frames.shape[0]
    depth_m, order = np.empty(total), np.empty(total, np.int64)
    return depth_m, order, find_visible(view, light, width, height, instances.frames, depth_m, order)


@jit
def draw_rows(canvas, inverse_depth, rows, view, light, meshes, panorama, ground, actors, boxes, seen):
    """Draw image rows from ``rows[0]`` to before ``rows[1]``, all but the effects.

    They do not depend on other rows, unless the ground is wet, which mirrors any row.
    """
    actors_seen, boxes_seen = seen
    scratch, air = np.empty(SCRATCH_SHAPE), np.empty((2, canvas.shape[1]))
    inverse_depth[rows[0] : rows[1]] = 0.0
    depth_m, order, count = actors_seen
    draw_instances(canvas, inverse_depth, rows, view, light, scratch, air, meshes, actors, depth_m, order, count)
    depth_m, order, count = boxes_seen
    draw_instances(canvas, inverse_depth, rows, view, light, scratch, air, meshes, boxes, depth_m, order, count)
    for sky_pass in (True, False):  # a constant would make the compiler write a kernel for each of the two
        draw_background(canvas, inverse_depth, rows, view, light, panorama, ground, sky_pass)
    depth_m, order, count = actors_seen
    draw_decals(canvas, inverse_depth, rows, view, light, scratch, air, actors, depth_m, order, count)
    depth_m, order, count = boxes_seen
    draw_decals(canvas, inverse_depth, rows, view, light, scratch, air, boxes, depth_m, order, count)


@jit
def draw_effects(canvas, inverse_depth, view, light, actors, boxes, seen, frame):
    """Lay glow and rain over a finished picture."""
    actors_seen, boxes_seen = seen
    draw_lamp_glow(canvas, inverse_depth, view, light, actors, actors_seen[1], actors_seen[2])
    draw_signal_glow(canvas, inverse_depth, view, light, boxes, boxes_seen[1], boxes_seen[2])
    if light.rain > 0.0:
        draw_rain(canvas, light, frame)
