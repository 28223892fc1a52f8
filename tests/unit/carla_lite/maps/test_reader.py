import logging
import math

import carla
import numpy as np
import pytest

from carla_lite.maps import OpenDriveError, town_from_xodr
from carla_lite.maps.reader import read_opendrive

LANES = """<lanes><laneSection s="0"><center><lane id="0"/></center><right>
<lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>"""

HILL = '<elevationProfile><elevation s="0" a="0" b="0.1" c="0" d="0"/></elevationProfile>'
PARAM_POLY3 = '<paramPoly3 aU="0" bU="{u}" cU="0" dU="0" aV="0" bV="{v}" cV="0" dV="0"/>'
BAD_REFERENCE = "<header><geoReference>+lat_0=- +lon_0=8</geoReference></header>"


def document(geometry: str, length: float, lanes: str = LANES, extra: str = "", attributes: str = "") -> str:
    return (
        f'<OpenDRIVE><header/><road id="7" length="{length}" junction="-1" {attributes}><link/>'
        f"<planView>{geometry}</planView>{lanes}{extra}</road></OpenDRIVE>"
    )


def geometry(kind: str, length: float, s: float = 0.0, pose: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> str:
    x, y, heading = pose
    return f'<geometry s="{s}" x="{x}" y="{y}" hdg="{heading}" length="{length}">{kind}</geometry>'


def end_of(kind: str, length: float, pose: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    road = read_opendrive(document(geometry(kind, length, pose=pose), length)).roads["7"]
    return road.line.sample(np.array([length]))[0]


def test_a_line_goes_straight_from_its_pose() -> None:
    assert end_of("<line/>", 10.0, (1.0, 2.0, math.pi / 2)) == pytest.approx((1.0, 12.0, math.pi / 2))


def test_a_quarter_arc_ends_beside_its_centre() -> None:
    radius = 20.0
    assert end_of(f'<arc curvature="{1 / radius}"/>', radius * math.pi / 2) == pytest.approx((20.0, 20.0, math.pi / 2))
    assert end_of(f'<arc curvature="{-1 / radius}"/>', radius * math.pi / 2) == pytest.approx(
        (20.0, -20.0, -math.pi / 2)
    )


def test_a_spiral_ends_where_the_fresnel_integrals_say() -> None:
    # With A = 1 (curvature = s) a spiral of length sqrt(pi) ends at sqrt(pi) * (C(1), S(1)), tabulated values.
    length = math.sqrt(math.pi)
    x, y, heading = end_of(f'<spiral curvStart="0" curvEnd="{length}"/>', length)
    assert (x, y) == pytest.approx((length * 0.7798934004, length * 0.4382591474), abs=1e-8)
    assert heading == pytest.approx(math.pi / 2)


def test_a_spiral_without_change_is_an_arc() -> None:
    arc = end_of('<arc curvature="0.05"/>', 30.0)
    assert end_of('<spiral curvStart="0.05" curvEnd="0.05"/>', 30.0) == pytest.approx(arc, abs=1e-9)


@pytest.mark.parametrize(("p_range", "scale"), [("normalized", 1.0), ("arcLength", 10.0)])
def test_param_poly3_understands_both_parameters(p_range: str, scale: float) -> None:
    kind = (
        f'<paramPoly3 pRange="{p_range}" aU="0" bU="{8 / scale}" cU="0" dU="0" aV="0" bV="{6 / scale}" cV="0" dV="0"/>'
    )
    assert end_of(kind, 10.0) == pytest.approx((8.0, 6.0, math.atan2(6.0, 8.0)))


def test_poly3_is_followed_by_arc_length() -> None:
    x, y, heading = end_of('<poly3 a="0" b="0.75" c="0" d="0"/>', 10.0)
    assert (x, y, heading) == pytest.approx((8.0, 6.0, math.atan2(3.0, 4.0)), abs=1e-6)


def test_lane_offset_and_borders_place_the_lanes() -> None:
    lanes = """<lanes><laneOffset s="0" a="1" b="0" c="0" d="0"/><laneSection s="0"><left>
    <lane id="1" type="driving"><border sOffset="0" a="4" b="0" c="0" d="0"/></lane></left>
    <center><lane id="0"/></center><right>
    <lane id="-1" type="driving"><width sOffset="0" a="3" b="0" c="0" d="0"/></lane></right></laneSection></lanes>"""
    town = town_from_xodr("offset", document(geometry("<line/>", 50.0), 50.0, lanes))
    by_id = {lane.lane_id: lane for lane in town.lanes}
    assert np.allclose(by_id[1].center_m[:, 1], 3.0)
    assert np.allclose(by_id[-1].center_m[:, 1], -0.5)
    # Left lanes are driven against s.
    assert by_id[1].center_m[0, 0] == 50.0
    assert by_id[1].s_m[0] == 50.0
    assert abs(by_id[1].heading_rad[0]) == pytest.approx(math.pi)
    assert np.allclose(by_id[1].right_m[:, 1], 5.0)


def test_widths_change_along_a_section() -> None:
    lanes = LANES.replace('a="3.5" b="0"', 'a="3" b="0.02"')
    town = town_from_xodr("wide", document(geometry("<line/>", 50.0), 50.0, lanes))
    assert town.lanes[0].width_m[[0, -1]] == pytest.approx((3.0, 4.0))


def test_of_widths_with_one_start_the_last_in_the_file_holds() -> None:
    for last, other in (("3", "4"), ("4", "3")):
        width = '<width sOffset="0" a="{}" b="0" c="0" d="0"/>'
        lanes = LANES.replace(width.format("3.5"), width.format(other) + width.format(last))
        town = town_from_xodr("twice", document(geometry("<line/>", 50.0), 50.0, lanes))
        assert town.lanes[0].width_m == pytest.approx(float(last))


def test_a_section_that_begins_beyond_the_road_is_left_out() -> None:
    lanes = LANES.replace("</lanes>", LANES.removeprefix("<lanes>").replace('s="0"', 's="80"'))
    town = town_from_xodr("beyond", document(geometry("<line/>", 50.0), 50.0, lanes))
    assert len(town.lanes) == 1
    assert town.lanes[0].s_m[-1] == 50.0


@pytest.mark.parametrize("kink_rad", [1e-3, -1e-3])
@pytest.mark.parametrize("side", [1, -1])
def test_a_small_kink_between_elements_does_not_turn_the_lanes_round(kink_rad: float, side: int) -> None:
    # The second element begins 20 um after a sample: between the two, the curvature is 50 per metre.
    begin = 50.00002
    parts = geometry("<line/>", begin) + geometry("<line/>", 100.0 - begin, s=begin, pose=(begin, 0.0, kink_rad))
    lanes = LANES.replace('id="-1"', f'id="{side}"')
    (lane,) = town_from_xodr("kink", document(parts, 100.0, lanes)).lanes
    driven = np.diff(lane.center_m, axis=0)
    for heading in (lane.heading_rad[:-1], lane.heading_rad[1:]):
        ahead = np.cos(heading) * driven[:, 0] + np.sin(heading) * driven[:, 1]
        assert ahead[np.hypot(*driven.T) > 0.01].min() > 0.0


@pytest.mark.parametrize("written", [-1.0, 1.0])
def test_borders_that_drift_turn_the_lane_the_way_they_go(written: float) -> None:
    """Border offsets of right lanes are negative, but some files give their size."""
    border = f'<border sOffset="0" a="{written * 3}" b="{written * 0.02}" c="0" d="0"/>'
    lanes = LANES.replace('<width sOffset="0" a="3.5" b="0" c="0" d="0"/>', border)
    (lane,) = town_from_xodr("border", document(geometry("<line/>", 50.0), 50.0, lanes)).lanes
    assert lane.right_m[-1] == pytest.approx((50.0, -4.0))
    assert lane.heading_rad == pytest.approx(math.atan(-0.01))


def test_geo_reference_is_read() -> None:
    text = document(geometry("<line/>", 50.0), 50.0).replace(
        "<header/>", "<header><geoReference>+proj=tmerc +lat_0=48.5 +lon_0=-9e0</geoReference></header>"
    )
    assert read_opendrive(text).geo_reference == (48.5, -9.0)


def test_hills_are_flattened_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        town_from_xodr("hill", document(geometry("<line/>", 50.0), 50.0, extra=HILL))
    told = [record.message for record in caplog.records if "elevation" in record.message]
    assert told == ["the map has elevation; this simulator is flat and ignores it, and so does the map it serves"]


def test_clients_get_the_flat_road_that_is_driven_here() -> None:
    text = document(geometry("<line/>", 50.0), 50.0, extra=HILL)
    served = town_from_xodr("hill", text).xodr
    heights = [carla.Map("hill", xodr).get_waypoint_xodr(7, -1, 40.0).transform.location.z for xodr in (text, served)]
    assert heights == pytest.approx([4.0, 0.0])
    flat = document(geometry("<line/>", 50.0), 50.0)
    assert town_from_xodr("flat", flat).xodr == flat


TWINS = document(geometry("<line/>", 10.0), 10.0)
TWINS = TWINS.replace("</OpenDRIVE>", TWINS.removeprefix("<OpenDRIVE><header/>"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not well-formed"),
        ("<OpenDRIVE>", "not well-formed"),
        ("<osm/>", "root element is <osm>"),
        ("<OpenDRIVE/>", "holds no <road>"),
        (document("", 10.0), "has no <planView> geometry"),
        (document(geometry("", 10.0), 10.0), "exactly one of line"),
        (document(geometry("<line/>", 10.0), 10.0, ""), "has no <laneSection>"),
        (document(geometry("<line/>", 10.0), 50.0), "its geometry covers 10 m"),
        (document(geometry("<line/>", 10.0), 10.0, attributes='rule="LHT"'), "left-hand traffic"),
        (document(geometry('<arc curvature="nan"/>', 10.0), 10.0), "finite number"),
        (document(geometry("<arc/>", 10.0), 10.0), "lacks the attribute 'curvature'"),
        (document(geometry("<line/>", 10.0), 10.0, LANES.replace('"-1"', '"x"')), "expected an integer"),
        (document(geometry("<line/>", 10.0), 10.0, extra=HILL.replace("0.1", "steep")), "b='steep', expected a finite"),
        (document(geometry(PARAM_POLY3.format(u=0, v=0), 10.0), 10.0), "stays in one point"),
        (document(geometry("<line/>", 10.0), 10.0).replace("<header/>", BAD_REFERENCE), "expected numbers after"),
        (TWINS, "two roads have the id '7'"),
        (document(geometry("<line/>", 10.0), 10.0, LANES.replace("driving", "sidewalk")), "no driving lane"),
    ],
)
def test_maps_nobody_could_drive_on_are_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(OpenDriveError, match=message):
        town_from_xodr("broken", text)
