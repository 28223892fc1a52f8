"""The genuine client's own map must see the same roads: agents and the Traffic Manager drive on it."""

import math
from collections import defaultdict

import carla
import numpy as np
import pytest

from carla_lite.maps import TownMap, load_town, town_from_xodr
from carla_lite.maps.plans import town_plan
from carla_lite.maps.reader import read_opendrive

GRID_TOWNS = ("Lite01", "Lite02", "Lite03", "Lite04", "Lite06", "generate:3")
TOWNS = (*GRID_TOWNS, "Lite05")
MAX_CENTER_ERROR_M = 0.05


@pytest.fixture(scope="module", params=TOWNS)
def both(request: pytest.FixtureRequest) -> tuple[TownMap, carla.Map]:
    town = load_town(request.param)
    return town, carla.Map(town.name, town.xodr)


def _assert_lanes_agree(town: TownMap, genuine: carla.Map, every: int) -> None:
    compared = 0
    for lane in town.lanes:
        if not lane.is_driving:
            continue
        for k in range(1, len(lane.s_m) - 1, every):
            waypoint = genuine.get_waypoint_xodr(int(lane.road_id), lane.lane_id, float(lane.s_m[k]))
            assert waypoint is not None
            location = waypoint.transform.location
            x, y = lane.center_m[k]
            assert math.hypot(location.x - x, -location.y - y) < MAX_CENTER_ERROR_M
            yaw_error = -math.radians(waypoint.transform.rotation.yaw) - lane.heading_rad[k]
            assert abs(math.remainder(yaw_error, 2.0 * math.pi)) < 0.01
            assert waypoint.lane_width == pytest.approx(lane.width_m[k], abs=0.01)
            assert waypoint.is_junction == lane.is_junction
            compared += 1
    assert compared > 0


def test_lane_centres_headings_and_widths_agree(both: tuple[TownMap, carla.Map]) -> None:
    _assert_lanes_agree(*both, every=9)


def test_nearest_waypoints_agree_with_our_lookup_at_spawn_points(both: tuple[TownMap, carla.Map]) -> None:
    town, genuine = both
    for pose in town.spawn_points[::5]:
        waypoint = genuine.get_waypoint(carla.Location(pose.x_m, -pose.y_m, pose.z_m))
        place = town.lane_at(pose.x_m, pose.y_m)
        assert place is not None
        assert (waypoint.road_id, waypoint.lane_id) == (int(place.lane.road_id), place.lane.lane_id)
        # On lanes far from the middle of a curve the client's search stops a little short.
        assert waypoint.s == pytest.approx(place.s_m, abs=0.2)


def test_following_lanes_agree(both: tuple[TownMap, carla.Map]) -> None:
    town, genuine = both
    for lane in town.lanes:
        if not lane.is_driving or lane.is_junction:
            continue
        waypoint = genuine.get_waypoint_xodr(int(lane.road_id), lane.lane_id, float(lane.s_m[-2]))
        theirs = {(w.road_id, w.lane_id) for w in waypoint.next(4.0)}
        ours = {(int(town.lanes[i].road_id), town.lanes[i].lane_id) for i in lane.successors}
        assert theirs == ours


@pytest.mark.parametrize("both", GRID_TOWNS, indirect=True)  # round the ring some lanes are reached by changing only
def test_the_genuine_topology_is_strongly_connected(both: tuple[TownMap, carla.Map]) -> None:
    edges = [
        tuple((w.road_id, w.section_id, w.lane_id) for w in pair)
        for pair in both[1].get_topology()
        if all(w.lane_type == carla.LaneType.Driving for w in pair)
    ]
    for pairs in (edges, [(b, a) for a, b in edges]):
        links = defaultdict(set)
        for a, b in pairs:
            links[a].add(b)
        found, queue = {edges[0][0]}, [edges[0][0]]
        while queue:
            new = links[queue.pop()] - found
            found |= new
            queue.extend(new)
        assert found == {end for pair in edges for end in pair}


