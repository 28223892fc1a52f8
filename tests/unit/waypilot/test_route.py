from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypilot.geometry import wrap_angle
from waypilot.maneuvers import turn_maneuvers
from waypilot.route import Route, RouteTracker
from waypilot.types import RouteCommand

QUARTER_8M = 8.0 * math.pi / 2.0
FOLLOW, LEFT, RIGHT, STRAIGHT = (
    RouteCommand.LANE_FOLLOW,
    RouteCommand.LEFT,
    RouteCommand.RIGHT,
    RouteCommand.STRAIGHT,
)


def figure_eight() -> Route:
    """A lemniscate through the origin, 60 m wide, closed: it crosses itself and ends where it began."""
    t = np.linspace(-math.pi / 2, 3 * math.pi / 2, 160)
    return Route(30.0 * np.stack([np.cos(t), np.sin(t) * np.cos(t)], axis=1) / (1 + np.sin(t) ** 2)[:, None])


class TestConstruction:
    def test_arc_length_and_headings_of_a_corner(self) -> None:
        route = Route(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 3.0]]))
        assert route.length_m == 6.0
        np.testing.assert_allclose(route.arc_m, [0.0, 3.0, 6.0])
        np.testing.assert_allclose(route.headings_rad, [0.0, math.pi / 4, math.pi / 2])

    def test_duplicate_points_are_removed(self) -> None:
        route = Route(np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 1e-5], [2.0, 0.0]]))
        np.testing.assert_array_equal(route.points_m, [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])

    def test_the_caller_cannot_change_the_route_afterwards(self) -> None:
        points = np.array([[0.0, 0.0], [1.0, 0.0]])
        route = Route(points)
        points[1, 0] = 9.0
        assert route.points_m[1, 0] == 1.0
        with pytest.raises(ValueError, match="read-only"):
            route.points_m[0, 0] = 1.0

    @pytest.mark.parametrize(
        ("points", "message"),
        [
            (np.zeros((0, 2)), "at least 2 distinct points, got 0"),
            (np.zeros((5, 2)), "at least 2 distinct points, got 1"),
            (np.zeros((5, 3)), r"shape \(5, 3\), expected \(N, 2\)"),
            (np.array([[0.0, 0.0], [math.nan, 1.0]]), "finite"),
            (np.array([[0.0, 0.0], [math.inf, 1.0]]), "finite"),
        ],
    )
    def test_refuses_what_is_no_route(self, points: np.ndarray, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            Route(points)

    def test_headings_stay_in_range_on_a_full_circle(self, make_route) -> None:
        route = make_route((2 * math.pi * 20, 1 / 20))
        assert np.all(route.headings_rad >= -math.pi)
        assert np.all(route.headings_rad < math.pi)
        middle = route.pose_at(math.pi * 20)
        assert math.cos(middle.yaw_rad) == pytest.approx(-1.0, abs=1e-3)
        assert (middle.x_m, middle.y_m) == pytest.approx((0.0, 40.0), abs=0.05)


class TestPoseAndProjection:
    def test_straight_on_beyond_both_ends(self) -> None:
        route = Route(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]))
        before, after = route.pose_at(-5.0), route.pose_at(27.0)
        assert (before.x_m, before.y_m, before.yaw_rad) == pytest.approx((-5.0, 0.0, 0.0))
        assert (after.x_m, after.y_m, after.yaw_rad) == pytest.approx((10.0, 17.0, math.pi / 2))
        assert route.project(11.0, 17.0).s_m == pytest.approx(27.0)
        assert route.project(11.0, 17.0).lateral_m == pytest.approx(-1.0)

    @given(st.floats(-20.0, 305.0))
    def test_points_on_the_route_project_to_themselves(self, town_route: Route, s: float) -> None:
        pose = town_route.pose_at(s)
        found = town_route.project(pose.x_m, pose.y_m)
        assert found.s_m == pytest.approx(s, abs=1e-6)
        assert found.distance_m == pytest.approx(0.0, abs=1e-6)
        assert found.heading_rad == pytest.approx(pose.yaw_rad, abs=1e-6)

    @given(st.floats(0.0, 280.0), st.floats(-3.0, 3.0))
    def test_left_is_positive(self, town_route: Route, s: float, lateral: float) -> None:
        pose = town_route.pose_at(s)
        x = pose.x_m - lateral * math.sin(pose.yaw_rad)
        y = pose.y_m + lateral * math.cos(pose.yaw_rad)
        found = town_route.project(x, y)
        assert found.lateral_m == pytest.approx(lateral, abs=0.02)
        assert found.distance_m == pytest.approx(abs(found.lateral_m))
        assert found.s_m == pytest.approx(s, abs=0.25)

    def test_distance_to_a_corner_from_outside(self) -> None:
        route = Route(np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0]]))
        found = route.project(13.0, -4.0)
        assert (found.s_m, found.distance_m, found.lateral_m) == pytest.approx((10.0, 5.0, -5.0))


