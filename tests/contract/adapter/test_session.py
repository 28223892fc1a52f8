from __future__ import annotations

import math
import os
import signal
import threading
import time
from dataclasses import replace

import carla
import numpy as np
import pytest

from carla_lite.maps import load_town
from carla_lite.wire.process import ServerProcess
from waypilot.geometry import SE2
from waypilot.rig import DEFAULT_RIG
from waypilot.scenarios import Scenario
from waypilot.types import ActorKind, Control
from waypilot_carla import SessionConfig, SetupError, SimulatorLost, SimulatorSession, SimulatorUnreachable
from waypilot_carla.sensors import Mailbox

STEP_NS = 50_000_000
FULL_THROTTLE = Control(throttle=1.0)


def drive(session: SimulatorSession, control: Control, ticks: int) -> list:
    frames = []
    for _ in range(ticks):
        frames.append(session.tick())
        session.apply(control)
    return frames


def test_frames_follow_each_other_and_everything_carries_their_stamp(session, straight):
    prepared = session.prepare(straight, seed=0)
    frames = drive(session, Control(throttle=0.5), 20)
    numbers = [prepared.settled_frame, *(frame.frame for frame in frames)]
    assert np.diff(numbers).tolist() == [1] * 20
    stamps = [prepared.settled_stamp_ns, *(frame.stamp_ns for frame in frames)]
    assert np.diff(stamps).tolist() == [STEP_NS] * 20
    for frame in frames:
        assert {frame.ego.stamp_ns, frame.imu.stamp_ns, frame.gnss.stamp_ns} == {frame.stamp_ns}
        assert frame.images_bgra["front"].shape == (180, 320, 4)
        assert frame.images_bgra["front"].dtype == np.uint8
    assert frames[-1].ego.speed_mps > 1.0
    assert frames[-1].status.control.throttle == 0.5


def test_vehicle_stands_at_the_start_in_map_axes(session, straight):
    turned = replace(straight, start_pose=SE2(-140.0, 1.75, math.pi), goal_m=(-160.0, 1.75))
    for scenario in (straight, turned):
        prepared = session.prepare(scenario, seed=0)
        ego = session.tick().ego
        pose = ego.pose_map_from_base_link.planar
        start = scenario.start_pose
        assert (pose.x_m, pose.y_m) == pytest.approx((start.x_m, start.y_m), abs=0.02)
        assert math.cos(pose.yaw_rad - start.yaw_rad) == pytest.approx(1.0, abs=1e-6)
        assert ego.linear_velocity_mps == pytest.approx((0.0, 0.0, 0.0), abs=1e-3)
        assert (prepared.start_pose.x_m, prepared.start_pose.y_m) == pytest.approx((start.x_m, start.y_m), abs=0.02)


def test_steering_right_turns_clockwise_and_moves_towards_negative_y(session, straight):
    session.prepare(straight, seed=0)
    ego = drive(session, Control(throttle=0.8, steer=0.1), 40)[-1].ego
    assert ego.pose_map_from_base_link.planar.yaw_rad < -0.05
    assert ego.pose_map_from_base_link.y_m < straight.start_pose.y_m - 0.1
    assert ego.angular_velocity_radps[2] < -0.01
    assert ego.linear_velocity_mps[0] > 3.0
    assert abs(ego.linear_velocity_mps[1]) < 0.5 * ego.linear_velocity_mps[0]


def test_vehicle_info_is_in_metres_and_radians(session, straight):
    info = session.prepare(straight, seed=0).vehicle
    assert info.role_name == "ego_vehicle"
    assert info.type_id == "vehicle.tesla.model3"
    assert 2.0 < info.wheelbase_m < 4.0
    assert 0.5 < info.max_steer_rad < 1.4
    assert 1000.0 < info.mass_kg < 3000.0
    left_front, right_front = info.wheels[0].position_m, info.wheels[1].position_m
    assert left_front[0] > 0.5
    assert left_front[1] * right_front[1] < 0.0


def test_equal_states_give_equal_images_whatever_ran_before(session, straight, rain):
    def images(scenario: Scenario) -> list[bytes]:
        session.prepare(scenario, seed=0)
        return [frame.images_bgra["front"].tobytes() for frame in drive(session, FULL_THROTTLE, 10)]

    first = images(rain)
    clear = images(straight)
    assert clear != first
    assert images(rain) == first


