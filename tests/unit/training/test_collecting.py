import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.data.collect_carla import parse_arguments
from training.data.collecting import CollectConfig, collect
from training.data.drive_plan import DrivePlanConfig, draw_weather, plan_drive
from training.data.perturbation import SteeringNoise, SteeringNoiseConfig
from training.data.recorder import RecorderConfig, record_drive
from waypilot.episodes import check_episode, load_episode
from waypilot.geometry import SE2, Pose, wrap_angle
from waypilot.rig import DEFAULT_RIG
from waypilot.route import Route
from waypilot.scenarios import WEATHER_PRESETS, Scenario
from waypilot.scenarios.actors import Cross, CutIn, Drive, Stand
from waypilot.surroundings import ActorState, Footprint, SceneInfo, Surroundings
from waypilot.types import ActorKind, CollisionEvent, Control, EgoState, Observation, Plan, Trajectory
from waypilot_carla.errors import SimulatorLost
from waypilot_carla.frame import (
    GnssFix,
    ImuSample,
    LateEvents,
    PreparedScenario,
    SimulatorFrame,
    VehicleStatus,
)
from waypilot_carla.route_planner import RouteNotFoundError

DT_NS = 50_000_000
WHEELBASE_M = 2.9
MAX_STEER_RAD = 1.22
SPAWN_POSES = [SE2(100.0 * i, 100.0 * j, 0.0) for i in range(4) for j in range(4)]


class BicycleSession:
    """A kinematic car on a straight route of 300 m along +x that sees grey images."""

    def __init__(self, collide_at: int | None = None, lose_at: int | None = None):
        self.collide_at, self.lose_at = collide_at, lose_at
        self.controls: list[Control] = []

    def prepare(self, scenario: Scenario, seed: int) -> PreparedScenario:
        self.pose, self.speed_mps, self.ticks, self.control = SE2(0.0, 0.8, -0.1), 0.0, 0, Control(brake=1.0)
        self.controls.clear()
        route = Route(np.stack([np.arange(0.0, 301.0), np.zeros(301)], axis=1))
        return PreparedScenario(
            route=route,
            goal_m=(300.0, 0.0),
            map_name="Straight",
            opendrive="",
            vehicle=None,  # type: ignore[arg-type]
            start_pose=Pose.from_xyz_rpy(0.0, 0.8, 0.0, yaw_rad=-0.1),
            settled_frame=0,
            settled_stamp_ns=0,
        )

    def tick(self) -> SimulatorFrame:
        self.ticks += 1
        if self.ticks == self.lose_at:
            raise SimulatorLost("gone")
        yaw_rate = -self.speed_mps * math.tan(self.control.steer * MAX_STEER_RAD) / WHEELBASE_M
        dt_s = DT_NS / 1e9
        self.speed_mps = max(0.0, self.speed_mps + dt_s * (4.0 * self.control.throttle - 6.0 * self.control.brake))
        yaw_rad = wrap_angle(self.pose.yaw_rad + yaw_rate * dt_s)
        self.pose = self.pose.compose(SE2(self.speed_mps * dt_s, 0.0, 0.0))
        self.pose = SE2(self.pose.x_m, self.pose.y_m, yaw_rad)
        stamp_ns = self.ticks * DT_NS
        pose = Pose.from_xyz_rpy(self.pose.x_m, self.pose.y_m, 0.0, yaw_rad=yaw_rad)
        hit = (CollisionEvent(stamp_ns, 0, ActorKind.STATIC, (1.0, 0.0, 0.0)),) if self.ticks == self.collide_at else ()
        return SimulatorFrame(
            frame=self.ticks,
            stamp_ns=stamp_ns,
            ego=EgoState(stamp_ns, pose, (self.speed_mps, 0.0, 0.0), (0.0, 0.0, yaw_rate)),
            status=VehicleStatus(self.control, 1, False, (0.0, 0.0, 0.0)),
            images_bgra={"front": self._picture()},
            imu=ImuSample(stamp_ns, (0.0, 0.0, 9.8), (0.0, 0.0, 0.0), pose.orientation),
            gnss=GnssFix(stamp_ns, 0.0, 0.0, 0.0),
            collisions=hit,
        )

    def _picture(self) -> np.ndarray:
        """Grey but for one corner that changes: a picture that stays the same while the car moves counts as frozen."""
        picture = np.full((180, 320, 4), (200, 100, 50, 255), dtype=np.uint8)
        picture[-1, -1, :3] = self.ticks % 256
        return picture

    def apply(self, control: Control) -> None:
        self.control = control
        self.controls.append(control)

    def finish(self) -> LateEvents:
        return LateEvents((), ())


