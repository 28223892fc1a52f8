import carla
import pytest

from carla_lite.maps import Lane, PostKind, TownMap, load_town

RING, COLLECTORS, AVENUE = (1, 2, 3, 11, 12, 13), (4, 14), 20


@pytest.fixture(scope="module")
def town() -> TownMap:
    return load_town("Lite05")


@pytest.fixture(scope="module")
def genuine(town: TownMap) -> carla.Map:
    return carla.Map(town.name, town.xodr)


def _lane(town: TownMap, road: int, lane_id: int) -> Lane:
    return next(lane for lane in town.lanes if (lane.road_id, lane.lane_id) == (str(road), lane_id))


def _ahead(town: TownMap, lane: Lane, roads: int) -> set[tuple[str, int]]:
    """Lanes outside junctions that are reached over so many junctions without changing lanes."""
    here = {lane.index}
    for _ in range(2 * roads):
        here = {following for index in here for following in town.lanes[index].successors}
    return {(town.lanes[index].road_id, town.lanes[index].lane_id) for index in here}


def test_the_ring_has_two_lanes_each_way_and_three_beside_the_ramps(genuine: carla.Map) -> None:
    lanes = {road: set() for road in RING}
    for waypoint in genuine.generate_waypoints(10.0):
        if waypoint.road_id in lanes:
            lanes[waypoint.road_id].add(waypoint.lane_id)
    outer = {road: {lane for lane in found if lane < 0} for road, found in lanes.items()}
    assert {road: len(found) for road, found in outer.items()} == {1: 3, 2: 2, 3: 3, 11: 3, 12: 2, 13: 3}
    assert all({lane for lane in found if lane > 0} == {1, 2} for found in lanes.values())


def test_lanes_of_one_direction_may_be_changed_and_the_middle_not_crossed(genuine: carla.Map) -> None:
    left, right, both = carla.LaneChange.Left, carla.LaneChange.Right, carla.LaneChange.Both
    permitted = {lane: genuine.get_waypoint_xodr(1, lane, 40.0).lane_change for lane in (-1, -2, -3, 1, 2)}
    assert permitted == {-1: right, -2: both, -3: left, 1: right, 2: left}
    middle = genuine.get_waypoint_xodr(1, -1, 40.0).left_lane_marking
    assert (middle.type, middle.color) == (carla.LaneMarkingType.SolidSolid, carla.LaneMarkingColor.Yellow)


def test_the_third_lane_leads_to_the_collector_and_back(town: TownMap) -> None:
    assert _ahead(town, _lane(town, 1, -3), 1) == {("4", -1)}
    assert _ahead(town, _lane(town, 4, -1), 1) == {("3", -3)}
    assert _ahead(town, _lane(town, 1, -2), 1) == {("2", -2)}
    assert _ahead(town, _lane(town, 3, 2), 1) == {("2", 2)}


def test_the_avenue_is_reached_from_both_directions_and_leads_to_both(town: TownMap) -> None:
    assert _ahead(town, _lane(town, 3, -1), 1) == {("11", -1), (str(AVENUE), 1)}
    assert _ahead(town, _lane(town, 11, 2), 1) == {("3", 2), (str(AVENUE), 1)}
    assert _ahead(town, _lane(town, AVENUE, -1), 1) == {("11", -1), ("3", 2)}


def test_one_light_holds_for_all_lanes_of_its_direction(town: TownMap) -> None:
    lights = [post for post in town.posts if post.kind is PostKind.LIGHT]
    assert len(lights) == 6
    widths = sorted(round(2.0 * post.trigger.half_width_m / 3.5, 1) for post in lights)
    assert widths == [0.9, 0.9, 1.9, 1.9, 2.9, 2.9]
    assert {(post.group, post.phase) for post in lights} == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_every_lane_knows_its_limit(town: TownMap) -> None:
    for lane in town.lanes:
        if lane.is_driving and not lane.is_junction:
            pose = lane.pose_at(0.5 * lane.length_m)
            road = int(lane.road_id)
            expected = 40.0 if road in COLLECTORS else 30.0 if road == AVENUE else 60.0
            assert town.speed_limit_kph(pose.x_m, pose.y_m) == expected
