"""Contacts of turned rectangles in the plane: separating axes, impulses and pushing apart, compiled.

A static obstacle is a row (x, y, yaw, half length, half width); a body is a row of ``carla_lite.engine.body``.
"""

from __future__ import annotations

import math

import numpy as np

from carla_lite.engine._numba import jit
from carla_lite.engine.body import (
    HALF_X,
    HALF_Y,
    INVERSE_INERTIA,
    INVERSE_MASS,
    SIZE,
    VX,
    VY,
    YAW,
    YAW_RATE,
    X,
    Y,
)
from waypilot.geometry import FloatArray

_RESTITUTION = 0.1
# Slower contacts do not bounce, or a car pressed against a wall would tremble.
_BOUNCE_MPS = 0.5
_CONTACT_FRICTION = 0.3
_SLOP_M = 0.002
_PUSH_SHARE = 0.8


@jit
def corners(x: float, y: float, yaw: float, half_x: float, half_y: float) -> FloatArray:
    """Return the corners (4, 2) of a rectangle."""
    c, s = math.cos(yaw), math.sin(yaw)
    result = np.empty((4, 2))
    for index, (sx, sy) in enumerate(((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))):
        result[index, 0] = x + c * sx * half_x - s * sy * half_y
        result[index, 1] = y + s * sx * half_x + c * sy * half_y
    return result


@jit
def _axis_depth(dx: float, dy: float, ax: float, ay: float, a: FloatArray, b: FloatArray) -> float:
    """Return how deep two rectangles (yaw, half x, half y) overlap along a unit axis; negative when apart."""
    reach = 0.0
    for box in (a, b):
        c, s = math.cos(box[0]), math.sin(box[0])
        reach += box[1] * abs(c * ax + s * ay) + box[2] * abs(-s * ax + c * ay)
    return reach - abs(dx * ax + dy * ay)


@jit
def penetration(dx: float, dy: float, a: FloatArray, b: FloatArray) -> tuple[float, float, float]:
    """Return (depth, nx, ny) of the shallowest overlap, normal from a to b; depth <= 0 means no contact.

    (dx, dy) leads from a's middle to b's; a and b are (yaw, half x, half y).
    """
    depth, nx, ny = math.inf, 1.0, 0.0
    for yaw in (a[0], a[0] + 0.5 * math.pi, b[0], b[0] + 0.5 * math.pi):
        ax, ay = math.cos(yaw), math.sin(yaw)
        found = _axis_depth(dx, dy, ax, ay, a, b)
        if found < depth - 1e-12:
            depth = found
            nx, ny = (ax, ay) if dx * ax + dy * ay >= 0.0 else (-ax, -ay)
        if depth <= 0.0:
            return depth, nx, ny
    return depth, nx, ny


@jit
def _add_inside(points: FloatArray, x: float, y: float, box: FloatArray, total: FloatArray) -> None:
    c, s = math.cos(box[0]), math.sin(box[0])
    for index in range(4):
        px, py = points[index, 0] - x, points[index, 1] - y
        if abs(c * px + s * py) <= box[1] + 1e-9 and abs(-s * px + c * py) <= box[2] + 1e-9:
            total[0] += points[index, 0]
            total[1] += points[index, 1]
            total[2] += 1.0


@jit
def _contact_point(ax: float, ay: float, a: FloatArray, bx: float, by: float, b: FloatArray) -> tuple[float, float]:
    """Return the middle of the corners that lie inside the other rectangle, or of both middles for a cross."""
    total = np.zeros(3)
    _add_inside(corners(ax, ay, a[0], a[1], a[2]), bx, by, b, total)
    _add_inside(corners(bx, by, b[0], b[1], b[2]), ax, ay, a, total)
    if total[2] == 0.0:
        return 0.5 * (ax + bx), 0.5 * (ay + by)
    return total[0] / total[2], total[1] / total[2]