def drive(tmp_path: Path, name: str, session: BicycleSession | None = None, learner=None, **changes):
    plan = plan_drive("Straight", SPAWN_POSES, 3, 0, 0, DrivePlanConfig())
    config = replace(RecorderConfig(max_drive_s=20.0), **changes)
    return record_drive(session or BicycleSession(), plan, tmp_path / name, DEFAULT_RIG, config, learner)


def test_recorded_drive_is_a_sound_episode(tmp_path: Path) -> None:
    drive_made = drive(tmp_path, "a")
    assert check_episode(drive_made.path) == []
    episode = load_episode(drive_made.path)
    assert drive_made.ended_by == "time"
    assert len(episode.frames) == drive_made.frames == 100
    stamps = [frame.ego.stamp_ns for frame in episode.frames]
    assert stamps[0] == 0
    assert set(np.diff(stamps)) == {4 * DT_NS}
    assert episode.frames[0].control is not None
    assert episode.waypoint_dt_ns == 250_000_000
    assert episode.recorder["driver"] == "expert"


def test_label_is_the_way_back_to_the_route(tmp_path: Path) -> None:
    episode = load_episode(drive(tmp_path, "a").path)
    for frame in episode.frames:
        pose = frame.ego.pose_map_from_base_link.planar
        assert frame.waypoints_m is not None
        end = pose.transform_points(frame.waypoints_m)[-1]
        assert abs(end[1]) < 0.3
        assert end[0] > pose.x_m + 5.0
    assert max(abs(frame.ego.pose_map_from_base_link.y_m) for frame in episode.frames) > 0.5


class BlockedSession(BicycleSession):
    """A car stands on the route, its rear 58 m from the start."""

    def prepare(self, scenario: Scenario, seed: int) -> PreparedScenario:
        return replace(super().prepare(scenario, seed), scene=SceneInfo(Footprint(2.4, 0.9)))

    def tick(self) -> SimulatorFrame:
        frame = super().tick()
        standing = ActorState(7, ActorKind.VEHICLE, "vehicle.test", SE2(60.0, 0.0, 0.0), (0.0, 0.0), 2.0, 1.0)
        return replace(frame, surroundings=Surroundings(frame.stamp_ns, actors=(standing,)))


def test_the_expert_stops_behind_who_stands_in_the_way(tmp_path: Path) -> None:
    episode = load_episode(drive(tmp_path, "a", BlockedSession(), max_drive_s=25.0).path)
    last = episode.frames[-1]
    gap_m = 58.0 - (last.ego.pose_map_from_base_link.x_m + 2.4)
    # The expert plans to stop 2 m behind; this car brakes more weakly than the follower takes it to.
    assert 0.5 < gap_m < 2.5
    assert last.waypoints_m is not None
    assert np.abs(last.waypoints_m).max() < 1.0


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first, second = drive(tmp_path / "1", "a").path, drive(tmp_path / "2", "a").path
    assert first.read_bytes() == second.read_bytes()


def test_drive_ends_where_the_plan_would_leave_the_route(tmp_path: Path) -> None:
    made = drive(tmp_path, "a", max_drive_s=200.0)
    assert made.ended_by == "goal"
    last = load_episode(made.path).frames[-1].ego.pose_map_from_base_link
    assert 240.0 < last.x_m <= 255.0


def test_collision_and_leaving_the_route_end_the_drive(tmp_path: Path) -> None:
    made = drive(tmp_path, "a", BicycleSession(collide_at=42))
    assert made.ended_by == "collision"
    assert load_episode(made.path).frames[-1].ego.stamp_ns < 41 * DT_NS
    assert drive(tmp_path, "b", max_lateral_m=0.5).ended_by == "off_route"


def test_lost_simulator_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(SimulatorLost):
        drive(tmp_path, "a", BicycleSession(lose_at=30))
    assert list(tmp_path.iterdir()) == []


class LeftPolicy:
    """Always plans to drive 1 m further left; remembers the images."""

    name = "left"

    def reset(self, route: Route, seed: int) -> None:
        self.images: list[np.ndarray] = []

    def plan(self, observation: Observation) -> Plan:
        self.images.append(observation.images["front"])
        points = np.stack([1.5 * np.arange(1, 21), np.minimum(0.1 * np.arange(1, 21), 1.0)], axis=1)
        return Plan(Trajectory(observation.stamp_ns, 250_000_000, points))


def test_learned_driver_drives_and_the_expert_labels(tmp_path: Path) -> None:
    learner = LeftPolicy()
    made = drive(tmp_path, "a", learner=learner, expert_share=0.0)
    episode = load_episode(made.path)
    assert made.ended_by == "off_route"
    assert made.worst_lateral_m > 3.0
    assert episode.source == "carla_dagger"
    assert learner.images[0][0, 0].tolist() == [50, 100, 200]  # RGB
    label = episode.frames[-1].waypoints_m
    assert label is not None
    assert label[-1, 1] < -1.0  # the label leads back, the driver away
    assert drive(tmp_path, "b", learner=LeftPolicy(), expert_share=1.0).worst_lateral_m < 2.0


