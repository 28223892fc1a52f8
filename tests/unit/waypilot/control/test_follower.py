from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest

from waypilot.control.follower import FollowerConfig, TimedPlan, WaypointFollower
from waypilot.control.lateral import LateralConfig
from waypilot.control.longitudinal import LongitudinalConfig
from waypilot.geometry import SE2, Pose
from waypilot.types import EgoState, Trajectory

STEP_NS = 50_000_000
QUARTER_NS = 250_000_000
ORIGIN = SE2(0.0, 0.0, 0.0)


def ego(stamp_ns: int = 0, speed: float = 8.0, x: float = 0.0, y: float = 0.0, yaw: float = 0.0) -> EgoState:
    # No two poses are equal to the bit: a state that repeats one while it reports speed is taken for frozen.
    pose = Pose.from_xyz_rpy(x, y, stamp_ns * 1e-15, yaw_rad=yaw)
    return EgoState(stamp_ns, pose, (speed, 0.0, 0.0), (0.0, 0.0, 0.0))


def straight_plan(stamp_ns: int = 0, speed: float = 8.0, pose: SE2 = ORIGIN) -> TimedPlan:
    along = speed * 0.25 * np.arange(1, 21)
    return TimedPlan(Trajectory(stamp_ns, QUARTER_NS, np.stack([along, np.zeros(20)], axis=1)), pose)


def bent_plan(stamp_ns: int, side: float) -> TimedPlan:
    """Arc of 20 m radius at 8 m/s, to the left for side = 1."""
    angle = 8.0 * 0.25 * np.arange(1, 21) / 20.0
    points = 20.0 * np.stack([np.sin(angle), side * (1.0 - np.cos(angle))], axis=1)
    return TimedPlan(Trajectory(stamp_ns, QUARTER_NS, points), ORIGIN)


def with_waypoints(points: np.ndarray, dt_ns: int = QUARTER_NS) -> TimedPlan:
    return TimedPlan(Trajectory(0, dt_ns, points), ORIGIN)


def jump_plan() -> TimedPlan:
    plan = straight_plan()
    plan.trajectory.waypoints_m[7, 1] += 5.0
    return plan


BAD_PLANS = {
    "none": (None, "no plan"),
    "empty": (with_waypoints(np.zeros((0, 2))), "invalid plan: no waypoints"),
    "nan": (with_waypoints(np.full((20, 2), math.nan)), "invalid plan: waypoints are not finite"),
    "infinite": (with_waypoints(np.full((20, 2), math.inf)), "invalid plan: waypoints are not finite"),
    "shape": (with_waypoints(np.zeros((20, 3))), "invalid plan: waypoints have shape"),
    "spacing": (with_waypoints(np.zeros((20, 2)), dt_ns=0), "invalid plan: waypoint spacing is 0 ns"),
    "lost": (straight_plan(pose=SE2(math.nan, 0.0, 0.0)), "invalid plan: its pose is not finite"),
    "turned": (straight_plan(pose=SE2(0.0, 0.0, math.inf)), "invalid plan: its pose is not finite"),
    "jump": (jump_plan(), "absurd plan: jump at waypoint 7"),
    "too fast": (straight_plan(speed=60.0), "absurd plan: 60.0 m/s up to waypoint"),
    "backwards": (straight_plan(speed=-3.0), "absurd plan: 3.0 m backwards, allowed 0.5 m"),
    "huge": (with_waypoints(np.array([[1e308, 0.0], [-1e308, 0.0]])), "absurd plan: inf m/s"),
    "stale": (straight_plan(stamp_ns=-600_000_000), "stale plan: 0.600 s old, allowed 0.4 s"),
    "future": (straight_plan(stamp_ns=200_000_000), "plan is from the future: 0.200 s ahead"),
}