def test_driving_off_the_road_into_a_wall_is_a_static_collision(session, straight):
    session.prepare(straight, seed=0)
    frames = drive(session, Control(throttle=0.8, steer=0.25), 400)
    collisions = [event for frame in frames for event in frame.collisions] + list(session.finish().collisions)
    assert collisions
    assert collisions[0].other_kind is ActorKind.STATIC
    assert math.hypot(*collisions[0].impulse_ns) > 0.0
    stamps = {frame.stamp_ns for frame in frames}
    assert all(event.stamp_ns in stamps for event in collisions)


def test_hitting_a_parked_car_is_a_vehicle_collision_and_crossing_lines_is_seen(server, session, straight):
    session.prepare(straight, seed=0)
    other_client = carla.Client("127.0.0.1", server.port)
    world = other_client.get_world()
    blueprint = world.get_blueprint_library().find("vehicle.lincoln.mkz_2020")
    start = straight.start_pose
    parked = world.spawn_actor(blueprint, carla.Transform(carla.Location(start.x_m + 30.0, -start.y_m, 0.2)))
    frames = drive(session, FULL_THROTTLE, 120)
    late = session.finish()
    collisions = [event for frame in frames for event in frame.collisions] + list(late.collisions)
    assert collisions[0].other_kind is ActorKind.VEHICLE
    assert collisions[0].other_actor_id == parked.id
    assert collisions[0].impulse_ns[0] < 0.0  # pushed back, along -x
    session.prepare(straight, seed=0)
    frames = drive(session, Control(throttle=0.6, steer=-0.15), 80)
    crossings = [event for frame in frames for event in frame.lane_invasions] + list(session.finish().lane_invasions)
    assert crossings
    assert crossings[0].crossed_markings


def test_finish_returns_the_drives_own_events_and_leaves_out_what_happens_after_it(session, straight):
    into_the_wall = Control(throttle=0.8, steer=0.25)
    session.prepare(straight, seed=0)
    frames = drive(session, into_the_wall, 400)
    first_hit_ns = next(event for frame in frames for event in frame.collisions).stamp_ns
    hit = [frame.stamp_ns for frame in frames].index(first_hit_ns)

    def stamps_after(ticks: int) -> tuple[set[int], set[int]]:
        """Drive again for so many ticks; return the stamps of the drive's contacts and of those of ``finish``."""
        start_ns = session.prepare(straight, seed=0).settled_stamp_ns
        offset_ns = first_hit_ns - (hit + 1) * STEP_NS - start_ns
        driven = drive(session, into_the_wall, ticks)
        during = {event.stamp_ns + offset_ns for frame in driven for event in frame.collisions}
        return during, {event.stamp_ns + offset_ns for event in session.finish().collisions}

    during, late = stamps_after(hit + 1)
    assert during | late == {first_hit_ns}
    assert stamps_after(hit) == (set(), set())  # the vehicle hits the wall while it brakes, which is not the drive


def test_close_restores_the_settings_and_leaves_no_actors(server, straight):
    client = carla.Client("127.0.0.1", server.port)
    before = client.get_world().get_settings()
    for _ in range(2):  # two sessions in sequence
        with SimulatorSession(SessionConfig(port=server.port)) as session:
            session.prepare(straight, seed=0)
            session.tick()
        session.close()  # closing twice does nothing
    world = client.get_world()
    world.wait_for_tick()
    after = world.get_settings()
    assert (after.synchronous_mode, after.fixed_delta_seconds) == (before.synchronous_mode, before.fixed_delta_seconds)
    assert [actor.type_id for actor in world.get_actors() if actor.type_id.startswith(("vehicle", "sensor"))] == []


def test_killed_server_is_noticed_in_bounded_time(straight):
    with ServerProcess(map="Lite01", ready_timeout_s=240.0) as own:
        session = SimulatorSession(SessionConfig(port=own.port, timeout_s=6.0))
        session.prepare(straight, seed=0)
        drive(session, FULL_THROTTLE, 3)
        os.kill(own.pid, signal.SIGKILL)
        begun_s = time.monotonic()
        with pytest.raises(SimulatorLost, match=r"no answer to the tick .* within 6 s.*restart"):
            drive(session, FULL_THROTTLE, 3)
        with pytest.raises(SimulatorLost, match="was lost before"):
            session.tick()
        session.close()
        assert session.lost
        assert time.monotonic() - begun_s < 60.0


