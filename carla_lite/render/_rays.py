"""Kernels that follow single rays through a town: all rays start at one point, as those of a lidar or a radar do.

Objects are the same meshes that cameras draw, the ground is the plane z = 0. Around the origin, space is cut into
sectors of equal azimuth, and a ray is only tested against the objects that reach into its own, nearest first.
"""

from __future__ import annotations

import math

import numpy as np

from carla_lite.render import materials as m
from carla_lite.render._marks import GROUND, SKY
from carla_lite.render._numba import jit, jit_inline
from carla_lite.render._objects import bounding_radius, sort_by_depth

_SECTORS = 512
_TURN = 2.0 * math.pi
# Lamps and number plates stick out of the unit cube by a hair.
_CUBE = 1.05
_TOUCH = 1e-9


@jit
def cast_rays(origin, directions, reach_m, meshes, instances, hits):
    """Store for each unit direction (N, 3) the first thing hit: number, distance, and normal (in ``hits``).

    ``hits`` is (numbers (N,) int64, distances (N,) float64, cosines (N,) float64); the cosine is that between the
    ray turned back and the surface's normal. Nothing hit: SKY and infinity.
    """
    numbers, distances, cosines = hits
    starts, members, nearest = _sort_into_sectors(origin, reach_m, instances.frames)
    scratch = np.empty((4, 3))
    for k in range(directions.shape[0]):
        dx, dy, dz = directions[k, 0], directions[k, 1], directions[k, 2]
        best, number, cosine = reach_m, SKY, 0.0
        if dz * origin[2] < 0.0 and -origin[2] / dz < best:
            best, number, cosine = -origin[2] / dz, GROUND, abs(dz)
        sector = _sector(math.atan2(dy, dx))
        for at in range(starts[sector], starts[sector + 1]):
            i = members[at]
            if nearest[i] > best:
                break
            found, with_cosine = _meet_instance(origin, dx, dy, dz, best, meshes, instances, i, scratch)
            if found < best:
                best, number, cosine = found, i, with_cosine
        numbers[k], cosines[k] = number, cosine
        distances[k] = best if number != SKY else math.inf


@jit_inline
def _sector(azimuth):
    return math.floor((azimuth / _TURN + 1.0) * _SECTORS) % _SECTORS


@jit
def _sort_into_sectors(origin, reach_m, frames):
    """Return where each sector's members start (S + 1,), the members, nearest first, and how near each may be."""
    count = frames.shape[0]
    nearest, first, width = np.empty(count), np.zeros(count, np.int64), np.zeros(count, np.int64)
    sizes = np.zeros(_SECTORS + 1, np.int64)
    for i in range(count):
        x, y, z = frames[i, 3, 0] - origin[0], frames[i, 3, 1] - origin[1], frames[i, 3, 2] - origin[2]
        radius = _CUBE * bounding_radius(frames[i])
        nearest[i] = math.sqrt(x * x + y * y + z * z) - radius
        if nearest[i] > reach_m:
            continue
        flat = math.hypot(x, y)
        width[i] = _SECTORS
        if flat > radius:
            half, middle = math.asin(radius / flat), math.atan2(y, x)
            first[i] = _sector(middle - half)
            width[i] = min(_SECTORS, 2 + int(2.0 * half / _TURN * _SECTORS))
        for k in range(width[i]):
            sizes[(first[i] + k) % _SECTORS + 1] += 1
    starts = np.cumsum(sizes)
    filled, members = starts.copy(), np.empty(starts[-1], np.int64)
    order = np.arange(count)
    sort_by_depth(order, count, nearest)
    for i in order:
        for k in range(width[i]):
            sector = (first[i] + k) % _SECTORS
            members[filled[sector]] = i
            filled[sector] += 1
    return starts, members, nearest


