"""The pieces of OpenDRIVE text that all our towns are written with."""

from __future__ import annotations

from carla_lite.maps.layout import Piece, advance
from carla_lite.maps.number_text import num
from waypilot.geometry import SE2

_MARK_WIDTH_M = 0.15
_DASH_M, _GAP_M = 3.0, 4.5
_SPEED_LIMIT_KPH = 50


def document_text(header: str, parts: list[str]) -> str:
    """Join a header and everything after it to a document."""
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<OpenDRIVE>", header, *parts, "</OpenDRIVE>", ""])


def header_text(name: str, bounds_m: tuple[float, float, float, float], geo_reference: tuple[float, float]) -> str:
    """Write the header; ``bounds_m`` is west, south, east, north, ``geo_reference`` latitude and longitude."""
    west, south, east, north = bounds_m
    latitude, longitude = geo_reference
    return (
        f'<header revMajor="1" revMinor="4" name="{name}" version="1.00" date="1970-01-01T00:00:00" '
        f'north="{num(north)}" south="{num(south)}" '
        f'east="{num(east)}" west="{num(west)}" '
        'vendor="carla_lite">\n'
        f"<geoReference><![CDATA[+proj=tmerc +lat_0={num(latitude)} +lon_0={num(longitude)} +k=1 +x_0=0 +y_0=0 "
        "+datum=WGS84 +units=m +no_defs]]></geoReference>\n</header>"
    )


def plan_view_text(start: SE2, pieces: tuple[Piece, ...]) -> str:
    """Write a reference line."""
    lines, pose, s = [], start, 0.0
    for piece in pieces:
        shape = f'<arc curvature="{num(piece.curvature_1pm)}"/>' if piece.curvature_1pm else "<line/>"
        lines.append(
            f'<geometry s="{num(s)}" x="{num(pose.x_m)}" y="{num(pose.y_m)}" hdg="{num(pose.yaw_rad)}" '
            f'length="{num(piece.length_m)}">{shape}</geometry>'
        )
        pose, s = advance(pose, piece), s + piece.length_m
    return "<planView>\n" + "\n".join(lines) + "\n</planView>"


def mark_text(kind: str, color: str, from_s_m: float = 0.0) -> str:
    """Write a lane's mark from a distance after its section's start; broken lines may be crossed."""
    if kind == "none":
        return (
            f'<roadMark sOffset="{num(from_s_m)}" type="none" weight="standard" color="standard" width="0" '
            'laneChange="none"/>'
        )
    change = "both" if kind == "broken" else "none"
    head = (
        f'<roadMark sOffset="{num(from_s_m)}" type="{kind}" weight="standard" color="{color}" width="{_MARK_WIDTH_M}" '
        f'laneChange="{change}"'
    )
    if kind != "broken":
        return head + "/>"
    return (
        f'{head}><type name="broken" width="{_MARK_WIDTH_M}"><line length="{num(_DASH_M)}" space="{num(_GAP_M)}" '
        f'tOffset="0" sOffset="0" rule="caution" width="{_MARK_WIDTH_M}"/></type></roadMark>'
    )


def lane_text(lane_id: int, kind: str, width_m: float, mark: str, link: tuple[int, int] | None) -> str:
    """Write a lane; ``link`` names the lanes before and after it."""
    joined = f'<link><predecessor id="{link[0]}"/><successor id="{link[1]}"/></link>' if link else "<link/>"
    width = f'<width sOffset="0" a="{num(width_m)}" b="0" c="0" d="0"/>' if lane_id else ""
    return f'<lane id="{lane_id}" type="{kind}" level="false">{joined}{width}{mark}</lane>'


def road_text(
    road_id: int,
    junction: int,
    length_m: float,
    link: str,
    plan_view: str,
    lanes: str,
    objects: str = "",
    signals: str = "",
    limit_kph: int = 0,
) -> str:
    """Write a road of one lane section."""
    signs = f"<signals>{signals}</signals>" if signals else "<signals/>"
    return (
        f'<road name="Road {road_id}" length="{num(length_m)}" id="{road_id}" junction="{junction}">\n{link}\n'
        f'<type s="0" type="town"><speed max="{limit_kph or _SPEED_LIMIT_KPH}" unit="km/h"/></type>\n{plan_view}\n'
        '<elevationProfile><elevation s="0" a="0" b="0" c="0" d="0"/></elevationProfile>\n<lateralProfile/>\n'
        '<lanes>\n<laneOffset s="0" a="0" b="0" c="0" d="0"/>\n<laneSection s="0">\n'
        f"{lanes}\n</laneSection>\n</lanes>\n<objects>{objects}</objects>\n{signs}\n</road>"
    )


def outline_object(number: int, kind: str, name: str, s_m: float, t_m: float, depth_m: float, width_m: float) -> str:
    """Write a flat rectangle, ``depth_m`` along the road and ``width_m`` across."""
    u, v = 0.5 * depth_m, 0.5 * width_m
    ring = [(-u, -v), (u, -v), (u, v), (-u, v), (-u, -v)]
    corners = "".join(f'<cornerLocal u="{num(a)}" v="{num(b)}" z="0" height="0"/>' for a, b in ring)
    return (
        f'<object id="{number}" type="{kind}" name="{name}" s="{num(s_m)}" t="{num(t_m)}" zOffset="0" hdg="0" '
        f'pitch="0" roll="0" orientation="none" length="{num(depth_m)}" width="{num(width_m)}">'
        f"<outline>{corners}</outline></object>"
    )
