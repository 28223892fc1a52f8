import logging
import math

import numpy as np
import pytest

from carla_lite.maps import OpenDriveError, town_from_xodr
from carla_lite.maps.reader import read_opendrive

LANES = """<lanes><laneSection s="0"><center><lane id="0"/></center><right>
<lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>"""


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


def test_geo_reference_is_read() -> None:
    text = document(geometry("<line/>", 50.0), 50.0).replace(
        "<header/>", "<header><geoReference>+proj=tmerc +lat_0=48.5 +lon_0=-9e0</geoReference></header>"
    )
    assert read_opendrive(text).geo_reference == (48.5, -9.0)


def test_hills_are_flattened_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    hill = '<elevationProfile><elevation s="0" a="0" b="0.1" c="0" d="0"/></elevationProfile>'
    with caplog.at_level(logging.WARNING):
        town_from_xodr("hill", document(geometry("<line/>", 50.0), 50.0, extra=hill))
    assert [record.message for record in caplog.records] == [
        "the map has elevation; this simulator is flat and ignores it"
    ]


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
        (document(geometry("<line/>", 10.0), 10.0, LANES.replace("driving", "sidewalk")), "no driving lane"),
    ],
)
def test_maps_nobody_could_drive_on_are_refused_with_a_reason(text: str, message: str) -> None:
    with pytest.raises(OpenDriveError, match=message):
        town_from_xodr("broken", text)
