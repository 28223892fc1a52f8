"""Navigation meshes in the binary form that CARLA's client reads: a Detour mesh set of one flat tile.

Little-endian. The set: magic, version, number of tiles, then ``dtNavMeshParams``; a tile's reference and size; the
tile as ``dtNavMesh::addTile`` takes it: header, corners, polygons, room for links (which addTile makes), detail
triangles, and the tree of bounding boxes. References have 32 bits. Detour's axes are CARLA's with y and z exchanged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from carla_lite.maps.walkways import MAX_CORNERS, Area, Walkways

_SET_MAGIC, _SET_VERSION = 0x4D534554, 1
_TILE_MAGIC, _TILE_VERSION = 0x444E4156, 7
_FLAG_OF = {Area.SIDEWALK: 0x02, Area.CROSSWALK: 0x04, Area.ROAD: 0x08}
_LINK_BYTES = 12
_AGENT_HEIGHT_M, _AGENT_RADIUS_M, _AGENT_CLIMB_M = 1.8, 0.3, 0.3
# Boxes of the tree are 16-bit multiples of this.
_MARGIN_M = 1.0
_POLYGON = struct.Struct(f"<I{MAX_CORNERS}H{MAX_CORNERS}HHBB")
_TREE_NODE = np.dtype([("low", "<u2", 3), ("high", "<u2", 3), ("index", "<i4")])


def mesh_set(walkways: Walkways) -> bytes:
    """Write a mesh for ``dtNavMesh``; empty when there is nowhere to walk."""
    if not walkways.polygons:
        return b""
    corners = np.zeros((len(walkways.corners_m), 3), "<f4")
    corners[:, 0], corners[:, 2] = walkways.corners_m[:, 0], -walkways.corners_m[:, 1]
    low, high = corners.min(axis=0) - _MARGIN_M, corners.max(axis=0) + _MARGIN_M
    tile = _tile(walkways, corners, low, high)
    polygon_bits = max(1, (len(walkways.polygons) - 1).bit_length())
    size = high - low
    parameters = struct.pack("<3f2f2i", *low, size[0], size[2], 1, 1 << polygon_bits)
    # A reference has salt, tile and polygon; the first salt is 1, the only tile is 0 and takes no bits.
    reference = 1 << polygon_bits
    return (
        struct.pack("<3i", _SET_MAGIC, _SET_VERSION, 1) + parameters + struct.pack("<Ii", reference, len(tile)) + tile
    )


def _tile(
    walkways: Walkways, corners: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]
) -> bytes:
    count = len(walkways.polygons)
    links = sum(len(ring) for ring in walkways.polygons)
    triangles = list(_detail_triangles(walkways))
    per_metre = np.float32(60000.0 / float((high - low).max()))
    tree = _tree(walkways, corners, low, float(per_metre))
    header = struct.pack("<5iI9i", _TILE_MAGIC, _TILE_VERSION, 0, 0, 0, 0, count, len(corners), links, count, 0,
                         len(triangles), len(tree), 0, count)  # fmt: skip
    header += struct.pack("<3f3f3ff", _AGENT_HEIGHT_M, _AGENT_RADIUS_M, _AGENT_CLIMB_M, *low, *high, per_metre)
    return b"".join(
        [
            header,
            corners.tobytes(),
            *_polygons(walkways),
            bytes(links * _LINK_BYTES),
            *_details(walkways),
            *triangles,
            tree.tobytes(),
        ]
    )


def _polygons(walkways: Walkways) -> Iterator[bytes]:
    for ring, beyond, area in zip(walkways.polygons, walkways.neighbours, walkways.areas, strict=True):
        spare = [0] * (MAX_CORNERS - len(ring))
        numbers = [0 if number is None else number + 1 for number in beyond]
        yield _POLYGON.pack(0, *ring, *spare, *numbers, *spare, _FLAG_OF[area], len(ring), int(area))


def _details(walkways: Walkways) -> Iterator[bytes]:
    first = 0
    for ring in walkways.polygons:
        yield struct.pack("<2I2BH", 0, first, 0, len(ring) - 2, 0)
        first += len(ring) - 2


def _detail_triangles(walkways: Walkways) -> Iterator[bytes]:
    """Yield a fan for each polygon; the flags say which sides lie on its outline."""
    for ring in walkways.polygons:
        for second in range(1, len(ring) - 1):
            flags = 1 << 2 | (second == 1) | (second == len(ring) - 2) << 4
            yield bytes((0, second, second + 1, flags))


def _tree(
    walkways: Walkways, corners: NDArray[np.float32], low: NDArray[np.float32], per_metre: float
) -> NDArray[np.void]:
    """Return the nodes depth first; a leaf names its polygon, another node how many entries to skip, negated."""
    rings = np.array([ring + ring[:1] * (MAX_CORNERS - len(ring)) for ring in walkways.polygons])
    lows = np.floor((corners[rings].min(axis=1) - low) * per_metre)
    highs = np.ceil((corners[rings].max(axis=1) - low) * per_metre)
    nodes = np.zeros(2 * len(rings) - 1, _TREE_NODE)
    # Each entry of the stack is a node's place and the polygons below it.
    stack = [(0, np.arange(len(rings)))]
    while stack:
        place, members = stack.pop()
        least, most = lows[members].min(axis=0), highs[members].max(axis=0)
        nodes[place] = (least, most, members[0] if len(members) == 1 else 1 - 2 * len(members))
        if len(members) > 1:
            axis = int(np.argmax(most - least))
            half = len(members) // 2
            members = members[np.argpartition(lows[members, axis], half)]
            stack += [(place + 1, members[:half]), (place + 2 * half, members[half:])]
    return nodes
