"""Lanes as flat arrays, ordered the way they are driven, with their links: what everything but the reader works on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from carla_lite.maps.opendrive import LaneRecord, LaneSection, OpenDriveMap, Road, RoadMark
from waypilot.geometry import SE2, FloatArray, wrap_angle

# At this spacing a chord leaves an arc of 12 m radius by 1 cm.
SAMPLE_STEP_M = 1.0
# Least length of a lane's centre per length of the reference line. Where elements of a file join with a small kink, the
# curvature between two near samples is meaningless, and unbounded it would turn the lane's heading round.
_MIN_STRETCH = 0.1
DRIVING_TYPES = frozenset({"driving", "bidirectional", "entry", "exit", "onRamp", "offRamp", "connectingRamp"})


@dataclass(frozen=True, slots=True, eq=False)
class Lane:
    """One lane of one lane section; arrays run in driving direction (for sidewalks: that of the cars on their side).

    ``center_m``, ``left_m``, ``right_m`` are (N, 2) in map axes, left and right as seen when driving; ``heading_rad``
    (N,) is the driving direction, ``s_m`` (N,) OpenDRIVE's road position (falling for positive lane ids).
    ``left_marks`` and ``right_marks`` are the painted lines on either side; ``has_opposite`` tells
    whether lanes lie on the other side of the road's centre line. ``successors`` and ``predecessors``
    are indices into the town's lanes, by driving direction.
    """

    index: int
    road_id: str
    section_index: int
    lane_id: int
    type: str
    junction_id: str
    center_m: FloatArray
    left_m: FloatArray
    right_m: FloatArray
    heading_rad: FloatArray
    width_m: FloatArray
    s_m: FloatArray
    left_marks: tuple[RoadMark, ...]
    right_marks: tuple[RoadMark, ...]
    has_opposite: bool
    successors: tuple[int, ...] = ()
    predecessors: tuple[int, ...] = ()

    @property
    def is_junction(self) -> bool:
        """Tell whether the lane lies inside a junction."""
        return self.junction_id != "-1"

    @property
    def is_driving(self) -> bool:
        """Tell whether cars drive here."""
        return self.type in DRIVING_TYPES

    @property
    def length_m(self) -> float:
        """Length of the centre line."""
        return float(np.hypot(*np.diff(self.center_m, axis=0).T).sum())

    @property
    def arc_m(self) -> FloatArray:
        """Distance along the centre line from where it is entered, (N,)."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.center_m, axis=0).T))])

    def arc_at(self, s_m: float) -> float:
        """Distance along the centre line at OpenDRIVE's road position."""
        rising = slice(None, None, 1 if self.s_m[-1] > self.s_m[0] else -1)
        return float(np.interp(s_m, self.s_m[rising], self.arc_m[rising]))

    def pose_at(self, arc_m: float) -> SE2:
        """Pose of the centre line at a distance from where the lane is entered."""
        arc = self.arc_m
        x, y = (float(np.interp(arc_m, arc, self.center_m[:, axis])) for axis in (0, 1))
        return SE2(x, y, wrap_angle(float(np.interp(arc_m, arc, np.unwrap(self.heading_rad)))))


@dataclass(frozen=True, slots=True, eq=False)
class SectionSamples:
    """A lane section sampled along s: reference poses (N, 3) and, per lane id, the offset t of its outer edge (N,)."""

    s_m: FloatArray
    pose: FloatArray
    edge_t_m: dict[int, FloatArray]
    edge_slope: dict[int, FloatArray]

    def point(self, t_m: FloatArray) -> FloatArray:
        """Return map points (N, 2) at lateral offsets ``t_m``."""
        normal = np.stack([-np.sin(self.pose[:, 2]), np.cos(self.pose[:, 2])], axis=-1)
        points: FloatArray = self.pose[:, :2] + t_m[:, None] * normal
        return points


def _sample_positions(road: Road, section: LaneSection) -> FloatArray:
    count = max(2, int(np.ceil((section.end_s_m - section.s_m) / SAMPLE_STEP_M)) + 1)
    grid = np.linspace(section.s_m, section.end_s_m, count)
    inner = [s for s in road.line.breaks_m() if section.s_m < s < section.end_s_m]
    merged = np.union1d(grid, inner)
    keep = np.concatenate([[True], np.diff(merged) > 1e-6])
    keep[-1] = True
    positions: FloatArray = merged[keep]
    return positions


