"""The shapes of objects: a few flat faces and balls per kind.

They live in a cube from -1 to 1 (x forward, z up) that is stretched to the object's half extents. Far away a plainer
mesh of the same silhouette stands in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.render import materials as m
from carla_lite.scene import Shape

Corner = tuple[float, float, float]
# Fixed red, green, blue, and how much of the object's own colour is added.
Tint = tuple[float, float, float, float]

PAINT: Tint = (0.0, 0.0, 0.0, 1.0)
DARK_PAINT: Tint = (0.0, 0.0, 0.0, 0.72)
ROOF: Tint = (52.0, 50.0, 50.0, 0.35)
GLASS: Tint = (38.0, 44.0, 54.0, 0.0)
TRIM: Tint = (26.0, 26.0, 28.0, 0.0)
TYRE: Tint = (24.0, 24.0, 26.0, 0.0)
PLATE: Tint = (205.0, 205.0, 195.0, 0.0)
LAMP: Tint = (235.0, 238.0, 240.0, 0.0)
TAIL: Tint = (150.0, 16.0, 18.0, 0.0)
SKIN: Tint = (206.0, 160.0, 130.0, 0.0)
CLOTHES: Tint = (70.0, 84.0, 112.0, 0.0)
TROUSERS: Tint = (44.0, 46.0, 62.0, 0.0)
RED_LENS: Tint = (255.0, 42.0, 32.0, 0.0)
YELLOW_LENS: Tint = (255.0, 186.0, 24.0, 0.0)
GREEN_LENS: Tint = (36.0, 240.0, 130.0, 0.0)
# The front of a sign is coloured by its material, its back is painted.
SIGN_FRONT: Tint = (0.0, 0.0, 0.0, 0.0)
BARK: Tint = (92.0, 70.0, 50.0, 0.0)


class Meshes(NamedTuple):
    """All meshes: ``corners`` (F, 4, 3), ``material`` (F,), ``tint`` (F, 4); balls likewise.

    ``balls`` (B, 5) holds centre, horizontal and vertical radius. ``ranges`` (M, 4): first and last+1 face,
    first and last+1 ball of a mesh.
    """

    corners: NDArray[np.float64]
    material: NDArray[np.int64]
    tint: NDArray[np.float64]
    balls: NDArray[np.float64]
    ball_tint: NDArray[np.float64]
    ranges: NDArray[np.int64]


class MeshBuilder:
    """Collects the faces and balls of one mesh. Faces run counter-clockwise as seen from outside."""

    def __init__(self) -> None:
        self.faces: list[tuple[tuple[Corner, Corner, Corner, Corner], int, Tint]] = []
        self.spheres: list[tuple[tuple[float, float, float, float, float], Tint]] = []

    def face(self, corners: tuple[Corner, Corner, Corner, Corner], tint: Tint, material: int = m.FLAT) -> None:
        """Add a flat convex face; its first side is the texture's u axis, its last one v."""
        self.faces.append((corners, material, tint))

    def frustum(
        self,
        base: tuple[float, float, float, float],
        top: tuple[float, float, float, float],
        z: tuple[float, float],
        sides: Tint,
        cap: Tint,
        material: int = m.FLAT,
    ) -> None:
        """Add four sides and a top between two rectangles (x0, x1, y0, y1) at heights ``z``."""
        low = [(base[i], base[j], z[0]) for i, j in ((0, 2), (1, 2), (1, 3), (0, 3))]
        high = [(top[i], top[j], z[1]) for i, j in ((0, 2), (1, 2), (1, 3), (0, 3))]
        for i in range(4):
            j = (i + 1) % 4
            self.face((low[i], low[j], high[j], high[i]), sides, material)
        self.face((high[0], high[1], high[2], high[3]), cap)

    def front_panel(self, x: float, y: tuple[float, float], z: tuple[float, float], tint: Tint, material: int) -> None:
        """Add an upright rectangle across the car, facing forward for x > 0 and backward else."""
        left, right = (y[0], y[1]) if x > 0 else (y[1], y[0])
        self.face(((x, left, z[0]), (x, right, z[0]), (x, right, z[1]), (x, left, z[1])), tint, material)

    def side_panel(
        self,
        y: float,
        bottom: tuple[float, float],
        top: tuple[float, float],
        z: tuple[float, float],
        tint: Tint,
        material: int,
    ) -> None:
        """Add an upright trapezoid along the car on side ``y``; ``bottom`` and ``top`` are its x ranges."""
        (b0, b1), (t0, t1) = (bottom, top) if y < 0 else (bottom[::-1], top[::-1])
        self.face(((b0, y, z[0]), (b1, y, z[0]), (t1, y, z[1]), (t0, y, z[1])), tint, material)

    def ball(self, center: Corner, radius: float, vertical_radius: float, tint: Tint) -> None:
        """Add an ellipsoid, always drawn facing the camera."""
        self.spheres.append(((*center, radius, vertical_radius), tint))