class TestTracker:
    def test_a_figure_eight_is_followed_through_its_crossing(self) -> None:
        route = figure_eight()
        tracker = RouteTracker(route)
        for s in np.arange(0.0, route.length_m, 0.4):
            pose = route.pose_at(float(s))
            # a car 0.3 m to the left, so that no position lies exactly on either branch
            found = tracker.update(pose.x_m - 0.3 * math.sin(pose.yaw_rad), pose.y_m + 0.3 * math.cos(pose.yaw_rad))
            assert found.s_m == pytest.approx(s, abs=0.3)
            assert found.lateral_m == pytest.approx(0.3, abs=0.05)

    def test_a_route_that_ends_where_it_began_starts_at_its_start(self, make_route) -> None:
        circle = make_route((2 * math.pi * 15, 1 / 15))
        assert RouteTracker(circle).update(0.0, 0.01).s_m == pytest.approx(0.0, abs=0.01)
        assert RouteTracker(circle).update(-0.1, 0.0).s_m == pytest.approx(-0.1, abs=0.01)

    def test_the_first_update_finds_a_vehicle_far_along(self, town_route: Route) -> None:
        pose = town_route.pose_at(200.0)
        assert RouteTracker(town_route).update(pose.x_m, pose.y_m).s_m == pytest.approx(200.0)

    def test_it_looks_only_near_where_the_vehicle_was(self, make_route) -> None:
        """Nearer to the way back than to its own leg of a hairpin, a vehicle still is on its own leg."""
        hairpin = make_route((60, 0), (math.pi * 2, 1 / 2), (60, 0))
        tracker = RouteTracker(hairpin)
        for x in np.arange(0.0, 30.0, 0.5):
            tracker.update(float(x), 0.0)
        assert tracker.update(30.0, 3.0).s_m == pytest.approx(30.0)
        assert hairpin.project(30.0, 3.0).s_m > 90.0

    def test_a_vehicle_beyond_the_end_may_come_back(self, make_route) -> None:
        tracker = RouteTracker(make_route((50, 0)))
        xs = [0.0, 12.0, 24.0, 36.0, 48.0, 60.0, 58.0, 54.0, 51.0, 47.0, 43.0]
        assert [tracker.update(x, 0.5).s_m for x in xs] == pytest.approx(xs)

    def test_a_position_that_is_no_number_is_refused(self, make_route) -> None:
        tracker = RouteTracker(make_route((10, 0)))
        with pytest.raises(ValueError, match="not finite"):
            tracker.update(math.nan, 0.0)


def commands_along(route: Route, step_m: float = 0.25) -> list[tuple[float, RouteCommand]]:
    """(s, command) wherever the command changes, from s = 0 on."""
    changes: list[tuple[float, RouteCommand]] = []
    for s in np.arange(0.0, route.length_m + 30.0, step_m):
        command = route.command_at(float(s))
        if not changes or changes[-1][1] != command:
            changes.append((float(s), command))
    return changes


