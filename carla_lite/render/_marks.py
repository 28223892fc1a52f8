"""Kernels that find what each pixel shows and how far away it is, instead of its colour.

The same shapes as in colour, in the same order of depth, but without weather: fog hides nothing from them.
"""

from __future__ import annotations

import numpy as np

from carla_lite.render import materials as m
from carla_lite.render._background import FARTHEST_M, row_ray
from carla_lite.render._fragment import fragment
from carla_lite.render._numba import jit, jit_inline
from carla_lite.render._objects import FAR_MESH_PX, TREE, bounding_radius, camera_frame, put_ball, put_face
from carla_lite.render._polygon import clip_and_project, column_range, row_range
from carla_lite.render._surfaces import surface_class
from carla_lite.render.meshes import FAR_OFFSET

SKY, GROUND = -1, -2
_NO_HAZE = (0.0, 0.0, 0.0)
_OPAQUE = 0xFF000000


@jit
def mark_instances(
    numbers, inverse_depth, view, scratch, meshes, instances, first_number, stride, depth_m, order, count
):
    """Write ``first_number + i`` where instance i is seen, for the first ``count`` instances in ``order``.

    With a ``stride`` other than 1 the number is ``stride`` times that plus the part of the mesh: the faces of all
    meshes come first, then their balls.
    """
    local = np.empty((4, 3))
    for k in range(count):
        i = order[k]
        camera_frame(view, instances.frames[i], local)
        mesh = instances.shape[i]
        if bounding_radius(local) * view.focal_px < FAR_MESH_PX * depth_m[i]:
            mesh += FAR_OFFSET
        number, seed = (first_number + i) * stride, instances.seed[i]
        for face in range(meshes.ranges[mesh, 0], meshes.ranges[mesh, 1]):
            put_face(scratch, meshes, local, face)
            mark_polygon(numbers, inverse_depth, view, scratch, meshes.material[face], seed, number + face % stride)
        material = m.FOLIAGE if instances.shape[i] == TREE else m.BALL
        for ball in range(meshes.ranges[mesh, 2], meshes.ranges[mesh, 3]):
            put_ball(scratch, view, meshes, local, ball)
            part = (meshes.material.shape[0] + ball) % stride
            mark_polygon(numbers, inverse_depth, view, scratch, material, ball * 31 + seed, number + part)


@jit
def mark_polygon(numbers, inverse_depth, view, scratch, material, seed, number):
    """Write ``number`` and 1/z where the polygon with the corners ``scratch[:4]`` (camera axes) is nearest."""
    o0, o1, o2 = scratch[0, 0], scratch[0, 1], scratch[0, 2]
    u0, u1, u2 = scratch[1, 0] - o0, scratch[1, 1] - o1, scratch[1, 2] - o2
    v0, v1, v2 = scratch[3, 0] - o0, scratch[3, 1] - o1, scratch[3, 2] - o2
    n0, n1, n2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
    facing = n0 * o0 + n1 * o1 + n2 * o2
    if facing >= -1e-9:
        return
    count = clip_and_project(scratch, view)
    if count < 3:
        return
    focal = view.focal_px
    dx, dy, d0 = n0 / facing / focal, n1 / facing / focal, n2 / facing
    uu, vv = u0 * u0 + u1 * u1 + u2 * u2, v0 * v0 + v1 * v1 + v2 * v2
    uo, vo = (u0 * o0 + u1 * o1 + u2 * o2) / uu, (v0 * o0 + v1 * o1 + v2 * o2) / vv
    is_cut = material == m.WHEEL or material >= m.FOLIAGE
    top, bottom = row_range(scratch, count, numbers.shape[0])
    for y in range(top, bottom):
        left, right = column_range(scratch, count, y + 0.5, numbers.shape[1])
        ry = (y + 0.5 - view.center_y_px) / focal
        near = dx * (left + 0.5 - view.center_x_px) + dy * (y + 0.5 - view.center_y_px) + d0
        for x in range(left, right):
            if near > inverse_depth[y, x]:
                keep = True
                if is_cut:
                    z, rx = 1.0 / near, (x + 0.5 - view.center_x_px) / focal
                    u = z * (u0 * rx + u1 * ry + u2) / uu - uo
                    v = z * (v0 * rx + v1 * ry + v2) / vv - vo
                    keep = fragment(material, u, v, 1.0, 1.0, 1.0, seed, _NO_HAZE, 0.0)[0]
                if keep:
                    inverse_depth[y, x] = near
                    numbers[y, x] = number
            near += dx


@jit
def mark_ground(numbers, inverse_depth, view):
    """Write GROUND and its 1/z below the horizon where no object stands; other empty pixels keep their SKY."""
    height, width = numbers.shape
    step = -view.rotation[0, 2] / view.focal_px / view.eye_z_m
    for y in range(height):
        ry = (y + 0.5 - view.center_y_px) / view.focal_px
        first = -(view.rotation[1, 2] * ry + view.rotation[2, 2]) / view.eye_z_m
        first += step * (0.5 - view.center_x_px)
        for x in range(width):
            near = first + step * x
            if numbers[y, x] == SKY and near > 1.0 / FARTHEST_M:
                inverse_depth[y, x] = near
                numbers[y, x] = GROUND


@jit
def encode_depth(canvas, inverse_depth, far_m):
    """Write CARLA's depth code: the distance along the optical axis in 24 bits of ``far_m``, red the lowest byte."""
    height, width = canvas.shape
    for y in range(height):
        for x in range(width):
            share = 1.0
            if inverse_depth[y, x] * far_m > 1.0:
                share = 1.0 / (inverse_depth[y, x] * far_m)
            code = int(share * 16777215.0 + 0.5)
            canvas[y, x] = _red_green_blue(code & 255, (code >> 8) & 255, code >> 16)


@jit
def encode_labels(canvas, numbers, inverse_depth, view, surfaces, surface_labels, sky_label, labels, ids):
    """Write each pixel's label as red and the low 16 bits of its object's id as green (low byte) and blue."""
    height, width = canvas.shape
    r = view.rotation
    for y in range(height):
        bx, by, _ = row_ray(view, y)
        for x in range(width):
            number = numbers[y, x]
            label, identity = sky_label, 0
            if number >= 0:
                label, identity = labels[number], ids[number]
            elif number == GROUND:
                t = 1.0 / inverse_depth[y, x]
                rx = (x + 0.5 - view.center_x_px) / view.focal_px
                ground_x, ground_y = view.eye_x_m + t * (bx + r[0, 0] * rx), view.eye_y_m + t * (by + r[0, 1] * rx)
                label = surface_labels[surface_class(surfaces, ground_x, ground_y)]
            canvas[y, x] = _red_green_blue(label, identity & 255, (identity >> 8) & 255)


@jit_inline
def _red_green_blue(red, green, blue):
    return np.uint32(_OPAQUE | (red << 16) | (green << 8) | blue)
