"""Walkways: polygons that fit together, and the mesh file made of them."""

import itertools
import struct

import numpy as np
import pytest

from carla_lite.maps import load_town
from carla_lite.maps.detour import mesh_set
from carla_lite.maps.walkways import MAX_CORNERS, Area, Walkways, find_walkways


@pytest.fixture(scope="module")
def walkways():
    town = load_town("Lite01")
    return find_walkways(town.lanes, town.crosswalks_m, town.scene.boxes, town.scene.bounds_m)


def area_m2(ring):
    x, y = ring.T
    return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


def test_polygons_are_counter_clockwise_and_small(walkways):
    assert {Area.SIDEWALK, Area.CROSSWALK, Area.ROAD} == set(walkways.areas)
    for ring in walkways.polygons:
        assert 3 <= len(ring) <= MAX_CORNERS
        assert area_m2(walkways.corners_m[list(ring)]) > 0.0


def test_neighbours_share_an_edge_and_know_each_other(walkways):
    shared = 0
    for number, (ring, beyond) in enumerate(zip(walkways.polygons, walkways.neighbours, strict=True)):
        for (here, there), other in zip(itertools.pairwise([*ring, ring[0]]), beyond, strict=True):
            if other is not None:
                place = walkways.polygons[other].index(there)
                assert walkways.polygons[other][(place + 1) % len(walkways.polygons[other])] == here
                assert walkways.neighbours[other][place] == number
                shared += 1
    assert shared > 2 * len(walkways.polygons)


def test_the_tile_has_the_length_that_its_header_says(walkways):
    data = mesh_set(walkways)
    assert struct.unpack_from("<3i", data) == (0x4D534554, 1, 1)
    reference, size = struct.unpack_from("<Ii", data, 40)
    assert size == len(data) - 48
    count, corners, links, details, _, triangles, nodes = struct.unpack_from("<7i", data, 48 + 24)
    assert count == details == len(walkways.polygons)
    assert reference & (reference - 1) == 0
    assert reference >= count
    assert size == 100 + 12 * corners + (32 + 12) * count + 12 * links + 4 * triangles + 16 * nodes


def test_every_polygon_is_one_leaf_of_the_tree(walkways):
    data = mesh_set(walkways)
    count = len(walkways.polygons)
    nodes = np.frombuffer(data[-16 * (2 * count - 1) :], np.dtype([("box", "<u2", 6), ("index", "<i4")]))
    assert sorted(nodes["index"][nodes["index"] >= 0]) == list(range(count))
    place = 0
    while place < len(nodes):  # skipping every subtree that can be skipped leads exactly to the end
        place += max(1, -int(nodes["index"][place]))
    assert place == len(nodes)


def test_nowhere_to_walk_is_an_empty_mesh():
    assert mesh_set(Walkways(np.empty((0, 2)), (), (), ())) == b""