TRUNK_SHARE = 0.1
"""Half width of a tree's trunk per half width of the tree."""
_WHOLE = (-1.0, 1.0, -1.0, 1.0)


def _building(b: MeshBuilder) -> None:
    b.frustum(_WHOLE, _WHOLE, (-1.0, 1.0), PAINT, ROOF, m.FACADE)


def _box(b: MeshBuilder) -> None:
    b.frustum(_WHOLE, _WHOLE, (-1.0, 1.0), PAINT, PAINT)


def _car(b: MeshBuilder) -> None:
    belt, roof = 0.18, 1.0
    body = (-1.0, 1.0, -0.96, 0.96)
    b.frustum((-0.96, 0.96, -0.9, 0.9), (-1.0, 1.0, -0.94, 0.94), (-0.76, -0.5), TRIM, TRIM)
    b.frustum(body, body, (-0.5, -0.1), PAINT, PAINT)
    b.frustum(body, (-0.97, 0.95, -0.9, 0.9), (-0.1, belt), PAINT, PAINT)
    _cabin(b, belt, roof)
    for y in (-0.97, 0.97):
        for x in (-0.62, 0.62):
            b.side_panel(y, (x - 0.155, x + 0.155), (x - 0.155, x + 0.155), (-1.0, -0.08), TYRE, m.WHEEL)
    for side in (-1.0, 1.0):
        near, far = sorted((side * 0.5, side * 0.9))
        b.front_panel(1.004, (near, far), (-0.28, -0.08), LAMP, m.HEAD_LAMP)
        b.front_panel(-1.004, (near, far), (-0.22, 0.0), TAIL, m.TAIL_LAMP)
    b.front_panel(1.003, (-0.4, 0.4), (-0.46, -0.26), TRIM, m.FLAT)
    b.front_panel(-1.003, (-0.28, 0.28), (-0.44, -0.28), PLATE, m.FLAT)


def _cabin(b: MeshBuilder, belt: float, roof: float) -> None:
    foot, top = (-0.72, 0.46, -0.86, 0.86), (-0.46, 0.1, -0.68, 0.68)
    b.frustum(foot, top, (belt, roof), PAINT, PAINT)
    # Panes a hair outside the painted cabin, so that pillars remain visible between them.
    lean = 0.18
    low, high, shift = belt + 0.08, roof - 0.1, 0.012
    for x0, x1, sign in ((0.46, 0.1, 1.0), (-0.72, -0.46, -1.0)):
        xa, xb = _between(x0, x1, low, belt, roof), _between(x0, x1, high, belt, roof)
        ya, yb = 0.78 * sign, 0.62 * sign
        out = shift * sign
        b.face(((xa + out, -ya, low), (xa + out, ya, low), (xb + out, yb, high), (xb + out, -yb, high)), GLASS, m.GLASS)
    for sign in (-1.0, 1.0):
        ya = sign * (0.86 - lean * (low - belt) / (roof - belt) + shift)
        yb = sign * (0.86 - lean * (high - belt) / (roof - belt) + shift)
        a0, a1, b0, b1 = -0.6, 0.34, -0.44, 0.1
        if sign > 0:
            a0, a1, b0, b1 = a1, a0, b1, b0
        b.face(((a0, ya, low), (a1, ya, low), (b1, yb, high), (b0, yb, high)), GLASS, m.GLASS)