def test_noise_is_seeded_and_pauses() -> None:
    config = SteeringNoiseConfig(pause_s=2.0, peak_steer=(0.1, 0.2))
    times = np.arange(0.0, 60.0, 0.05)

    def steers(seed: int, speed_mps: float = 5.0) -> np.ndarray:
        noise = SteeringNoise(config, seed)
        return np.array([noise.disturb(Control(), float(t), speed_mps).steer for t in times])

    first = steers(1)
    assert np.array_equal(first, steers(1))
    assert not np.array_equal(first, steers(2))
    assert 0.1 < np.mean(first != 0.0) < 0.6
    assert np.abs(first).max() <= 0.2
    assert (first > 0.05).any()
    assert (first < -0.05).any()
    assert np.allclose(steers(1, 12.0), first / 4.0, atol=1e-6)


def test_noise_keeps_the_rest_of_the_command() -> None:
    noise = SteeringNoise(SteeringNoiseConfig(pause_s=0.01, peak_steer=(1.0, 1.0)), 0)
    for step in range(100):
        disturbed = noise.disturb(Control(throttle=0.5, steer=0.9), step * 0.05, 2.0)
        assert disturbed.throttle == 0.5
        assert -1.0 <= disturbed.steer <= 1.0


def test_drives_follow_from_seed_and_number() -> None:
    config = DrivePlanConfig()

    def plan(seed: int, index: int, attempt: int = 0):
        return plan_drive("Town", SPAWN_POSES, seed, index, attempt, config)

    assert plan(1, 2) == plan(1, 2)
    assert len({plan(1, 2).route_id, plan(2, 2).route_id, plan(1, 3).route_id, plan(1, 2, 1).route_id}) > 1
    drives = [plan(7, index) for index in range(40)]
    assert {drive.weather_name for drive in drives} > set(WEATHER_PRESETS)
    for made in drives:
        start = SPAWN_POSES[int(made.route_id.split("-")[0])]
        offset = start.inverse().compose(made.scenario.start_pose)
        assert abs(offset.x_m) < 1e-9
        assert abs(offset.y_m) <= 1.0
        assert abs(offset.yaw_rad) <= math.radians(15.0)
        assert 120.0 <= math.dist((start.x_m, start.y_m), made.scenario.goal_m) <= 450.0


def test_every_mixture_of_weathers_is_a_weather() -> None:
    drawn = {draw_weather(np.random.default_rng(seed), seed)[1] for seed in range(3000)}
    assert len(drawn) > 1000
    assert max(weather.wetness for weather in drawn) == 100.0


def test_encounters_are_drawn_by_kind_place_and_speed_and_change_nothing_else() -> None:
    alone, met = DrivePlanConfig(), DrivePlanConfig(encounters=1.0)
    drives = [plan_drive("Town", SPAWN_POSES, 3, index, 0, met) for index in range(60)]
    for index, drive in enumerate(drives):
        without = plan_drive("Town", SPAWN_POSES, 3, index, 0, alone)
        assert replace(drive.scenario, actors=(), lights=None) == without.scenario
        assert drive.seed == without.seed
        assert drive.scenario.actors
    actors = [actor for drive in drives for actor in drive.scenario.actors]
    assert {type(actor.behaviour) for actor in actors} == {Stand, Drive, CutIn, Cross}
    assert any(actor.is_walker for actor in actors)
    assert len({actor.place for actor in actors}) > 50
    assert {drive.scenario.lights is None for drive in drives} == {True, False}
    some = [plan_drive("Town", SPAWN_POSES, 3, index, 0, DrivePlanConfig(encounters=0.5)) for index in range(60)]
    assert 15 < sum(bool(drive.scenario.actors) for drive in some) < 45


def test_lights_turn_green_late_on_a_share_of_the_drives_without_encounters_which_change_in_nothing_else() -> None:
    mixed, late = DrivePlanConfig(encounters=0.5), DrivePlanConfig(encounters=0.5, late_green=0.5)
    held = 0
    for index in range(80):
        without, drive = (plan_drive("Town", SPAWN_POSES, 3, index, 0, config) for config in (mixed, late))
        if without.scenario.actors:
            assert drive == without
            continue
        assert replace(drive, scenario=replace(drive.scenario, lights=None)) == without
        held += drive.scenario.lights is not None
    assert 10 < held < 30


def test_town_without_distant_spawn_points_is_refused() -> None:
    with pytest.raises(ValueError, match="Town has no spawn point 120 to 450 m"):
        plan_drive("Town", SPAWN_POSES[:1], 0, 0, 0, DrivePlanConfig())