class TestSafeStop:
    @pytest.mark.parametrize(("plan", "reason"), BAD_PLANS.values(), ids=BAD_PLANS.keys())
    def test_each_bad_plan_brakes_and_says_why(self, plan: TimedPlan | None, reason: str) -> None:
        output = WaypointFollower().step(ego(), plan)
        assert output.safe_stop_reason is not None
        assert output.safe_stop_reason.startswith(reason)
        assert output.control.throttle == 0.0
        assert output.control.brake == pytest.approx(0.25)

    @pytest.mark.parametrize("bad", [ego(speed=math.nan), ego(x=math.nan), ego(yaw=math.nan), ego(y=math.inf)])
    def test_an_ego_state_that_is_no_number_stops_too(self, bad: EgoState) -> None:
        output = WaypointFollower().step(bad, straight_plan())
        assert output.safe_stop_reason == "ego state is not finite"
        assert output.control.brake > 0.0

    def test_a_good_plan_is_followed_without_a_reason(self) -> None:
        output = WaypointFollower().step(ego(), straight_plan())
        assert output.safe_stop_reason is None
        assert output.control.brake == 0.0

    def test_a_plan_slightly_newer_than_the_ego_state_is_followed(self) -> None:
        assert WaypointFollower().step(ego(), straight_plan(stamp_ns=STEP_NS)).safe_stop_reason is None

    def test_the_brake_grows_to_its_limit(self) -> None:
        follower = WaypointFollower()
        brakes = [follower.step(ego(i * STEP_NS), None).control.brake for i in range(40)]
        assert brakes[0] == pytest.approx(0.25)
        assert brakes[20] == pytest.approx(0.75)
        assert brakes[-1] == pytest.approx(0.9)
        assert np.all(np.diff(brakes) >= 0.0)

    def test_the_wheels_are_held_through_the_bend_then_straightened(self) -> None:
        follower = WaypointFollower()
        for i in range(10):
            in_bend = follower.step(ego(i * STEP_NS), bent_plan(i * STEP_NS, 1.0)).control.steer
        assert in_bend < -0.05
        steers = [follower.step(ego((10 + i) * STEP_NS), None).control.steer for i in range(60)]
        assert steers[:20] == pytest.approx([in_bend] * 20)
        assert steers[-1] == 0.0

    @pytest.mark.parametrize(("speed", "limit_s"), [(8.0, 3.0), (15.0, 4.5)])
    def test_the_vehicle_comes_to_a_halt_in_bounded_time_and_stays(self, toy_car, speed: float, limit_s: float) -> None:
        follower, car = WaypointFollower(), toy_car(speed_mps=speed)
        for i in range(200):
            car.step(follower.step(car.ego(i * STEP_NS), None).control)
            if i * 0.05 > limit_s:
                assert car.speed_mps == 0.0
        assert abs(car.y_m) < 1e-6

    def test_driving_goes_on_with_the_next_good_plan_and_the_next_stop_is_gentle_again(self) -> None:
        follower = WaypointFollower()
        for i in range(30):
            follower.step(ego(i * STEP_NS, speed=2.0), None)
        output = follower.step(ego(30 * STEP_NS, speed=2.0), straight_plan(30 * STEP_NS))
        assert output.safe_stop_reason is None
        assert output.control.throttle > 0.2
        assert output.control.brake == 0.0
        brakes = [follower.step(ego(i * STEP_NS, speed=2.0), None).control.brake for i in range(31, 36)]
        assert brakes == pytest.approx([0.0] * 4 + [0.25])


class TestBridging:
    def follow_until(self, frame: int) -> WaypointFollower:
        follower = WaypointFollower()
        for i in range(frame):
            assert follower.step(ego(i * STEP_NS), straight_plan(i * STEP_NS)).safe_stop_reason is None
        return follower

    def test_a_short_gap_is_bridged_by_the_last_good_plan_and_a_longer_one_is_a_stop_with_its_reason(self) -> None:
        follower = self.follow_until(10)
        reasons = [follower.step(ego((10 + i) * STEP_NS), None).safe_stop_reason for i in range(6)]
        assert reasons == [None] * 4 + ["no plan"] * 2

    def test_single_bad_plans_do_not_touch_the_brake(self) -> None:
        follower = self.follow_until(10)
        for i in range(10, 60):
            plan = None if i % 3 else straight_plan(i * STEP_NS)
            assert follower.step(ego(i * STEP_NS), plan).control.brake == 0.0

    def test_after_a_stop_plans_must_be_good_for_a_while_before_one_is_followed(self) -> None:
        follower = self.follow_until(10)
        for i in range(10, 20):
            follower.step(ego(i * STEP_NS), None)
        flickering = [straight_plan(20 * STEP_NS), straight_plan(21 * STEP_NS), None]
        good = [straight_plan((23 + i) * STEP_NS) for i in range(7)]
        outputs = [follower.step(ego((20 + i) * STEP_NS), plan) for i, plan in enumerate([*flickering, *good])]
        waiting = "plans have just become good again"
        assert [output.safe_stop_reason for output in outputs] == [waiting] * 2 + ["no plan"] + [waiting] * 5 + [
            None
        ] * 2
        brakes = [output.control.brake for output in outputs[:8]]
        assert brakes == sorted(brakes)
        assert brakes[0] > 0.25