def test_no_server_is_said_with_host_port_and_what_to_start():
    config = SessionConfig(port=2499, connect_timeout_s=0.5)
    with pytest.raises(SimulatorUnreachable, match=r"127\.0\.0\.1:2499.*python -m carla_lite --port 2499"):
        SimulatorSession(config)


def test_what_does_not_fit_the_simulator_is_refused_and_the_next_scenario_still_runs(session, straight):
    with pytest.raises(SetupError, match=r"cannot load map 'Nowhere'.*Lite01"):
        session.prepare(replace(straight, map="Nowhere"), seed=0)
    with pytest.raises(SetupError, match=r"no blueprint 'vehicle.horse.cart'"):
        session.prepare(replace(straight, vehicle_type="vehicle.horse.cart"), seed=0)
    with pytest.raises(SetupError, match="faces 180 degrees"):
        session.prepare(replace(straight, start_pose=replace(straight.start_pose, yaw_rad=math.pi)), seed=0)
    with pytest.raises(SetupError, match="no scenario is prepared"):
        session.tick()
    session.prepare(straight, seed=0)
    assert session.tick().images_bgra


def test_a_scenario_that_cannot_be_set_up_leaves_nothing_behind(server, straight):
    too_large = replace(DEFAULT_RIG[0], name="wide", width_px=100_000)
    with SimulatorSession(SessionConfig(port=server.port, cameras=(*DEFAULT_RIG, too_large))) as session:
        with pytest.raises(SetupError, match="100000"):
            session.prepare(straight, seed=0)
        world = carla.Client("127.0.0.1", server.port).get_world()
        world.tick()
        assert [actor.type_id for actor in world.get_actors().filter("vehicle.*")] == []
        assert [actor.type_id for actor in world.get_actors().filter("sensor.*")] == []
        with pytest.raises(SetupError, match="no scenario is prepared"):
            session.tick()


def test_a_camera_slower_than_the_settling_ticks_is_waited_for(server, straight, monkeypatch):
    put = Mailbox.put

    def put_later(mailbox: Mailbox, measurement: carla.SensorData) -> None:
        if mailbox.name.startswith("camera"):
            threading.Timer(0.6, put, (mailbox, measurement)).start()
        else:
            put(mailbox, measurement)

    monkeypatch.setattr(Mailbox, "put", put_later)
    with SimulatorSession(SessionConfig(port=server.port, settle_ticks=2)) as session:
        session.prepare(straight, seed=0)
        assert session.tick().images_bgra["front"].any()


def test_settings_come_back_even_if_the_vehicle_cannot_be_destroyed(server, straight, monkeypatch):
    def refuse() -> None:
        raise SetupError("the simulator refused destroying vehicle and sensors")

    with SimulatorSession(SessionConfig(port=server.port)) as session:
        session.prepare(straight, seed=0)
        clear = session._clear
        monkeypatch.setattr(session, "_clear", refuse)
        session.close()
        assert not carla.Client("127.0.0.1", server.port).get_world().get_settings().synchronous_mode
        assert not session.lost
        monkeypatch.setattr(session, "_clear", clear)


def test_a_map_that_the_server_lacks_is_uploaded(server, straight):
    def provider(name: str) -> str | None:
        return load_town("Lite01").xodr if name == "Elsewhere" else None

    with SimulatorSession(SessionConfig(port=server.port), provider) as session:
        for _ in range(2):
            prepared = session.prepare(replace(straight, map="Elsewhere"), seed=0)
            assert prepared.map_name == "Elsewhere"
            assert session.tick().ego.pose_map_from_base_link.x_m == pytest.approx(straight.start_pose.x_m, abs=0.02)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"port": 0}, "port is 0"),
        ({"timeout_s": 0.0}, "timeout_s is 0.0"),
        ({"fixed_delta_s": 0.5}, "fixed_delta_s is 0.5"),
        ({"settle_ticks": 0}, "settle_ticks is 0"),
        ({"role_name": ""}, "role_name is empty"),
    ],
)
def test_impossible_configurations_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        SessionConfig(**wrong)