def _between(x0: float, x1: float, z: float, z0: float, z1: float) -> float:
    return x0 + (x1 - x0) * (z - z0) / (z1 - z0)


def _far_car(b: MeshBuilder) -> None:
    body = (-1.0, 1.0, -0.96, 0.96)
    b.frustum(body, body, (-0.8, 0.18), PAINT, PAINT)
    b.frustum((-0.72, 0.46, -0.86, 0.86), (-0.46, 0.1, -0.68, 0.68), (0.18, 1.0), GLASS, PAINT, m.GLASS)
    b.front_panel(1.01, (-0.9, 0.9), (-0.3, -0.05), LAMP, m.HEAD_LAMP)
    b.front_panel(-1.01, (-0.9, 0.9), (-0.25, 0.0), TAIL, m.TAIL_LAMP)


def _van(b: MeshBuilder) -> None:
    _van_body(b)
    for y in (-0.97, 0.97):
        for x in (-0.62, 0.66):
            b.side_panel(y, (x - 0.12, x + 0.12), (x - 0.12, x + 0.12), (-1.0, -0.4), TYRE, m.WHEEL)
    b.front_panel(1.003, (-0.4, 0.4), (-0.62, -0.48), TRIM, m.FLAT)
    b.front_panel(-1.003, (-0.28, 0.28), (-0.6, -0.5), PLATE, m.FLAT)


def _van_body(b: MeshBuilder) -> None:
    body = (-1.0, 1.0, -0.96, 0.96)
    b.frustum(body, body, (-0.75, 1.0), PAINT, PAINT)
    b.front_panel(1.004, (-0.84, 0.84), (0.12, 0.8), GLASS, m.GLASS)
    for y in (-0.964, 0.964):
        b.side_panel(y, (0.5, 0.92), (0.5, 0.92), (0.15, 0.75), GLASS, m.GLASS)
    for side in (-1.0, 1.0):
        near, far = sorted((side * 0.6, side * 0.9))
        b.front_panel(1.004, (near, far), (-0.5, -0.34), LAMP, m.HEAD_LAMP)
        b.front_panel(-1.004, (near, far), (-0.45, -0.25), TAIL, m.TAIL_LAMP)


def _two_wheeler(b: MeshBuilder) -> None:
    """Two wheels and a frame along the middle, a rider with hands on the bar; as high as machine and rider."""
    for y in (-0.06, 0.06):
        for x in (-0.62, 0.62):
            b.side_panel(y, (x - 0.36, x + 0.36), (x - 0.36, x + 0.36), (-1.0, -0.2), TYRE, m.WHEEL)
    b.frustum((-0.7, 0.6, -0.12, 0.12), (-0.5, 0.5, -0.12, 0.12), (-0.6, -0.1), PAINT, PAINT)
    b.frustum((0.34, 0.5, -0.8, 0.8), (0.34, 0.5, -0.8, 0.8), (0.06, 0.14), TRIM, TRIM)
    b.front_panel(0.7, (-0.14, 0.14), (-0.12, 0.06), LAMP, m.HEAD_LAMP)
    b.front_panel(-0.75, (-0.14, 0.14), (-0.2, -0.06), TAIL, m.TAIL_LAMP)
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.16, side * 0.45))
        b.frustum((-0.1, 0.14, y0, y1), (-0.26, 0.0, y0, y1), (-0.7, 0.02), TROUSERS, TROUSERS)
    b.frustum((-0.3, 0.04, -0.5, 0.5), (-0.08, 0.22, -0.6, 0.6), (0.0, 0.66), CLOTHES, CLOTHES)
    b.frustum((0.0, 0.24, -0.24, 0.24), (0.04, 0.22, -0.18, 0.18), (0.7, 1.0), SKIN, SKIN)