class TestFrozenOdometry:
    def at(self, frame: int, pose_frame: int, speed: float = 8.0) -> EgoState:
        return EgoState(frame * STEP_NS, Pose.from_xyz_rpy(0.4 * pose_frame, 0.0, 0.0), (speed, 0.0, 0.0), (0.0,) * 3)

    def test_the_same_pose_at_speed_is_a_stop_and_motion_ends_it(self) -> None:
        follower = WaypointFollower()
        shown = [0, 1, 2, 3, 3, 3, 3, 3, *range(8, 20)]
        reasons = [
            follower.step(self.at(i, pose), straight_plan(i * STEP_NS, pose=SE2(0.4 * pose, 0.0, 0.0))).safe_stop_reason
            for i, pose in enumerate(shown)
        ]
        assert [i for i, reason in enumerate(reasons) if reason and reason.startswith("odometry is frozen")] == [
            5,
            6,
            7,
        ]
        assert reasons[8:14] == ["plans have just become good again"] * 5 + [None]
        assert reasons[14:] == [None] * 6

    def test_standing_at_a_light_is_no_fault_and_neither_is_starting_off(self) -> None:
        follower = WaypointFollower()
        for i in range(100):
            output = follower.step(self.at(i, 0, speed=0.0), straight_plan(i * STEP_NS, speed=0.0))
            assert output.safe_stop_reason is None
        # The engine takes 0.3 s until the vehicle moves.
        for i in range(100, 110):
            moved = max(i - 106, 0)
            output = follower.step(self.at(i, moved, speed=1.0 if moved else 0.0), straight_plan(i * STEP_NS))
            assert output.safe_stop_reason is None
            assert output.control.throttle > 0.1

    def test_no_motion_in_spite_of_throttle_is_a_stop_that_is_tried_again_later(self) -> None:
        follower = WaypointFollower()
        reasons = [
            follower.step(self.at(i, 0, speed=0.0), straight_plan(i * STEP_NS)).safe_stop_reason for i in range(90)
        ]
        first = next(i for i, reason in enumerate(reasons) if reason)
        assert first * 0.05 <= 0.5
        assert reasons[first] == "odometry is frozen, or the vehicle is held: no motion in spite of throttle"
        assert reasons[first + 38 :].count(None) >= 5

    def drive_held(self, releases: Callable[[list[float]], bool]) -> tuple[int | None, list[float]]:
        """Push a standing vehicle towards 1 m/s until the throttles so far release it; its frame, and all throttles."""
        follower = WaypointFollower()
        throttles: list[float] = []
        for i in range(400):
            output = follower.step(self.at(i, 0, speed=0.0), straight_plan(i * STEP_NS, speed=1.0))
            throttles.append(output.control.throttle)
            if releases(throttles):
                return i, throttles
        return None, throttles

    def test_a_vehicle_that_starts_slowly_is_pushed_longer_each_time_until_it_starts(self) -> None:
        started, _ = self.drive_held(lambda throttles: min(throttles[-20:]) > 0.1 and len(throttles) >= 20)
        assert started is not None

    def test_a_vehicle_that_needs_more_throttle_gets_more_with_each_attempt(self) -> None:
        started, throttles = self.drive_held(lambda throttles: throttles[-1] > 0.35)
        assert throttles[0] < 0.3
        assert started is not None

    def test_frozen_odometry_of_a_vehicle_told_to_start_lets_it_drive_blind_for_a_bounded_time_only(self) -> None:
        _, throttles = self.drive_held(lambda _: False)
        pushed = "".join("x" if throttle > 0.0 else " " for throttle in throttles)
        assert [0.05 * len(push) for push in pushed.split()[:5]] == pytest.approx([0.4, 0.8, 1.6, 1.6, 1.6], abs=0.06)
        pauses = [len(pause) for pause in re.findall(" +", pushed)]
        assert min(pauses[:4]) * 0.05 >= 2.0

    def test_after_a_second_stop_for_whatever_reason_plans_must_again_be_good_for_a_while(self) -> None:
        for second in ("frozen", "not finite"):
            follower = WaypointFollower()
            shown = [0, 1, 2, 3, 3, 3, 3, 3, *range(8, 20)]  # the first stop, and driving again
            for i, pose in enumerate(shown):
                plan = straight_plan(i * STEP_NS, pose=SE2(0.4 * pose, 0.0, 0.0))
                assert (follower.step(self.at(i, pose), plan).safe_stop_reason is None) == (i < 5 or i > 12)
            for i in range(20, 24):
                state = self.at(i, 19) if second == "frozen" else self.at(i, i, speed=math.nan)
                output = follower.step(state, straight_plan(i * STEP_NS, pose=SE2(0.4 * 19, 0.0, 0.0)))
            assert second in str(output.safe_stop_reason)
            plan = straight_plan(24 * STEP_NS, pose=SE2(0.4 * 24, 0.0, 0.0))
            assert follower.step(self.at(24, 24), plan).safe_stop_reason == "plans have just become good again"