@pytest.mark.parametrize("both", GRID_TOWNS, indirect=True)
def test_lane_markings_reach_the_client(both: tuple[TownMap, carla.Map]) -> None:
    town, genuine = both
    pose = town.spawn_points[0]
    waypoint = genuine.get_waypoint(carla.Location(pose.x_m, -pose.y_m, 0.0))
    assert waypoint.left_lane_marking.type == carla.LaneMarkingType.Broken
    colors = {"yellow": carla.LaneMarkingColor.Yellow, "white": carla.LaneMarkingColor.White}
    assert waypoint.left_lane_marking.color == colors[town_plan(town.name).center_color]
    assert waypoint.right_lane_marking.type == carla.LaneMarkingType.Solid
    assert waypoint.get_right_lane().lane_type == carla.LaneType.Shoulder
    outermost, verge = waypoint, town_plan(town.name).verge
    for _, width in verge:
        outermost = outermost.get_right_lane()
        assert outermost.lane_width == pytest.approx(width, abs=0.01)
    types = {"sidewalk": carla.LaneType.Sidewalk, "shoulder": carla.LaneType.Shoulder}
    assert outermost.lane_type == types[verge[-1][0]]
    # CARLA closes every crosswalk with its first corner.
    assert len(genuine.get_crosswalks()) % 5 == 0
    assert bool(genuine.get_crosswalks()) == (town.name != "Lite06")  # a country road has none


def test_geo_reference_agrees(both: tuple[TownMap, carla.Map]) -> None:
    town, genuine = both
    origin = genuine.transform_to_geolocation(carla.Location(0.0, 0.0, 0.0))
    assert (origin.latitude, origin.longitude) == pytest.approx(town.geo_reference, abs=1e-6)


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "+proj=tmerc",
        "+lat_0=49",
        "+lon_0=8",
        "+lat_0=0 +lon_0=0",
        "+proj=tmerc +lon_0=+8 +lat_0=-12.5e0 +units=m",
        "+lat_0=49 +lon_0=8 +lat_0=50",
        "+lat_0=49,+lon_0=8",
        "lat_0=49 lon_0=8",
        "+lat_0=nan +lon_0=8",
    ],
)
def test_a_doubtful_geo_reference_is_taken_as_the_client_takes_it(reference: str) -> None:
    built_in = load_town("Lite01").xodr
    head, _, rest = built_in.partition("<geoReference>")
    xodr = f"{head}<geoReference>{reference}</geoReference>{rest.partition('</geoReference>')[2]}"
    origin = carla.Map("m", xodr).transform_to_geolocation(carla.Location())
    assert (origin.latitude, origin.longitude) == pytest.approx(read_opendrive(xodr).geo_reference, abs=1e-6)


def _lane(lane_id: int, link: str, a: float, b: float = 0.0, c: float = 0.0) -> str:
    return (
        f'<lane id="{lane_id}" type="driving" level="false"><link><{link} id="{lane_id}"/></link>'
        f'<width sOffset="0" a="{a}" b="{b}" c="{c}" d="0"/></lane>'
    )


def _section(s: float, lanes: str) -> str:
    center = '<center><lane id="0" type="none" level="false"/></center>'
    return f'<laneSection s="{s}">{center}<right>{lanes}</right></laneSection>'


def _winding(x1: float, y1: float, x2: float, y2: float) -> str:
    first = _section(0, _lane(-1, "successor", 3.0, b=0.01) + _lane(-2, "successor", 2.0, c=0.0005))
    second = _section(60, _lane(-1, "predecessor", 3.6) + _lane(-2, "predecessor", 3.8))
    return f"""<OpenDRIVE><header revMajor="1" revMinor="4"/>
<road name="a" length="150" id="1" junction="-1"><link/><planView>
<geometry s="0" x="5" y="-3" hdg="0.4" length="40"><spiral curvStart="0" curvEnd="0.02"/></geometry>
<geometry s="40" x="{x1}" y="{y1}" hdg="0.8" length="60"><arc curvature="0.02"/></geometry>
<geometry s="100" x="{x2}" y="{y2}" hdg="2.0" length="50"><line/></geometry></planView>
<lanes><laneOffset s="0" a="0" b="0" c="0" d="0"/><laneOffset s="50" a="0" b="0" c="0.003" d="-0.00004"/>
<laneOffset s="100" a="2.5" b="0" c="0" d="0"/>{first}{second}</lanes></road></OpenDRIVE>"""


def test_spirals_offsets_and_changing_widths_agree() -> None:
    s = (np.arange(400_000) + 0.5) * 1e-4
    heading = 0.4 + 0.5 * (0.02 / 40.0) * s * s
    x1, y1 = 5.0 + np.cos(heading).sum() * 1e-4, -3.0 + np.sin(heading).sum() * 1e-4
    x2, y2 = x1 + 50.0 * (math.sin(2.0) - math.sin(0.8)), y1 + 50.0 * (math.cos(0.8) - math.cos(2.0))
    xodr = _winding(float(x1), float(y1), float(x2), float(y2))
    town = town_from_xodr("winding", xodr)
    _assert_lanes_agree(town, carla.Map("winding", xodr), every=1)
    for lane in town.lanes:
        assert len(lane.successors) + len(lane.predecessors) == 1
