"""What the adapter sees around the vehicle, against the genuine client: its map, its snapshot, its actors."""

from __future__ import annotations

import math
from types import SimpleNamespace

import carla
import numpy as np
import pytest

from carla_lite.maps import load_town
from waypilot.geometry import SE2
from waypilot.surroundings import Footprint, RoadType, SignalKind
from waypilot.types import ActorKind, Control
from waypilot_carla.road import sample_road
from waypilot_carla.signals import stop_lines
from waypilot_carla.surroundings import RANGE_M

CAR = Footprint(2.4, 1.08)
ROUTE_M = np.array([(x, -1.75) for x in np.arange(-140.0, 80.0)])


@pytest.fixture(scope="module")
def town() -> carla.Map:
    return carla.Map("Lite01", load_town("Lite01").xodr)


def signal(type_id: str, at: tuple[float, float], half_width_m: float, yaw_deg: float = 90.0) -> SimpleNamespace:
    """A post 5 m right of its trigger volume, which lies across the lane; CARLA's axes."""
    volume = carla.BoundingBox(carla.Location(0.0, 0.0, 0.0), carla.Vector3D(half_width_m, 1.0, 1.0))
    volume.location = carla.Location(x=-5.0)
    transform = carla.Transform(carla.Location(at[0], at[1] + 5.0), carla.Rotation(yaw=yaw_deg))
    return SimpleNamespace(id=7, type_id=type_id, trigger_volume=volume, get_transform=lambda: transform)


def test_the_road_under_a_vehicle_in_its_lane(town):
    road = sample_road(town, SE2(-120.0, -1.5, 0.1), CAR, 8.0)
    assert (road.type, road.in_junction, road.speed_limit_mps) == (RoadType.DRIVING, False, 8.0)
    assert road.lane_lateral_m == pytest.approx(0.25, abs=1e-3)
    assert road.lane_heading_rad == pytest.approx(0.0, abs=1e-6)
    assert road.lane_width_m == pytest.approx(3.5)
    assert set(road.corners) == {RoadType.DRIVING}


def test_the_lane_of_oncoming_traffic_leads_the_other_way(town):
    road = sample_road(town, SE2(-120.0, 1.5, 0.0), CAR, None)
    assert math.cos(road.lane_heading_rad) == pytest.approx(-1.0, abs=1e-6)
    assert road.lane_lateral_m == pytest.approx(0.25, abs=1e-3)  # left as seen along that lane


def test_each_corner_has_its_own_type_up_to_the_very_edge_of_the_lane(town):
    inside = sample_road(town, SE2(-120.0, -2.4, 0.0), CAR, None)
    assert set(inside.corners) == {RoadType.DRIVING}  # nearer to the centre of the narrow shoulder than to the lane's
    right_wheels_off = sample_road(town, SE2(-120.0, -2.7, 0.0), CAR, None).corners
    assert (right_wheels_off[0], right_wheels_off[3]) == (RoadType.DRIVING, RoadType.DRIVING)
    assert RoadType.DRIVING not in right_wheels_off[1:3]


def test_in_a_meadow_there_is_no_lane(town):
    road = sample_road(town, SE2(-120.0, -30.0, 0.0), CAR, None)
    assert (road.type, road.lane_lateral_m, road.lane_heading_rad) == (RoadType.OFF_ROAD, None, None)
    assert set(road.corners) == {RoadType.OFF_ROAD}


@pytest.mark.parametrize(
    ("type_id", "kind"),
    [("traffic.traffic_light", SignalKind.TRAFFIC_LIGHT), ("traffic.stop", SignalKind.STOP_SIGN)],
)
def test_a_stop_line_lies_across_the_lane_where_it_enters_the_junction(town, type_id, kind):
    (line,) = stop_lines(town, (signal(type_id, (-90.0, 1.75), 1.6),), ROUTE_M)
    assert (line.signal_id, line.kind) == (7, kind)
    assert line.heading_rad == pytest.approx(0.0, abs=1e-6)
    assert (line.left_m[1], line.right_m[1]) == pytest.approx((0.0, -3.5), abs=1e-3)
    before, beyond = (town.get_waypoint(carla.Location(line.left_m[0] + dx, 1.75)) for dx in (-0.1, 0.6))
    assert (before.is_junction, beyond.is_junction) == (False, True)


def test_a_wide_volume_governs_both_lanes_and_only_lines_near_the_route_count(town):
    wide = signal("traffic.traffic_light", (-90.0, 0.0), 3.3)
    lines = stop_lines(town, (wide,), ROUTE_M)
    assert sorted(round(math.cos(line.heading_rad)) for line in lines) == [-1, 1]
    assert stop_lines(town, (wide,), ROUTE_M + np.array([0.0, 40.0])) == ()


def spawn_car(server, at: SE2) -> carla.Vehicle:
    world = carla.Client("127.0.0.1", server.port).get_world()
    blueprint = world.get_blueprint_library().find("vehicle.audi.a2")
    transform = carla.Transform(carla.Location(at.x_m, -at.y_m, 0.3), carla.Rotation(yaw=-math.degrees(at.yaw_rad)))
    return world.spawn_actor(blueprint, transform)


def test_other_vehicles_are_seen_within_range_with_box_and_velocity(server, session, straight):
    scene = session.prepare(straight, seed=0).scene
    assert (scene.ego.half_length_m, scene.ego.half_width_m) == pytest.approx((2.396, 1.082), abs=1e-3)
    start = straight.start_pose
    near = spawn_car(server, SE2(start.x_m + 30.0, start.y_m, 0.0))
    far = spawn_car(server, SE2(start.x_m + RANGE_M + 20.0, start.y_m, 0.0))
    try:
        near.set_target_velocity(carla.Vector3D(5.0, 0.0, 0.0))
        for _ in range(3):
            frame = session.tick()
            session.apply(Control(brake=1.0))
    finally:
        near.destroy()
        far.destroy()
    surroundings = frame.surroundings
    assert surroundings.stamp_ns == frame.stamp_ns
    (seen,) = surroundings.actors
    assert (seen.actor_id, seen.kind, seen.type_id) == (near.id, ActorKind.VEHICLE, "vehicle.audi.a2")
    assert seen.pose_map_from_box.y_m == pytest.approx(start.y_m, abs=0.05)
    assert seen.velocity_mps[0] > 2.0
    assert (seen.half_length_m, seen.half_width_m) == pytest.approx((1.853, 0.894), abs=1e-3)
    assert surroundings.road.type is RoadType.DRIVING
    assert session.tick().surroundings.actors == ()


def test_equal_drives_see_equal_surroundings(session, straight):
    def seen() -> list:
        session.prepare(straight, seed=0)
        frames = []
        for _ in range(20):
            frames.append(session.tick().surroundings)
            session.apply(Control(throttle=0.7, steer=0.05))
        return frames

    assert seen() == seen()
