"""What traffic lights and signs look like: poles with heads and plates, as boxes of the scene."""

from __future__ import annotations

import math
from collections.abc import Iterator

from carla_lite.maps.posts import Post, PostKind
from carla_lite.scene import Box, Rgb, Shape

POLE_HALF_WIDTH_M = 0.07
_POLE_COLOR: Rgb = (104, 108, 110)
_HOUSING: Rgb = (26, 28, 30)
_BACK: Rgb = (150, 152, 154)
_LIGHT_TOP_M, _SIGN_TOP_M = 3.9, 2.75
_HEAD_HALF_EXTENT_M = (0.14, 0.22, 0.6)
_PLATE_HALF_EXTENT_M = (0.02, 0.4, 0.4)
_PLATE_SHAPE = {
    PostKind.STOP: Shape.STOP_SIGN,
    PostKind.YIELD: Shape.YIELD_SIGN,
    PostKind.SPEED_LIMIT: Shape.SPEED_SIGN,
}


def signal_boxes(posts: tuple[Post, ...]) -> tuple[Box, ...]:
    """Return two boxes per signal, its pole first; what it shows faces the traffic."""
    return tuple(box for post in posts for box in _boxes(post))


def head_box(post: Post) -> Box:
    """Return the box that shows a signal: the head of a light, the plate of a sign."""
    return tuple(_boxes(post))[1]


def _boxes(post: Post) -> Iterator[Box]:
    is_light = post.kind is PostKind.LIGHT
    top = _LIGHT_TOP_M if is_light else _SIGN_TOP_M
    half = _HEAD_HALF_EXTENT_M if is_light else _PLATE_HALF_EXTENT_M
    x, y, yaw = post.pose.x_m, post.pose.y_m, post.pose.yaw_rad
    yield Box(Shape.POLE, (x, y, 0.5 * top), (POLE_HALF_WIDTH_M, POLE_HALF_WIDTH_M, 0.5 * top), yaw, _POLE_COLOR)
    before = POLE_HALF_WIDTH_M + half[0]
    center = (x - before * math.cos(yaw), y - before * math.sin(yaw), top - half[2])
    shape = Shape.TRAFFIC_LIGHT if is_light else _PLATE_SHAPE[post.kind]
    yield Box(shape, center, half, yaw + math.pi, _HOUSING if is_light else _BACK, round(post.limit_kph))