@jit
def _push(row: FloatArray, px: float, py: float, jx: float, jy: float) -> None:
    row[VX] += jx * row[INVERSE_MASS]
    row[VY] += jy * row[INVERSE_MASS]
    row[YAW_RATE] += ((px - row[X]) * jy - (py - row[Y]) * jx) * row[INVERSE_INERTIA]


@jit
def _response(a: FloatArray, b: FloatArray, px: float, py: float, ux: float, uy: float) -> float:
    """Return the inverse mass that two bodies show at a point to an impulse along (ux, uy)."""
    ra = (px - a[X]) * uy - (py - a[Y]) * ux
    rb = (px - b[X]) * uy - (py - b[Y]) * ux
    turning = ra * ra * a[INVERSE_INERTIA] + rb * rb * b[INVERSE_INERTIA]
    return float(a[INVERSE_MASS] + b[INVERSE_MASS] + turning)


@jit
def _closing(a: FloatArray, b: FloatArray, px: float, py: float, ux: float, uy: float) -> float:
    """Return the speed of b relative to a at a point along (ux, uy)."""
    vx = b[VX] - b[YAW_RATE] * (py - b[Y]) - a[VX] + a[YAW_RATE] * (py - a[Y])
    vy = b[VY] + b[YAW_RATE] * (px - b[X]) - a[VY] - a[YAW_RATE] * (px - a[X])
    return float(vx * ux + vy * uy)


@jit
def resolve(a: FloatArray, b: FloatArray, impulse_on_a: FloatArray) -> None:
    """Part two bodies if they touch; adds the normal impulse on ``a`` (N s, map axes) to ``impulse_on_a`` (2,)."""
    if a[INVERSE_MASS] + b[INVERSE_MASS] == 0.0:
        return
    box_a = np.array([a[YAW], a[HALF_X], a[HALF_Y]])
    box_b = np.array([b[YAW], b[HALF_X], b[HALF_Y]])
    depth, nx, ny = penetration(b[X] - a[X], b[Y] - a[Y], box_a, box_b)
    if depth <= 0.0:
        return
    px, py = _contact_point(a[X], a[Y], box_a, b[X], b[Y], box_b)
    speed = _closing(a, b, px, py, nx, ny)
    if speed < 0.0:
        bounce = _RESTITUTION if speed < -_BOUNCE_MPS else 0.0
        j = -(1.0 + bounce) * speed / _response(a, b, px, py, nx, ny)
        _push(a, px, py, -j * nx, -j * ny)
        _push(b, px, py, j * nx, j * ny)
        impulse_on_a[0] -= j * nx
        impulse_on_a[1] -= j * ny
        _rub(a, b, px, py, -ny, nx, _CONTACT_FRICTION * j)
    _part(a, b, nx, ny, depth)


@jit
def _rub(a: FloatArray, b: FloatArray, px: float, py: float, tx: float, ty: float, limit: float) -> None:
    wanted = -_closing(a, b, px, py, tx, ty) / _response(a, b, px, py, tx, ty)
    j = min(max(wanted, -limit), limit)
    _push(a, px, py, -j * tx, -j * ty)
    _push(b, px, py, j * tx, j * ty)


@jit
def _part(a: FloatArray, b: FloatArray, nx: float, ny: float, depth: float) -> None:
    move = _PUSH_SHARE * max(depth - _SLOP_M, 0.0) / (a[INVERSE_MASS] + b[INVERSE_MASS])
    a[X] -= move * a[INVERSE_MASS] * nx
    a[Y] -= move * a[INVERSE_MASS] * ny
    b[X] += move * b[INVERSE_MASS] * nx
    b[Y] += move * b[INVERSE_MASS] * ny


@jit
def obstacle_body(obstacle: FloatArray) -> FloatArray:
    """Return a static obstacle as an immovable body row."""
    row = np.zeros(SIZE)
    row[X], row[Y], row[YAW], row[HALF_X], row[HALF_Y] = obstacle
    return row