@pytest.mark.parametrize(
    ("cls", "changes", "message"),
    [
        (DrivePlanConfig, {"min_goal_m": 500.0}, "goal distances"),
        (DrivePlanConfig, {"encounters": 1.5}, "encounters is 1.5"),
        (DrivePlanConfig, {"late_green": -0.5}, "late_green is -0.5"),
        (DrivePlanConfig, {"max_start_offset_m": 3.0}, "half a lane"),
        (SteeringNoiseConfig, {"duration_s": (2.0, 1.0)}, "duration_s"),
        (RecorderConfig, {"expert_share": 1.5}, "expert_share"),
        (RecorderConfig, {"every": 0}, "every"),
    ],
)
def test_configs_refuse_what_makes_no_sense(cls: type, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**changes)


def test_collecting_goes_on_where_it_stopped(tmp_path: Path) -> None:
    short = RecorderConfig(max_drive_s=1.0)
    config = CollectConfig(tmp_path, "generate:7", episodes=2, seed=5, recorder=short)
    first = collect(config, BicycleSession(), SPAWN_POSES)
    assert [made.path.parent.name for made in first] == ["generate_7_5_00000", "generate_7_5_00001"]
    before = first[0].path.read_bytes()
    more = collect(replace(config, episodes=3), BicycleSession(), SPAWN_POSES)
    assert [made.path.parent.name for made in more] == ["generate_7_5_00002"]
    assert first[0].path.read_bytes() == before


class NoRoadSession(BicycleSession):
    """Finds no route for the first goals."""

    def __init__(self, refusals: int):
        super().__init__()
        self.refusals, self.asked = refusals, []

    def prepare(self, scenario: Scenario, seed: int) -> PreparedScenario:
        self.asked.append(scenario.goal_m)
        if len(self.asked) <= self.refusals:
            raise RouteNotFoundError("no lanes lead there")
        return super().prepare(scenario, seed)


def test_another_goal_is_drawn_when_no_route_leads_to_the_first(tmp_path: Path) -> None:
    config = CollectConfig(tmp_path, "Town", episodes=1, seed=5, recorder=RecorderConfig(max_drive_s=1.0))
    session = NoRoadSession(refusals=2)
    assert len(collect(config, session, SPAWN_POSES)) == 1
    assert len(set(session.asked)) > 1
    with pytest.raises(ValueError, match="20 attempts; the last one: no lanes lead there"):
        collect(replace(config, episodes=2), NoRoadSession(refusals=99), SPAWN_POSES)


def test_shares_make_all_drives_once(tmp_path: Path) -> None:
    config = CollectConfig(tmp_path, "Town", episodes=7, seed=5)
    shares = [index for number in range(3) for index in replace(config, share=(number, 3)).missing()]
    assert sorted(shares) == config.missing() == list(range(7))
    config.folder(3).mkdir()
    assert replace(config, share=(0, 3)).missing() == [0, 6]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--town Lite02 --driver me", "expected 'expert' or 'checkpoint:PATH'"),
        ("--town Lite02 --every 0", "every is 0"),
        ("--town Lite02 --share 2/2", "share is 2/2, expected k/n with 0 <= k < n"),
        ("--town Lite02 --share half", "invalid _k_of_n value: 'half'"),
        ("--town Lite02 --jobs 0", "--jobs is 0"),
        ("--town Lite02 --jobs 2 --port 2000", "a server that runs already serves one process"),
        ("--town Lite02 --jobs 2 --share 0/2", "give it or --share"),
        ("--town Lite02 Lite04 Lite01", "Lite01, Lite04: policies are evaluated there"),
    ],
)
def test_command_line_says_what_is_wrong(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse_arguments(["--out", str(tmp_path), *options.split()])
    assert message in capsys.readouterr().err


def test_command_line_names_towns_server_and_processes() -> None:
    order = parse_arguments(["--out", "o", "--town", "Lite02", "generate:1", "Lite02", "--port", "2555"])
    assert [config.town for config in order.towns] == ["Lite02", "generate:1"]
    assert order.server is not None
    assert order.server.port == 2555
    order = parse_arguments(["--out", "o", "--town", "Lite01", "--allow-evaluation-towns", "--jobs", "3"])
    assert (order.server, order.jobs) == (None, 3)


def test_command_line_says_how_far_before_a_line_the_expert_waits() -> None:
    gaps_m = [
        parse_arguments(["--out", "o", "--town", "Lite02", *options]).towns[0].recorder.expert.line_gap_m
        for options in ([], ["--line-gap-m", "3"])
    ]
    assert gaps_m == [RecorderConfig().expert.line_gap_m, 3.0]