class TestTime:
    def test_a_repeated_stamp_integrates_nothing(self) -> None:
        follower = WaypointFollower()
        follower.step(ego(0), bent_plan(0, 1.0))
        first = follower.step(ego(STEP_NS), bent_plan(STEP_NS, 1.0))
        for _ in range(50):
            assert follower.step(ego(STEP_NS), bent_plan(STEP_NS, 1.0)) == first

    def test_a_repeated_stamp_with_the_plan_that_was_missing_is_followed(self) -> None:
        follower = WaypointFollower()
        assert follower.step(ego(0), None).safe_stop_reason == "no plan"
        assert follower.step(ego(0), straight_plan(0)).safe_stop_reason is None

    def test_time_running_backwards_starts_a_new_run(self) -> None:
        used, fresh = WaypointFollower(), WaypointFollower()
        for i in range(20):
            used.step(ego(10**9 + i * STEP_NS), bent_plan(10**9 + i * STEP_NS, -1.0))
        for i in range(3):
            stamp = i * STEP_NS
            assert used.step(ego(stamp), bent_plan(stamp, 1.0)) == fresh.step(ego(stamp), bent_plan(stamp, 1.0))

    def test_reset_is_a_new_follower(self) -> None:
        used, fresh = WaypointFollower(), WaypointFollower()
        for i in range(20):
            used.step(ego(i * STEP_NS), None if i % 3 else bent_plan(i * STEP_NS, -1.0))
        used.reset()
        stamp = 30 * STEP_NS
        assert used.step(ego(stamp), bent_plan(stamp, 1.0)) == fresh.step(ego(stamp), bent_plan(stamp, 1.0))

    def test_the_wheel_rate_counts_real_time_but_never_a_long_gap(self) -> None:
        """Two steps of 25 ms turn as far as one of 50 ms; after a pause of 10 s the wheels do not snap round."""

        def wheel_after(stamps_ms: list[int]) -> float:
            follower = WaypointFollower(FollowerConfig(LateralConfig(max_wheel_rate_radps=0.1)))
            for stamp in stamps_ms:
                steer = follower.step(ego(stamp * 1_000_000), bent_plan(stamp * 1_000_000, 1.0)).control.steer
            return steer

        assert wheel_after([0, 25, 50]) == pytest.approx(wheel_after([0, 50]))
        assert wheel_after([0, 10_000]) == pytest.approx(4.0 * wheel_after([0, 50]))

    def test_the_same_plan_steers_the_same_however_old_on_its_path(self) -> None:
        """A plan made 0.4 s ago at another pose: a vehicle that kept to it needs no steering."""
        pose = SE2(10.0, 5.0, 1.0)
        here = pose.compose(SE2(3.2, 0.0, 0.0))
        output = WaypointFollower().step(
            ego(400_000_000, x=here.x_m, y=here.y_m, yaw=here.yaw_rad), straight_plan(0, pose=pose)
        )
        assert output.safe_stop_reason is None
        assert output.control.steer == pytest.approx(0.0, abs=1e-6)

    def test_a_vehicle_left_of_an_old_plan_steers_right(self) -> None:
        follower = WaypointFollower()
        follower.step(ego(0), straight_plan(0))
        assert follower.step(ego(200_000_000, x=1.6, y=0.5), straight_plan(0)).control.steer > 0.01


class TestCommand:
    def test_left_plans_steer_negative_as_carla_has_it(self) -> None:
        for side in (1.0, -1.0):
            follower = WaypointFollower()
            for i in range(10):
                output = follower.step(ego(i * STEP_NS), bent_plan(i * STEP_NS, side))
            assert math.copysign(1.0, output.control.steer) == -side

    def test_a_standing_vehicle_with_a_standing_plan_is_held(self) -> None:
        output = WaypointFollower().step(ego(speed=0.0), straight_plan(speed=0.0))
        config = LongitudinalConfig()
        assert output.safe_stop_reason is None
        assert output.control.brake == pytest.approx(config.hold_brake)
        assert output.control.steer == 0.0

    def test_commands_stay_in_range_for_wild_but_allowed_plans(self) -> None:
        rng = np.random.default_rng(5)
        follower, followed = WaypointFollower(FollowerConfig(recover_s=0.0)), 0
        for i in range(500):
            points = np.cumsum(rng.normal(0.5, 0.8, (20, 2)), axis=0)
            plan = TimedPlan(Trajectory(i * STEP_NS, QUARTER_NS, points), ORIGIN)
            output = follower.step(ego(i * STEP_NS, speed=float(rng.uniform(-2, 20))), plan)
            followed += output.safe_stop_reason is None
            assert not (output.control.throttle > 0.0 and output.control.brake > 0.0)
            assert output.control.throttle <= LongitudinalConfig().max_throttle + 1e-6
        assert followed > 100
