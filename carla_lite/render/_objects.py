"""Kernels that cull, order and draw placed meshes, and the decals that some of them leave on the ground."""

from __future__ import annotations

import math

import numpy as np

from carla_lite.render import materials as m
from carla_lite.render._numba import jit, jit_inline
from carla_lite.render._polygon import draw_polygon
from carla_lite.render.meshes import FAR_OFFSET
from carla_lite.scene import Shape

FAR_MESH_PX = 16.0
_SMALLEST_PX = 0.5
_DECAL_RANGE_M = 70.0
_BEAM_LENGTH_M = 18.0
_CAR, _PEDESTRIAN, TREE = int(Shape.CAR), int(Shape.PEDESTRIAN), int(Shape.TREE)
_TWO_WHEELER, _VAN = int(Shape.TWO_WHEELER), int(Shape.VAN)


@jit
def find_visible(view, light, width, height, frames, depth_m, order):
    """Store the instances that may be seen in ``order``, nearest first, and all depths; return how many."""
    tan_x, tan_y = width / 2.0 / view.focal_px, height / 2.0 / view.focal_px
    norm_x, norm_y = math.sqrt(1.0 + tan_x * tan_x), math.sqrt(1.0 + tan_y * tan_y)
    count = 0
    for i in range(frames.shape[0]):
        x, y, z = to_camera(view, frames[i, 3, 0], frames[i, 3, 1], frames[i, 3, 2])
        radius = bounding_radius(frames[i])
        depth_m[i] = z
        if z < -radius or (abs(x) - z * tan_x) > radius * norm_x or (abs(y) - z * tan_y) > radius * norm_y:
            continue
        if radius * view.focal_px < _SMALLEST_PX * z or fully_fogged(light, z - radius):
            continue
        order[count] = i
        count += 1
    sort_by_depth(order, count, depth_m)
    return count


@jit_inline
def sort_by_depth(order, count, depth_m):
    """Shell sort; numpy's sort would take longer to compile than all else in this file."""
    gap = count // 2
    while gap > 0:
        for k in range(gap, count):
            moved = order[k]
            j = k
            while j >= gap and depth_m[order[j - gap]] > depth_m[moved]:
                order[j] = order[j - gap]
                j -= gap
            order[j] = moved
        gap //= 2


@jit_inline
def bounding_radius(frame):
    """Return the radius of the sphere around a stretched cube."""
    return math.sqrt(_length_squared(frame, 0) + _length_squared(frame, 1) + _length_squared(frame, 2))


@jit_inline
def _length_squared(frame, row):
    return frame[row, 0] * frame[row, 0] + frame[row, 1] * frame[row, 1] + frame[row, 2] * frame[row, 2]


@jit_inline
def to_camera(view, x, y, z):
    """Take a map point to camera axes (right, down, forward)."""
    x, y, z = x - view.eye_x_m, y - view.eye_y_m, z - view.eye_z_m
    r = view.rotation
    return (
        r[0, 0] * x + r[0, 1] * y + r[0, 2] * z,
        r[1, 0] * x + r[1, 1] * y + r[1, 2] * z,
        r[2, 0] * x + r[2, 1] * y + r[2, 2] * z,
    )


@jit_inline
def fully_fogged(light, distance_m):
    """Say whether less than half a percent of something's light gets through."""
    return (distance_m - light.fog_start_m) * light.fog_per_m > 5.3


@jit
def draw_instances(canvas, inverse_depth, rows, view, light, scratch, air, meshes, instances, depth_m, order, count):
    """Draw what lies in ``rows`` of the meshes of the first ``count`` instances in ``order``."""
    local = np.empty((4, 3))
    for k in range(count):
        i = order[k]
        camera_frame(view, instances.frames[i], local)
        mesh = instances.shape[i]
        radius = bounding_radius(local)
        if radius * view.focal_px < FAR_MESH_PX * depth_m[i]:
            mesh += FAR_OFFSET
        _draw_faces(canvas, inverse_depth, rows, view, light, scratch, air, meshes, local, mesh, instances, i)
        for ball in range(meshes.ranges[mesh, 2], meshes.ranges[mesh, 3]):
            _draw_ball(canvas, inverse_depth, rows, view, light, scratch, air, meshes, local, ball, instances, i)


@jit_inline
def camera_frame(view, frame, local):
    r = view.rotation
    for row in range(3):
        for axis in range(3):
            local[row, axis] = r[axis, 0] * frame[row, 0] + r[axis, 1] * frame[row, 1] + r[axis, 2] * frame[row, 2]
    local[3, 0], local[3, 1], local[3, 2] = to_camera(view, frame[3, 0], frame[3, 1], frame[3, 2])


@jit_inline
def _put_corner(scratch, row, local, x, y, z):
    for axis in range(3):
        scratch[row, axis] = local[3, axis] + x * local[0, axis] + y * local[1, axis] + z * local[2, axis]