@jit
def _meet_instance(origin, dx, dy, dz, limit, meshes, instances, i, scratch):
    """Return how far along a ray an instance is hit from outside, and the cosine there; infinity for a miss.

    ``scratch`` (4, 3) spares an allocation for every ray and object.
    """
    frame = instances.frames[i]
    x, y, z = origin[0] - frame[3, 0], origin[1] - frame[3, 1], origin[2] - frame[3, 2]
    start, along, square, normal = scratch[0], scratch[1], scratch[2], scratch[3]
    enter, leave = 0.0, limit
    for axis in range(3):
        a, b, c = frame[axis, 0], frame[axis, 1], frame[axis, 2]
        square[axis] = a * a + b * b + c * c
        start[axis] = (a * x + b * y + c * z) / square[axis]
        along[axis] = (a * dx + b * dy + c * dz) / square[axis]
        if abs(along[axis]) < _TOUCH:
            if abs(start[axis]) > _CUBE:
                return math.inf, 0.0
            continue
        near, far = (-_CUBE - start[axis]) / along[axis], (_CUBE - start[axis]) / along[axis]
        enter, leave = max(enter, min(near, far)), min(leave, max(near, far))
    if enter > leave:
        return math.inf, 0.0
    mesh = instances.shape[i]
    best = math.inf
    normal[:] = 0.0
    for face in range(meshes.ranges[mesh, 0], meshes.ranges[mesh, 1]):
        best = _meet_face(start, along, meshes.corners[face], meshes.material[face], best, normal)
    for ball in range(meshes.ranges[mesh, 2], meshes.ranges[mesh, 3]):
        best = _meet_ball(start, along, meshes.balls[ball], best, normal)
    return best, _cosine(normal, along, square)


@jit
def _meet_face(start, along, corners, material, best, normal):
    """Return where a ray of the unit cube's space meets a face from its front, if nearer than ``best``."""
    u0, u1, u2 = corners[1, 0] - corners[0, 0], corners[1, 1] - corners[0, 1], corners[1, 2] - corners[0, 2]
    v0, v1, v2 = corners[3, 0] - corners[0, 0], corners[3, 1] - corners[0, 1], corners[3, 2] - corners[0, 2]
    n0, n1, n2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
    facing = n0 * along[0] + n1 * along[1] + n2 * along[2]
    if facing >= -_TOUCH:
        return best
    o0, o1, o2 = start[0] - corners[0, 0], start[1] - corners[0, 1], start[2] - corners[0, 2]
    t = -(n0 * o0 + n1 * o1 + n2 * o2) / facing
    if t < 0.0 or t >= best:
        return best
    p0, p1, p2 = start[0] + t * along[0], start[1] + t * along[1], start[2] + t * along[2]
    for i in range(4):
        j = (i + 1) & 3
        e0, e1, e2 = corners[j, 0] - corners[i, 0], corners[j, 1] - corners[i, 1], corners[j, 2] - corners[i, 2]
        q0, q1, q2 = p0 - corners[i, 0], p1 - corners[i, 1], p2 - corners[i, 2]
        inside = n0 * (e1 * q2 - e2 * q1) + n1 * (e2 * q0 - e0 * q2) + n2 * (e0 * q1 - e1 * q0)
        if inside < -_TOUCH:
            return best
    if material == m.WHEEL:
        q0, q1, q2 = p0 - corners[0, 0], p1 - corners[0, 1], p2 - corners[0, 2]
        u = (q0 * u0 + q1 * u1 + q2 * u2) / (u0 * u0 + u1 * u1 + u2 * u2)
        v = (q0 * v0 + q1 * v1 + q2 * v2) / (v0 * v0 + v1 * v1 + v2 * v2)
        if (2.0 * u - 1.0) ** 2 + (2.0 * v - 1.0) ** 2 > 1.0:
            return best
    normal[0], normal[1], normal[2] = n0, n1, n2
    return t


@jit
def _meet_ball(start, along, ball, best, normal):
    """Return where a ray of the unit cube's space enters an ellipsoid, if nearer than ``best``."""
    a = b = c = 0.0
    for axis in range(3):
        radius = ball[4] if axis == 2 else ball[3]
        o, d = (start[axis] - ball[axis]) / radius, along[axis] / radius
        a += d * d
        b += o * d
        c += o * o
    inner = b * b - a * (c - 1.0)
    if inner < 0.0:
        return best
    t = (-b - math.sqrt(inner)) / a
    if t < 0.0 or t >= best:
        return best
    for axis in range(3):
        radius = ball[4] if axis == 2 else ball[3]
        normal[axis] = (start[axis] + t * along[axis] - ball[axis]) / (radius * radius)
    return t


@jit_inline
def _cosine(normal, along, square):
    """Return the cosine of incidence in the map from a normal and a unit ray given in the unit cube's space."""
    # Normals turn into the map by the inverse stretch: component / |axis|. Rays by the stretch: component * |axis|.
    dot = length = 0.0
    for axis in range(3):
        dot += normal[axis] * along[axis]
        length += normal[axis] * normal[axis] / square[axis]
    return -dot / math.sqrt(length) if length > 0.0 else 0.0
