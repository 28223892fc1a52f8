"""What lies under the vehicle: the client's map, asked at base_link's origin and at the four corners."""

from __future__ import annotations

import math

import carla

from waypilot.geometry import SE2, wrap_angle
from waypilot.surroundings import Footprint, RoadSample, RoadType
from waypilot_carla import convert

# The client's lane centres are sampled: a place this little outside a lane counts as on it.
_BORDER_M = 0.05

_Lane = carla.LaneType
_TYPES = {
    _Lane.Driving: RoadType.DRIVING,
    _Lane.Bidirectional: RoadType.DRIVING,
    _Lane.Entry: RoadType.DRIVING,
    _Lane.Exit: RoadType.DRIVING,
    _Lane.OnRamp: RoadType.DRIVING,
    _Lane.OffRamp: RoadType.DRIVING,
    _Lane.Shoulder: RoadType.SHOULDER,
    _Lane.Stop: RoadType.SHOULDER,
    _Lane.Parking: RoadType.PARKING,
    _Lane.Sidewalk: RoadType.SIDEWALK,
}
_DRIVING = _Lane.Driving | _Lane.Bidirectional | _Lane.Entry | _Lane.Exit | _Lane.OnRamp | _Lane.OffRamp
# The client finds the lane with the nearest centre, which may be a narrow sidewalk beside the wide lane that the place
# is in. So it is asked for one family of lanes after the other; the first one that reaches the place counts.
_FAMILIES = (_DRIVING, _Lane.Shoulder | _Lane.Stop | _Lane.Parking, _Lane.Sidewalk, _Lane.Any)


def sample_road(town: carla.Map, base_link: SE2, footprint: Footprint, speed_limit_mps: float | None) -> RoadSample:
    """Look up the road at the vehicle's pose in the map. Off the road, ids and width are 0."""
    front_left, front_right, rear_right, rear_left = (
        _type_of(_lane_at(town, corner)) for corner in footprint.corners(base_link)
    )
    corners = (front_left, front_right, rear_right, rear_left)
    lane = _lane_at(town, (base_link.x_m, base_link.y_m))
    if lane is None:
        return RoadSample(RoadType.OFF_ROAD, 0, 0, False, 0.0, None, None, corners, speed_limit_mps)
    centre = convert.pose(lane.transform).planar
    return RoadSample(
        type=_type_of(lane),
        road_id=lane.road_id,
        lane_id=lane.lane_id,
        in_junction=lane.is_junction,
        lane_width_m=lane.lane_width,
        lane_lateral_m=centre.inverse().compose(base_link).y_m,
        lane_heading_rad=wrap_angle(centre.yaw_rad),
        corners=corners,
        speed_limit_mps=speed_limit_mps,
    )


def _lane_at(town: carla.Map, place_m: tuple[float, float]) -> carla.Waypoint | None:
    at = convert.location(*place_m)
    for family in _FAMILIES:
        lane = town.get_waypoint(at, project_to_road=True, lane_type=family)
        if lane is not None and _reaches(lane, at):
            return lane
    return None


def _reaches(lane: carla.Waypoint, at: carla.Location) -> bool:
    centre = lane.transform.location
    return bool(math.hypot(centre.x - at.x, centre.y - at.y) <= lane.lane_width / 2.0 + _BORDER_M)


def _type_of(lane: carla.Waypoint | None) -> RoadType:
    return RoadType.OFF_ROAD if lane is None else _TYPES.get(lane.lane_type, RoadType.OTHER)
