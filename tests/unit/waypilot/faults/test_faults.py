"""Each fault on made-up frames: what it changes, when, and that chance is the seed's alone."""

from __future__ import annotations

import json

import numpy as np
import pytest

from waypilot.config import ConfigError, config_from_mapping, config_to_dict
from waypilot.faults import CommandFaults, Fault, FaultKind, InjectedFaultError, PlanFaults, SensorFaults
from waypilot.geometry import Pose
from waypilot.types import Control, EgoState, Plan, Trajectory

FIRST_NS, STEP_NS = 7_000_000_000, 50_000_000
CAMERAS = ("front", "left")


def stamp(frame: int) -> int:
    return FIRST_NS + frame * STEP_NS


def ego(frame: int) -> EgoState:
    return EgoState(stamp(frame), Pose.from_xyz_rpy(0.4 * frame, 0.0, 0.0), (8.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def image(frame: int) -> np.ndarray:
    """Four channels, as the simulator has them; every frame has its own grey."""
    pixels = np.full((6, 8, 4), 100 + frame % 100, np.uint8)
    pixels[:, :, 3] = 255
    return pixels


def sense(kind: FaultKind, frames: int = 12, seed: int = 3, **parameters):
    faults = SensorFaults([Fault(kind, 0.2, 0.25, **parameters)], seed)  # frames 4 to 8
    return [faults.apply(ego(i), {name: image(i) for name in CAMERAS}) for i in range(frames)]


def plan(frame: int) -> Plan:
    points = np.stack([np.arange(1, 21) * 2.0, np.zeros(20)], axis=1)
    return Plan(Trajectory(stamp(frame), 250_000_000, points))


def plans_with(kind: FaultKind, frames: int = 12, **parameters):
    faults = PlanFaults([Fault(kind, 0.2, 0.25, **parameters)])
    return [faults.apply(stamp(i), plan(i)) for i in range(frames)]


def commands_with(kind: FaultKind, frames: int = 12, **parameters):
    faults = CommandFaults([Fault(kind, 0.2, 0.25, **parameters)])
    return [faults.apply(stamp(i), Control(throttle=i / 100)) for i in range(frames)]


class TestCameras:
    def test_outside_its_time_and_beside_its_target_nothing_is_changed(self) -> None:
        for kind in (FaultKind.CAMERA_BLACK, FaultKind.CAMERA_GONE, FaultKind.CAMERA_SIZE, FaultKind.CAMERA_FROZEN):
            for i, frame in enumerate(sense(kind, target="front")):
                assert frame.ego == ego(i)
                untouched = CAMERAS if i < 4 or i > 8 else ("left",)
                for name in untouched:
                    assert frame.images[name][0] == stamp(i)
                    assert np.array_equal(frame.images[name][1], image(i))

    def test_black_keeps_size_and_alpha(self) -> None:
        pixels = sense(FaultKind.CAMERA_BLACK)[4].images["front"][1]
        assert pixels.shape == (6, 8, 4)
        assert not pixels[:, :, :3].any()
        assert (pixels[:, :, 3] == 255).all()

    def test_frozen_repeats_the_last_image_before_under_new_stamps(self) -> None:
        for i, frame in list(enumerate(sense(FaultKind.CAMERA_FROZEN)))[4:9]:
            assert frame.images["front"][0] == stamp(i)
            assert np.array_equal(frame.images["front"][1], image(3))

    def test_a_late_camera_delivers_nothing_first_and_then_old_images_under_their_own_stamps(self) -> None:
        frames = sense(FaultKind.CAMERA_LATE, delay_s=0.1)
        assert [frame.images.get("front", (None,))[0] for frame in frames[4:9]] == [None, None, *map(stamp, (4, 5, 6))]
        assert np.array_equal(frames[6].images["front"][1], image(4))
        assert [i for i, frame in enumerate(frames) if "front" in frame.withheld] == [4, 5, 6, 7, 8]

    def test_a_camera_that_is_gone_leaves_the_others(self) -> None:
        frames = sense(FaultKind.CAMERA_GONE, target="left")
        assert [i for i, frame in enumerate(frames) if "left" not in frame.images] == [4, 5, 6, 7, 8]
        assert all("front" in frame.images for frame in frames)
        assert frames[4].withheld == {"left"}

    def test_dropped_frames_follow_the_share_and_the_seed(self) -> None:
        def dropped(seed: int) -> list[int]:
            faults = SensorFaults([Fault(FaultKind.CAMERA_DROPS, 0.0, share=0.3)], seed)
            frames = [faults.apply(ego(i), {"front": image(i)}) for i in range(400)]
            assert all(("front" in frame.images) != ("front" in frame.withheld) for frame in frames)
            return [i for i, frame in enumerate(frames) if not frame.images]

        assert dropped(1) == dropped(1) != dropped(2)
        assert 0.24 * 400 < len(dropped(1)) < 0.36 * 400

    def test_noise_has_its_deviation_and_follows_the_seed(self) -> None:
        def noisy(seed: int) -> np.ndarray:
            faults = SensorFaults([Fault(FaultKind.CAMERA_NOISE, 0.0, sigma=20.0)], seed)
            pixels = np.full((180, 320, 3), 128, np.uint8)
            return faults.apply(ego(0), {"front": pixels}).images["front"][1]

        assert np.array_equal(noisy(1), noisy(1))
        assert not np.array_equal(noisy(1), noisy(2))
        assert noisy(1).std() == pytest.approx(20.0, rel=0.02)

    def test_wrong_size_is_half_the_size(self) -> None:
        assert sense(FaultKind.CAMERA_SIZE)[5].images["front"][1].shape == (3, 4, 4)

    def test_what_the_simulator_gave_is_not_written_to(self) -> None:
        given = image(0)
        for kind, more in ((FaultKind.CAMERA_BLACK, {}), (FaultKind.CAMERA_NOISE, {"sigma": 9.0})):
            SensorFaults([Fault(kind, 0.0, **more)], 0).apply(ego(0), {"front": given})
        assert np.array_equal(given, image(0))

    def test_a_camera_that_the_vehicle_lacks_is_an_error_that_names_those_it_has(self) -> None:
        with pytest.raises(ValueError, match="camera_gone of 'rear': the vehicle carries front, left"):
            sense(FaultKind.CAMERA_GONE, target="rear")


class TestOdometry:
    def test_frozen_repeats_the_last_state_under_new_stamps(self) -> None:
        for i, frame in enumerate(sense(FaultKind.ODOMETRY_FROZEN)):
            assert frame.ego.stamp_ns == stamp(i)
            shown = 3 if 4 <= i <= 8 else i
            assert frame.ego.pose_map_from_base_link == ego(shown).pose_map_from_base_link


class TestPolicy:
    def test_silent_gives_no_plan_and_says_so_beforehand(self) -> None:
        assert [i for i, p in enumerate(plans_with(FaultKind.POLICY_SILENT)) if p is None] == [4, 5, 6, 7, 8]
        faults = PlanFaults([Fault(FaultKind.POLICY_SILENT, 0.2, 0.25)])
        assert [i for i in range(12) if faults.withholds(stamp(i))] == [4, 5, 6, 7, 8]

    def test_slow_plans_come_late_with_their_own_stamps_and_those_in_work_at_the_end_are_lost(self) -> None:
        plans = plans_with(FaultKind.POLICY_SLOW, delay_s=0.1)
        arrived = [p and p.final.stamp_ns for p in plans[3:10]]
        assert arrived == [stamp(3), None, None, stamp(4), stamp(5), stamp(6), stamp(9)]
        faults = PlanFaults([Fault(FaultKind.POLICY_SLOW, 0.2, 0.25, delay_s=0.1)])
        assert [i for i in range(12) if faults.withholds(stamp(i))] == [4, 5]

    def test_a_late_plan_arrives_as_foretold_though_stamps_are_rounded(self) -> None:
        faults = PlanFaults([Fault(FaultKind.POLICY_SLOW, 0.2, delay_s=0.1)])
        stamps = [stamp(i) - (100 if i == 6 else 0) for i in range(8)]
        foretold = [faults.withholds(stamp_ns) for stamp_ns in stamps]
        arrived = [faults.apply(stamp_ns, plan(i)) for i, stamp_ns in enumerate(stamps)]
        assert foretold == [entry is None for entry in arrived]

    def test_absurd_plans(self) -> None:
        assert np.isnan(plans_with(FaultKind.POLICY_NAN)[4].final.waypoints_m).all()
        assert plans_with(FaultKind.POLICY_JUMPS)[4].final.waypoints_m[:3, 1].tolist() == [0.0, 20.0, 0.0]
        assert (plans_with(FaultKind.POLICY_BACKWARDS)[4].final.waypoints_m[:, 0] < 0.0).all()
        assert (plans_with(FaultKind.POLICY_FAR)[4].final.waypoints_m[:, 0] > 500.0).all()
        assert plans_with(FaultKind.POLICY_FAR)[9].final.waypoints_m[0].tolist() == [2.0, 0.0]

    def test_a_policy_dies(self) -> None:
        with pytest.raises(InjectedFaultError, match=r"died at 0\.2 s"):
            plans_with(FaultKind.POLICY_DIES)
        assert len(plans_with(FaultKind.POLICY_DIES, frames=4)) == 4


class TestCommands:
    def test_lost(self) -> None:
        commands = commands_with(FaultKind.CONTROL_LOST)
        assert [i for i, command in enumerate(commands) if command is None] == [4, 5, 6, 7, 8]
        assert commands[3] == (stamp(3), Control(throttle=0.03))

    def test_late(self) -> None:
        commands = commands_with(FaultKind.CONTROL_LATE, delay_s=0.15)
        assert [command and command[0] for command in commands[4:10]] == [None] * 3 + [*map(stamp, (4, 5, 9))]
        assert commands[7][1] == Control(throttle=0.04)


class TestDefinition:
    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"kind": "camera_melted", "start_s": 1}, "kind: 'camera_melted' is not one of camera_black, "),
            ({"kind": "camera_black", "start_s": -1}, "start_s is -1.0, give seconds since the first frame"),
            ({"kind": "camera_black", "start_s": 1, "duration_s": 0}, "duration_s is 0.0, give positive seconds"),
            ({"kind": "policy_nan", "start_s": 1, "target": "front"}, "only camera faults have one"),
            ({"kind": "camera_late", "start_s": 1}, "delay_s is None, camera_late needs a number above 0 and up to 4"),
            ({"kind": "camera_drops", "start_s": 1, "share": 2}, "camera_drops needs a number above 0 and up to 1"),
            ({"kind": "camera_black", "start_s": 1, "share": 1}, "camera_black has no use for it"),
            ({"kind": "camera_black", "start_s": 1, "end_s": 2}, "unknown key 'end_s'"),
        ],
    )
    def test_what_cannot_be_is_refused(self, values: dict, message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            config_from_mapping(Fault, values)

    def test_a_fault_survives_the_trip_through_json(self) -> None:
        fault = Fault(FaultKind.CAMERA_LATE, 2.0, 1.5, target="front", delay_s=0.2)
        assert config_from_mapping(Fault, json.loads(json.dumps(config_to_dict(fault)))) == fault