@jit_inline
def put_face(scratch, meshes, local, face):
    """Store the corners of a face in camera axes."""
    for corner in range(4):
        point = meshes.corners[face, corner]
        _put_corner(scratch, corner, local, point[0], point[1], point[2])


@jit_inline
def put_ball(scratch, view, meshes, local, ball):
    """Store the corners of the square, turned to the camera, that a ball fills."""
    data = meshes.balls[ball]
    _put_corner(scratch, 0, local, data[0], data[1], data[2])
    cx, cy, cz = scratch[0, 0], scratch[0, 1], scratch[0, 2]
    half_width = math.sqrt(_length_squared(local, 0))
    half_height = math.sqrt(_length_squared(local, 2))
    up_x, up_y, sine = view.rotation[0, 2], view.rotation[1, 2], view.rotation[2, 2]
    level = math.sqrt(up_x * up_x + up_y * up_y)
    if level < 1e-6:
        up_x, up_y, level = 0.0, -1.0, 1.0
    up_x, up_y = up_x / level, up_y / level
    a = data[3] * half_width
    b = math.sqrt((data[4] * half_height) ** 2 * (1.0 - sine * sine) + (a * sine) ** 2)
    for corner in range(4):
        side = a if corner == 1 or corner == 2 else -a
        rise = b if corner >= 2 else -b
        scratch[corner, 0] = cx - up_y * side + up_x * rise
        scratch[corner, 1] = cy + up_x * side + up_y * rise
        scratch[corner, 2] = cz


@jit_inline
def _draw_faces(canvas, inverse_depth, rows, view, light, scratch, air, meshes, local, mesh, instances, i):
    for face in range(meshes.ranges[mesh, 0], meshes.ranges[mesh, 1]):
        put_face(scratch, meshes, local, face)
        tint = meshes.tint[face]
        material = meshes.material[face]
        # The one number a face's material needs: window pattern, or which lamps are on.
        is_lamp = material == m.TAIL_LAMP or (material >= m.LAMP_RED and material <= m.LAMP_GREEN)
        seed = instances.braking[i] if is_lamp else instances.seed[i]
        draw_polygon(
            canvas,
            inverse_depth,
            rows,
            view,
            light,
            scratch,
            air,
            material,
            tint[0] + tint[3] * instances.colors[i, 0],
            tint[1] + tint[3] * instances.colors[i, 1],
            tint[2] + tint[3] * instances.colors[i, 2],
            seed,
        )


@jit_inline
def _draw_ball(canvas, inverse_depth, rows, view, light, scratch, air, meshes, local, ball, instances, i):
    tint = meshes.ball_tint[ball]
    put_ball(scratch, view, meshes, local, ball)
    draw_polygon(
        canvas,
        inverse_depth,
        rows,
        view,
        light,
        scratch,
        air,
        m.FOLIAGE if instances.shape[i] == TREE else m.BALL,
        tint[0] + tint[3] * instances.colors[i, 0],
        tint[1] + tint[3] * instances.colors[i, 1],
        tint[2] + tint[3] * instances.colors[i, 2],
        ball * 31 + instances.seed[i],
    )


@jit
def draw_decals(canvas, inverse_depth, rows, view, light, scratch, air, instances, depth_m, order, count):
    """Lay contact shadows and, at night, the light of head lamps on the ground; to be called after the ground."""
    local = np.empty((4, 3))
    for k in range(count):
        i = order[k]
        shape = instances.shape[i]
        if depth_m[i] > _DECAL_RANGE_M or shape not in (_CAR, _PEDESTRIAN, TREE, _TWO_WHEELER, _VAN):
            continue
        camera_frame(view, instances.frames[i], local)
        _draw_decal(canvas, inverse_depth, rows, view, light, scratch, air, local, -1.12, 1.12, 1.25, m.DECAL_SHADOW, i)
        if shape in (_CAR, _VAN) and light.night > 0.0:
            reach = 1.0 + _BEAM_LENGTH_M / math.sqrt(_length_squared(local, 0))
            _draw_decal(canvas, inverse_depth, rows, view, light, scratch, air, local, 1.0, reach, 2.4, m.DECAL_BEAM, i)


@jit_inline
def _draw_decal(canvas, inverse_depth, rows, view, light, scratch, air, local, x0, x1, y, material, seed):
    _put_corner(scratch, 0, local, x0, -y, -1.0)
    _put_corner(scratch, 1, local, x1, -y, -1.0)
    _put_corner(scratch, 2, local, x1, y, -1.0)
    _put_corner(scratch, 3, local, x0, y, -1.0)
    draw_polygon(canvas, inverse_depth, rows, view, light, scratch, air, material, 0.0, 0.0, 0.0, seed)