class TestCommands:
    def test_left_and_right_turn_are_announced_20_m_ahead_until_their_end(self, town_route: Route) -> None:
        changes = commands_along(town_route)
        assert [command for _, command in changes] == [FOLLOW, LEFT, FOLLOW, RIGHT, FOLLOW]
        expected = [0.0, 40.0, 60 + QUARTER_8M, 90 + QUARTER_8M, 110 + 2 * QUARTER_8M]
        assert [s for s, _ in changes] == pytest.approx(expected, abs=2.0)

    def test_the_next_turn_is_announced_when_the_one_before_ends(self, make_route) -> None:
        route = make_route((30, 0), (QUARTER_8M, 1 / 8), (8, 0), (QUARTER_8M, -1 / 8), (30, 0))
        changes = commands_along(route)
        assert [command for _, command in changes] == [FOLLOW, LEFT, RIGHT, FOLLOW]
        assert changes[2][0] == pytest.approx(30 + QUARTER_8M, abs=2.0)

    def test_a_turn_at_the_very_start_is_under_way_at_once(self, make_route) -> None:
        assert commands_along(make_route((QUARTER_8M, -1 / 8), (30, 0)))[0] == (0.0, RIGHT)

    @pytest.mark.parametrize(
        ("parts", "expected"),
        [
            ([(100, 0)], [FOLLOW]),
            ([(30, 0), (60, 1 / 40), (30, 0)], [FOLLOW]),  # 86 degrees, but a wide bend
            ([(30, 0), (10, 1 / 15), (30, 0)], [FOLLOW]),  # tight, but only 38 degrees
            ([(30, 0), (15, 1 / 15), (30, 0)], [FOLLOW, LEFT, FOLLOW]),  # tight and 57 degrees
            ([(30, 0), (8, 1 / 10), (8, -1 / 10), (30, 0)], [FOLLOW]),  # evasive jog: 46 degrees there and back
        ],
    )
    def test_only_tight_bends_of_more_than_45_degrees_are_turns(self, make_route, parts, expected) -> None:
        assert [command for _, command in commands_along(make_route(*parts))] == expected

    def test_a_bare_corner_is_a_turn(self) -> None:
        corner = Route(np.array([[0.0, 0.0], [50.0, 0.0], [50.0, -50.0]]))
        assert [command for _, command in commands_along(corner)] == [FOLLOW, RIGHT, FOLLOW]

    def test_the_spacing_of_the_points_does_not_matter(self, make_route) -> None:
        parts = ((60, 0), (QUARTER_8M, 1 / 8), (50, 0))
        for spacing in (0.2, 0.5, 2.0):
            assert [c for _, c in commands_along(make_route(*parts, spacing_m=spacing))] == [FOLLOW, LEFT, FOLLOW]

    def test_known_junctions_decide_alone_and_may_be_straight(self, make_route) -> None:
        end_of_turn = 100 + QUARTER_8M
        parts = ((100, 0), (QUARTER_8M, 1 / 8), (100, 0), (QUARTER_8M, 1 / 8), (50, 0))
        route = make_route(*parts, junctions=[(50.0, 60.0), (100.0, end_of_turn)])
        changes = commands_along(route)
        assert [command for _, command in changes] == [FOLLOW, STRAIGHT, FOLLOW, LEFT, FOLLOW]
        assert [s for s, _ in changes] == pytest.approx([0.0, 30.0, 60.0, 80.0, end_of_turn], abs=0.26)

    @pytest.mark.parametrize("junctions", [[(10.0, 10.0)], [(10.0, 20.0), (15.0, 30.0)]])
    def test_junctions_out_of_order_are_refused(self, make_route, junctions) -> None:
        with pytest.raises(ValueError, match="junction"):
            make_route((50, 0), junctions=junctions)

    @pytest.mark.parametrize("seed", [20, 37, 85, 102])
    def test_a_counter_bend_within_a_turn_belongs_to_it(self, seed: int) -> None:
        """Crooked routes on which the bends of either hand, found on their own, lie within each other."""
        rng = np.random.default_rng(seed)
        headings = np.cumsum(rng.normal(0.0, 0.6, 60))
        steps = rng.uniform(0.1, 3.0, 60)[:, None] * np.stack([np.cos(headings), np.sin(headings)], axis=1)
        route = Route(np.cumsum(steps, axis=0))
        turns = turn_maneuvers(route.sample, route.length_m)
        assert len(turns) > 1
        for before, after in pairwise(turns):
            assert before.start_m < after.start_m
            assert before.end_m < after.end_m
        for turn in turns:
            assert route.command_at(turn.end_m - 1e-6) == turn.command


class TestTargetPoint:
    @pytest.mark.parametrize(
        ("s", "expected"), [(-10.0, 30.0), (0.0, 30.0), (24.9, 30.0), (25.1, 60.0), (60.0, 90.0), (85.1, 100.0)]
    )
    def test_next_via_point_every_30_m_at_least_5_m_ahead(self, make_route, s: float, expected: float) -> None:
        assert make_route((100, 0)).target_point(s) == pytest.approx((expected, 0.0))

    def test_beyond_the_goal_it_stays_5_m_ahead(self, make_route) -> None:
        assert make_route((100, 0)).target_point(98.0) == pytest.approx((103.0, 0.0))
        assert make_route((100, 0)).target_point(140.0) == pytest.approx((145.0, 0.0))


def test_one_place_has_the_heading_that_many_have() -> None:
    route = figure_eight()
    s_m = np.concatenate([np.linspace(-5.0, route.length_m + 5.0, 500), route.arc_m])
    _, headings_rad = route.sample(s_m)
    assert [route.pose_at(s).yaw_rad for s in s_m.tolist()] == [wrap_angle(h) for h in headings_rad.tolist()]
