import math
import re

import carla
import numpy as np
import pytest

from carla_lite.maps import PostKind, TownMap, load_town, own_town_xodr, town_from_xodr
from carla_lite.maps.reader import read_opendrive
from carla_lite.scene import Shape

SIGNALS = """<signals>
<signal id="a" s="20" t="-6" orientation="+" hOffset="0" dynamic="yes" type="1000001" subtype="-1" value="-1"/>
<signal id="b" s="30" t="6" orientation="-" hOffset="3.14159" type="274" subtype="50" value="-1" unit="km/h"/>
<signal id="c" s="40" t="-6" orientation="none" type="206" subtype="-1" value="-1"/>
<signal id="d" s="50" t="-6" orientation="+" type="274" value="30" unit="mph"><validity fromLane="-1" toLane="-1"/>
</signal>
<signal id="e" s="88" t="-6" orientation="+" type="1000001" value="-1"><validity fromLane="-1" toLane="-1"/>
<positionInertial x="1.5" y="-2.5" z="0" hdg="0.25" pitch="0" roll="0"/></signal>
<signalReference id="e" s="0.5" t="-6" orientation="+"><validity fromLane="1" toLane="1"/></signalReference>
<signal id="odd" s="10" t="-6" orientation="+" type="101" value="-1"/>
</signals>"""


@pytest.fixture(scope="module")
def lite04() -> TownMap:
    return load_town("Lite04")


@pytest.fixture(scope="module")
def foreign() -> str:
    xodr = own_town_xodr("Lite01")
    assert xodr is not None
    return xodr.replace("<signals/>", SIGNALS, 1)


def test_signals_hold_where_the_genuine_client_says(foreign: str) -> None:
    landmarks = carla.Map("foreign", foreign).get_all_landmarks()
    signals = {signal.id: signal for signal in read_opendrive(foreign).signals}
    assert {landmark.id for landmark in landmarks} == signals.keys()
    for landmark in landmarks:
        signal = signals[landmark.id]
        validities = {(min(pair), max(pair)) for pair in landmark.get_lane_validities()}
        assert validities in [set(place.lanes) for place in signal.places]
        assert landmark.type == signal.type
    assert len(signals["e"].places) == 2


def test_values_units_and_given_positions_are_read(foreign: str) -> None:
    signals = {signal.id: signal for signal in read_opendrive(foreign).signals}
    assert (signals["b"].value, signals["b"].unit) == (50.0, "km/h")
    pose = signals["e"].pose
    assert (pose.x_m, pose.y_m, pose.yaw_rad) == pytest.approx((1.5, -2.5, 0.25))
    posts = {post.signal_id: post for post in town_from_xodr("foreign", foreign).posts}
    assert posts["d"].limit_kph == pytest.approx(48.28, abs=0.01)
    assert posts["c"].kind is PostKind.STOP
    assert "odd" not in posts


def test_a_limit_holds_until_the_next_sign(foreign: str) -> None:
    town = town_from_xodr("foreign", foreign)
    lane = next(lane for lane in town.lanes if (lane.road_id, lane.lane_id) == ("1", -1))
    before, behind = lane.pose_at(49.0), lane.pose_at(51.0)
    assert town.speed_limit_kph(behind.x_m, behind.y_m) == pytest.approx(48.28, abs=0.01)
    assert town.speed_limit_kph(before.x_m, before.y_m) == 50.0  # sign b, at 30 m
    assert load_town("Lite01").speed_limit_kph(before.x_m, before.y_m) is None
    assert town.speed_limit_kph(1e4, 0.0) is None


def test_every_street_of_lite04_has_the_limit_that_its_road_type_names(lite04: TownMap) -> None:
    written = dict(re.findall(r'<road name="Road (\d+)".*?<speed max="(\d+)"', lite04.xodr, re.DOTALL))
    compared = set()
    for lane in lite04.lanes:
        if lane.is_driving and not lane.is_junction:
            pose = lane.pose_at(0.5 * lane.length_m)
            limit = lite04.speed_limit_kph(pose.x_m, pose.y_m)
            assert limit == float(written[lane.road_id])
            compared.add(limit)
    assert compared == {30.0, 40.0, 50.0, 60.0}