def sample_section(road: Road, section: LaneSection) -> SectionSamples:
    """Sample a section at most SAMPLE_STEP_M apart and lay out its lane edges."""
    s = _sample_positions(road, section)
    offset, offset_slope = road.lane_offset.value(s), road.lane_offset.slope(s)
    edge, slope = {0: offset}, {0: offset_slope}
    for sign in (1, -1):
        for lane_id in sorted((i for i in section.lanes if i * sign > 0), key=abs):
            lane = section.lanes[lane_id]
            d = s - section.s_m
            if lane.border is not None:
                border = lane.border.value(d)
                edge[lane_id] = offset + sign * np.abs(border)
                slope[lane_id] = offset_slope + sign * np.sign(border) * lane.border.slope(d)
                continue
            assert lane.width is not None  # the reader gives every lane one of the two
            inner = lane_id - sign
            edge[lane_id] = edge.get(inner, offset) + sign * np.maximum(lane.width.value(d), 0.0)
            slope[lane_id] = slope.get(inner, offset_slope) + sign * lane.width.slope(d)
    return SectionSamples(s, road.line.sample(s), edge, slope)


def _lane(index: int, road: Road, number: int, record: LaneRecord, samples: SectionSamples) -> Lane:
    section = road.sections[number]
    against = record.id > 0
    inner = record.id - (1 if against else -1)
    outer_t = samples.edge_t_m[record.id]
    inner_t = samples.edge_t_m.get(inner, samples.edge_t_m[0])
    slope = 0.5 * (samples.edge_slope[record.id] + samples.edge_slope.get(inner, samples.edge_slope[0]))
    center_t = 0.5 * (inner_t + outer_t)
    s = samples.s_m
    curvature = np.gradient(np.unwrap(samples.pose[:, 2]), s)
    stretch = np.maximum(1.0 - curvature * center_t, _MIN_STRETCH)
    heading = samples.pose[:, 2] + np.arctan2(slope, stretch) + (np.pi if against else 0.0)
    order = slice(None, None, -1) if against else slice(None)
    inner_record = section.lanes.get(inner)
    return Lane(
        index=index,
        road_id=road.id,
        section_index=number,
        lane_id=record.id,
        type=record.type,
        junction_id=road.junction,
        center_m=samples.point(center_t)[order],
        left_m=samples.point(inner_t)[order],
        right_m=samples.point(outer_t)[order],
        heading_rad=((heading + np.pi) % (2.0 * np.pi) - np.pi)[order],
        width_m=np.abs(outer_t - inner_t)[order],
        s_m=s[order],
        left_marks=inner_record.marks if inner_record else (),
        right_marks=record.marks,
        has_opposite=any(other * record.id < 0 for other in section.lanes),
    )


_Key = tuple[str, int, int]  # road, section index, lane id


def build_lanes(source: OpenDriveMap) -> tuple[Lane, ...]:
    """Lay out every lane of a map except the centre lines and link them."""
    lanes: list[Lane] = []
    for road in source.roads.values():
        for number, section in enumerate(road.sections):
            samples = sample_section(road, section)
            for lane_id in sorted(section.lanes, reverse=True):
                if lane_id != 0:
                    lanes.append(_lane(len(lanes), road, number, section.lanes[lane_id], samples))
    return _linked(source, lanes)


def _linked(source: OpenDriveMap, lanes: list[Lane]) -> tuple[Lane, ...]:
    index = {(lane.road_id, lane.section_index, lane.lane_id): lane.index for lane in lanes}
    after: dict[int, set[int]] = {lane.index: set() for lane in lanes}
    before: dict[int, set[int]] = {lane.index: set() for lane in lanes}
    for lane in lanes:
        for key in _next_keys(source, lane):
            if key in index:
                after[lane.index].add(index[key])
                before[index[key]].add(lane.index)
    return tuple(
        replace(x, successors=tuple(sorted(after[x.index])), predecessors=tuple(sorted(before[x.index]))) for x in lanes
    )


def _next_keys(source: OpenDriveMap, lane: Lane) -> list[_Key]:
    """Name the lanes that a car leaving ``lane`` may enter."""
    road = source.roads[lane.road_id]
    forward = lane.lane_id < 0
    record = road.sections[lane.section_index].lanes[lane.lane_id]
    linked_id = record.successor if forward else record.predecessor
    neighbour = lane.section_index + (1 if forward else -1)
    if 0 <= neighbour < len(road.sections):
        return [] if linked_id is None else [(road.id, neighbour, linked_id)]
    link = road.successor if forward else road.predecessor
    if link is None:
        return []
    if link.element == "junction":
        return _junction_keys(source, link.element_id, road.id, lane.lane_id)
    if linked_id is None or link.element_id not in source.roads:
        return []
    target = source.roads[link.element_id]
    return [(target.id, 0 if link.contact == "start" else len(target.sections) - 1, linked_id)]


def _junction_keys(source: OpenDriveMap, junction_id: str, road_id: str, lane_id: int) -> list[_Key]:
    keys = []
    for connection in source.junctions.get(junction_id, ()):
        target = source.roads.get(connection.connecting_road)
        if connection.incoming_road != road_id or target is None:
            continue
        section = 0 if connection.contact == "start" else len(target.sections) - 1
        keys += [(target.id, section, to) for frm, to in connection.lane_links if frm == lane_id]
    return keys