def _pedestrian(b: MeshBuilder) -> None:
    for side in (-1.0, 1.0):
        y0, y1 = sorted((side * 0.1, side * 0.6))
        b.frustum((-0.35, 0.35, y0, y1), (-0.4, 0.4, y0, y1), (-1.0, -0.1), TROUSERS, TROUSERS)
    b.frustum((-0.5, 0.5, -0.75, 0.75), (-0.5, 0.5, -0.95, 0.95), (-0.1, 0.6), PAINT, PAINT)
    b.ball((0.0, 0.0, 0.8), 0.45, 0.15, SKIN)


def _pole(b: MeshBuilder) -> None:
    b.frustum(_WHOLE, (-0.7, 0.7, -0.7, 0.7), (-1.0, 1.0), PAINT, PAINT)


def _tree(b: MeshBuilder) -> None:
    b.frustum((-0.1, 0.1, -0.1, 0.1), (-0.07, 0.07, -0.07, 0.07), (-1.0, 0.2), BARK, BARK)
    b.ball((0.0, 0.0, 0.36), 0.86, 0.6, PAINT)
    b.ball((0.34, 0.26, 0.1), 0.55, 0.36, DARK_PAINT)
    b.ball((-0.36, -0.3, 0.14), 0.55, 0.38, DARK_PAINT)


def _far_tree(b: MeshBuilder) -> None:
    b.frustum((-0.1, 0.1, -0.1, 0.1), (-0.07, 0.07, -0.07, 0.07), (-1.0, 0.2), BARK, BARK)
    b.ball((0.0, 0.0, 0.3), 0.9, 0.66, PAINT)


def _traffic_light(b: MeshBuilder) -> None:
    b.frustum(_WHOLE, _WHOLE, (-1.0, 1.0), PAINT, PAINT)
    for middle, tint, material in (
        (0.64, RED_LENS, m.LAMP_RED),
        (0.0, YELLOW_LENS, m.LAMP_YELLOW),
        (-0.64, GREEN_LENS, m.LAMP_GREEN),
    ):
        b.front_panel(1.02, (-0.84, 0.84), (middle - 0.3, middle + 0.3), tint, material)


def _sign(material: int) -> Callable[[MeshBuilder], None]:
    def build(b: MeshBuilder) -> None:
        b.front_panel(1.0, (-1.0, 1.0), (-1.0, 1.0), SIGN_FRONT, material)
        b.front_panel(-1.0, (-1.0, 1.0), (-1.0, 1.0), PAINT, material)

    return build


_NEAR: dict[Shape, Callable[[MeshBuilder], None]] = {
    Shape.BUILDING: _building,
    Shape.BOX: _box,
    Shape.CAR: _car,
    Shape.PEDESTRIAN: _pedestrian,
    Shape.POLE: _pole,
    Shape.TREE: _tree,
    Shape.TRAFFIC_LIGHT: _traffic_light,
    Shape.STOP_SIGN: _sign(m.STOP_PLATE),
    Shape.YIELD_SIGN: _sign(m.YIELD_PLATE),
    Shape.SPEED_SIGN: _sign(m.SPEED_PLATE),
    Shape.TWO_WHEELER: _two_wheeler,
    Shape.VAN: _van,
}
_FAR: dict[Shape, Callable[[MeshBuilder], None]] = {
    **_NEAR,
    Shape.CAR: _far_car,
    Shape.TREE: _far_tree,
    Shape.VAN: _van_body,
}
FAR_OFFSET = len(Shape)


def build_meshes() -> Meshes:
    """Build the near mesh of shape s at index s and the far one at index ``s + FAR_OFFSET``."""
    faces, spheres, ranges = [], [], []
    for table in (_NEAR, _FAR):
        for shape in sorted(Shape):
            builder = MeshBuilder()
            table[shape](builder)
            ranges.append(
                (len(faces), len(faces) + len(builder.faces), len(spheres), len(spheres) + len(builder.spheres))
            )
            faces += builder.faces
            spheres += builder.spheres
    return Meshes(
        corners=np.array([face[0] for face in faces], np.float64),
        material=np.array([face[1] for face in faces], np.int64),
        tint=np.array([face[2] for face in faces], np.float64),
        balls=np.array([sphere[0] for sphere in spheres], np.float64),
        ball_tint=np.array([sphere[1] for sphere in spheres], np.float64),
        ranges=np.array(ranges, np.int64),
    )