def test_every_way_into_a_junction_with_lights_has_exactly_one(lite04: TownMap) -> None:
    lights = [post for post in lite04.posts if post.kind is PostKind.LIGHT]
    assert len({post.group for post in lights}) == 4
    for group in {post.group for post in lights}:
        phases = [post for post in lights if post.group == group]
        assert {post.phase for post in phases} == {0, 1}
        for post in phases:
            together = [other for other in phases if other.phase == post.phase]
            turned = {round(math.degrees(other.pose.yaw_rad - post.pose.yaw_rad)) % 180 for other in together}
            assert turned == {0}


def test_zones_lie_on_their_lane_and_end_at_the_stop_line(lite04: TownMap) -> None:
    for post in lite04.posts:
        for zone in (*post.zones, post.trigger):
            place = lite04.lane_at(zone.pose.x_m, zone.pose.y_m)
            assert place is not None
            assert not place.lane.is_junction
            assert abs(place.lateral_m) < 0.05
            assert math.cos(place.heading_rad - zone.pose.yaw_rad) > 0.99
        if post.kind is PostKind.LIGHT:
            first = post.zones[0]
            line = first.pose.transform_points(np.array([first.half_length_m, 0.0]))
            place = lite04.lane_at(*line)
            assert place is not None
            assert place.lane.length_m - place.lane.arc_at(place.s_m) == pytest.approx(4.2, abs=0.02)


def test_poles_stand_on_the_pavement_and_show_their_face_to_the_traffic(lite04: TownMap) -> None:
    signals = [box for box in lite04.scene.boxes if box.shape >= Shape.TRAFFIC_LIGHT]
    assert len(signals) == len(lite04.posts)
    for post, box in zip(lite04.posts, signals, strict=True):
        place = lite04.lane_at(post.pose.x_m, post.pose.y_m, driving_only=False)
        assert place is not None
        assert place.lane.type == "sidewalk"
        assert math.cos(box.yaw_rad - post.pose.yaw_rad) == pytest.approx(-1.0)


def test_lights_without_controllers_take_turns_by_direction(lite04: TownMap) -> None:
    bare = re.sub(r"<controller .*?</controller>|<controller [^>]*/>", "", lite04.xodr)
    loose = town_from_xodr("loose", bare)
    for post, other in zip(lite04.posts, loose.posts, strict=True):
        assert (other.group, other.phase) == (-1, -1) or post.kind is PostKind.LIGHT
    pairs = {(a.group, b.group) for a, b in zip(lite04.posts, loose.posts, strict=True)}
    assert len(pairs) == 5  # four junctions and the signs
    for group in range(4):
        ours = [(a.phase, b.phase) for a, b in zip(lite04.posts, loose.posts, strict=True) if a.group == group]
        assert len(set(ours)) == 2


def test_speed_limits_that_stand_in_the_file_as_objects_are_those_of_the_genuine_client() -> None:
    xodr = own_town_xodr("Lite01")
    assert xodr is not None
    sign = '<object id="77" name="Speed_90" s="20" t="6" hdg="0" orientation="-" type="-1"/></objects>'
    xodr = xodr.replace("</objects>", sign, 1)
    (landmark,) = carla.Map("objects", xodr).get_all_landmarks()
    (post,) = town_from_xodr("objects", xodr).posts
    assert (
        (landmark.id, landmark.type, landmark.value) == (post.signal_id, "274", post.limit_kph) == ("77", "274", 90.0)
    )
    assert landmark.get_lane_validities() == [(-3, -1)]
    zone = post.zones[0].pose
    place = town_from_xodr("objects", xodr).lane_at(zone.x_m, zone.y_m)
    assert place is not None
    assert place.lane.lane_id == -1


def test_a_light_hung_inside_a_junction_holds_from_the_junctions_entry(lite04: TownMap) -> None:
    entry = next(lane for lane in lite04.lanes if lane.is_junction and lane.is_driving)
    light = (
        '<signals><signal id="77" s="5" t="-6" orientation="+" type="1000001" value="-1">'
        '<validity fromLane="-1" toLane="-1"/></signal></signals>'
    )
    head, road, rest = lite04.xodr.partition(f'<road name="Road {entry.road_id}"')
    town = town_from_xodr("hung", head + road + rest.replace("<signals/>", light, 1))
    post = next(post for post in town.posts if post.signal_id == "77")
    for zone in post.zones:
        place = town.lane_at(zone.pose.x_m, zone.pose.y_m)
        assert place is not None
        assert place.lane.index in entry.predecessors
