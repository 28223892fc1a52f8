import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest

from carla_lite.maps import PostKind, available_towns, load_town
from carla_lite.maps.layout import lay_out
from carla_lite.maps.plans import town_plan, town_xodr

TOWNS = (*available_towns(), "generate:0", "generate:7", "signals:3", "country:2", "country:3")
DIGESTS = {
    "Lite01": "add5c4a55cb4eda9",
    "Lite02": "05f7b024e95390ed",
    "Lite03": "be043fdf6887ac2f",
    "Lite04": "a5040ee2e3ae48d8",
    "Lite05": "04cf55051ef7f383",
    "Lite06": "d50735326e9de32b",
}


def _beside(lanes, index: int) -> list[int]:
    """The lanes that one may change to: of the same direction, behind a broken line."""
    lane = lanes[index]
    place = (lane.road_id, lane.section_index)
    found = []
    for other in lanes[max(0, index - 1) : index + 2]:
        outer = max(lane, other, key=lambda x: abs(x.lane_id))
        if (other.road_id, other.section_index) == place and other.lane_id * lane.lane_id > 0 and other is not lane:
            found += [other.index] if any(mark.kind == "broken" for mark in outer.left_marks) else []
    return found


def _reachable(lanes, start: int, links: str) -> set[int]:
    found, queue = {start}, [start]
    while queue:
        index = queue.pop()
        for following in (*getattr(lanes[index], links), *_beside(lanes, index)):
            if following not in found and lanes[following].is_driving:
                found.add(following)
                queue.append(following)
    return found


@pytest.mark.parametrize("name", TOWNS)
def test_the_same_name_gives_the_same_bytes_and_scene(name: str) -> None:
    assert town_xodr(name) == town_xodr(name)
    first = load_town(name)
    load_town.cache_clear()
    second = load_town(name)
    assert first is not second
    assert first.scene.boxes == second.scene.boxes
    assert first.spawn_points == second.spawn_points


@pytest.mark.parametrize(("name", "digest"), DIGESTS.items())
def test_the_built_in_towns_never_change_unnoticed(name: str, digest: str) -> None:
    # Routes, results and the shipped policy refer to these towns: change a digest only together with them.
    town = load_town(name)
    heights = [round(box.half_extent_m[2], 6) for box in town.scene.boxes]
    assert hashlib.sha256(f"{town.xodr}{heights}".encode()).hexdigest()[:16] == digest


def test_seeds_give_different_towns_and_every_seed_works() -> None:
    texts = {town_xodr(f"generate:{seed}") for seed in range(60)}
    assert len(texts) == 60


def test_a_town_with_signals_has_the_streets_of_its_seed_and_every_kind_of_signal() -> None:
    for seed in range(12):
        plain, signalled = (lay_out(town_plan(f"{kind}:{seed}")) for kind in ("generate", "signals"))
        assert [street.pieces for street in plain.streets] == [street.pieces for street in signalled.streets]
        assert {street.limit_kph for street in signalled.streets} <= {30, 40, 50}
    towns = [load_town(f"signals:{seed}") for seed in range(4)]
    kinds = {post.kind for town in towns for post in town.posts}
    assert kinds == set(PostKind)


def test_country_towns_have_long_streets_wide_bends_and_no_pavements() -> None:
    texts = set()
    for seed in range(40):
        streets = lay_out(town_plan(f"country:{seed}")).streets
        bends = [piece for street in streets for piece in street.pieces if piece.curvature_1pm]
        assert min(abs(1.0 / piece.curvature_1pm) for piece in bends) >= 70.0
        wide_m = sum(piece.length_m for piece in bends if abs(1.0 / piece.curvature_1pm) <= 150.0)
        assert wide_m > 0.2 * sum(street.length_m for street in streets)
        assert min(street.length_m for street in streets) > 120.0
        texts.add(town_xodr(f"country:{seed}"))
    assert len(texts) == 40
    assert not any("sidewalk" in text for text in texts)


def test_odd_country_towns_have_two_lanes_each_way_and_even_ones_one() -> None:
    for seed, count in ((2, 1), (3, 2)):
        town = load_town(f"country:{seed}")
        streets = {lane.road_id for lane in town.lanes if not lane.is_junction}
        for road in streets:
            driving = {lane.lane_id for lane in town.lanes if lane.road_id == road and lane.is_driving}
            assert driving == {*range(1, count + 1), *range(-count, 0)}


def test_signs_speak_to_both_lanes_of_a_wide_street_and_stand_beside_them() -> None:
    town = load_town("country:5")
    stops = [post for post in town.posts if post.kind is PostKind.STOP]
    assert stops
    for post in stops:
        places = [town.lane_at(zone.pose.x_m, zone.pose.y_m) for zone in post.zones]
        assert {abs(place.lane.lane_id) for place in places if place} == {1, 2}
    for post in town.posts:
        assert town.lane_at(post.pose.x_m, post.pose.y_m) is None


@pytest.mark.parametrize("name", ["Town01", "generate:", "generate:-1", "generate:x", "signals:x", "country:x"])
def test_unknown_names_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="unknown town"):
        load_town(name)


@pytest.mark.parametrize("name", TOWNS)
def test_every_driving_lane_can_be_reached_from_every_other(name: str) -> None:
    lanes = load_town(name).lanes
    driving = {lane.index for lane in lanes if lane.is_driving}
    start = min(driving)
    assert _reachable(lanes, start, "successors") == driving
    assert _reachable(lanes, start, "predecessors") == driving


@pytest.mark.parametrize("name", TOWNS)
def test_linked_lanes_join_without_gap_or_kink(name: str) -> None:
    lanes = load_town(name).lanes
    for lane in lanes:
        for index in lane.successors:
            following = lanes[index]
            assert np.hypot(*(following.center_m[0] - lane.center_m[-1])) < 1e-5
            turn = following.heading_rad[0] - lane.heading_rad[-1]
            assert abs(math.remainder(turn, 2.0 * math.pi)) < 1e-5


@pytest.mark.parametrize("name", TOWNS)
def test_spawn_points_lie_on_their_lane_away_from_junctions_and_buildings(name: str) -> None:
    town = load_town(name)
    assert len(town.spawn_points) >= 40
    junctions = np.concatenate([lane.center_m for lane in town.lanes if lane.is_junction])
    for pose in town.spawn_points:
        place = town.lane_at(pose.x_m, pose.y_m)
        assert place is not None
        assert not place.lane.is_junction
        assert abs(place.lateral_m) < 0.02
        assert abs(math.remainder(place.heading_rad - pose.planar.yaw_rad, 2.0 * math.pi)) < 0.01
        assert np.hypot(*(junctions - [pose.x_m, pose.y_m]).T).min() > 10.0


def test_lite01_has_a_straight_street_of_240_m_across_two_crossings() -> None:
    town = load_town("Lite01")
    places = [town.lane_at(float(x), -1.75) for x in np.arange(-160.0, 160.0, 1.0)]
    assert all(place is not None for place in places)
    assert len({place.lane.junction_id for place in places if place and place.lane.is_junction}) == 2
    east = [place for place in places if place and not place.lane.is_junction]
    assert all(abs(place.heading_rad) < 1e-9 and abs(place.lateral_m) < 1e-6 for place in east)


@pytest.mark.parametrize("name", ["Lite02", "Lite03"])
def test_training_towns_have_crossings_and_curves_of_many_radii(name: str) -> None:
    layout = lay_out(town_plan(name))
    radii = {round(abs(1.0 / p.curvature_1pm)) for street in layout.streets for p in street.pieces if p.curvature_1pm}
    assert len(radii) >= 8
    assert min(radii) < 30 < 100 < max(radii)
    assert sum(len(crossing.arms) == 4 for crossing in layout.crossings) >= 3
    assert sum(len(crossing.arms) == 3 for crossing in layout.crossings) >= 3


def test_no_curve_of_lite06_is_too_tight_for_its_limit() -> None:
    for street in lay_out(town_plan("Lite06")).streets:
        for piece in street.pieces:
            assert (street.limit_kph / 3.6) ** 2 * abs(piece.curvature_1pm) < 3.5


def test_curves_that_do_not_fit_are_refused() -> None:
    plan = town_plan("Lite01")
    with pytest.raises(ValueError, match="no room between"):
        lay_out(replace(plan, bend_radii_m={(0, 0): 100.0}))
    with pytest.raises(ValueError, match="more than 45 degrees"):
        lay_out(replace(plan, bowed={((1, 1), (2, 1)): 20.0}))
    with pytest.raises(ValueError, match="dead ends"):
        lay_out(replace(plan, removed=frozenset({((0, 0), (1, 0))})))
