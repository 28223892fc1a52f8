"""Recording and playing what happened, through the genuine client."""

import time

import carla
import numpy as np
import pytest

from carla_lite.recording import LogReader
from carla_lite.recording.packets import PacketId
from carla_lite.wire.process import ServerProcess
from tests.contract.wire.conftest import STEP_S, TIMEOUT_S, make_synchronous

STEPS = 20


def spawn(world, type_id, index, **attributes):
    blueprint = world.get_blueprint_library().find(type_id)
    for name, value in attributes.items():
        blueprint.set_attribute(name, value)
    return world.spawn_actor(blueprint, world.get_map().get_spawn_points()[index])


def seen(actor):
    """Return an actor's axes and place: (3, 4), the place (m) in the last column."""
    return np.array(actor.get_transform().get_matrix())[:3]


def drive(world, *actors, steps=STEPS):
    """Tick, and return the pose of every actor after every tick: (steps, actors, 3, 4)."""
    poses = []
    for _ in range(steps):
        world.tick()
        poses.append([seen(actor) for actor in actors])
    return np.array(poses)


@pytest.fixture
def scene(world):
    """A driving car, a walking pedestrian and a cone."""
    car = spawn(world, "vehicle.tesla.model3", 0, role_name="hero")
    walker = spawn(world, "walker.pedestrian.0001", 5)
    cone = spawn(world, "static.prop.trafficcone01", 10)
    world.tick()
    car.apply_control(carla.VehicleControl(throttle=0.6, steer=0.1))
    walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.5))
    return car, walker, cone


def record(client, world, name, *actors, steps=STEPS, additional_data=False):
    """Record a drive; returns the poses at the start and after every tick."""
    client.start_recorder(name, additional_data)
    poses = [[seen(actor) for actor in actors], *drive(world, *actors, steps=steps)]
    client.stop_recorder()
    world.tick()  # the call before is not waited for
    return np.array(poses)


def same(poses, expected):
    """Tell whether poses or places are equal as far as 32-bit numbers hold them."""
    return np.allclose(poses, expected, rtol=0.0, atol=2e-4)


def test_a_recording_is_carlas_file_value_by_value(client, world, scene, recordings):
    car = scene[0]
    car.set_light_state(carla.VehicleLightState(carla.VehicleLightState.LowBeam))
    path = client.start_recorder("values.log", True)
    assert path == str(recordings / "values.log")
    world.tick()
    pose, velocity = car.get_transform(), car.get_velocity()
    client.stop_recorder()
    world.tick()
    log = LogReader(recordings / "values.log")
    assert (log.head.version, log.head.map_name) == (1, "Lite01")
    assert abs(log.head.date_s - time.time()) < 3600.0
    first, second = log
    assert (first.start.number, first.start.duration_s, first.start.elapsed_s) == (1, STEP_S, 0.0)
    assert (second.start.number, second.start.duration_s, second.start.elapsed_s) == (2, -1.0, STEP_S)
    added = {actor.actor_id: actor for actor in first.of(PacketId.EVENT_ADD)}
    assert added[car.id].type_id == "vehicle.tesla.model3"
    assert [added[each.id].kind for each in scene] == [1, 2, 0]
    assert {a.name: a.value for a in added[car.id].attributes} == car.attributes
    assert second.of(PacketId.EVENT_ADD) == ()
    position = next(p for p in second.of(PacketId.POSITION) if p.actor_id == car.id)
    x, y, z = pose.location.x, pose.location.y, pose.location.z
    rotation = (pose.rotation.roll, pose.rotation.pitch, pose.rotation.yaw)
    assert position[1:] == pytest.approx((100.0 * x, 100.0 * y, 100.0 * z, *rotation), abs=0.02)
    control = next(v for v in second.of(PacketId.VEHICLE) if v.actor_id == car.id)
    assert control[1:] == pytest.approx((0.1, 0.6, 0.0, False, 1))
    assert [w.speed_mps for w in second.of(PacketId.WALKER)] == [1.5]
    assert second.of(PacketId.VEHICLE_LIGHT) == ((car.id, 2),)
    motion = next(k for k in second.of(PacketId.KINEMATICS) if k.actor_id == car.id)
    assert motion[1:4] == pytest.approx((velocity.x, velocity.y, velocity.z), rel=1e-5)
    boxes = {box.actor_id: box for box in first.of(PacketId.BOUNDING_BOX)}
    extent = car.bounding_box.extent
    assert boxes[car.id][4:] == pytest.approx((100.0 * extent.x, 100.0 * extent.y, 100.0 * extent.z))


def test_what_was_recorded_is_played_pose_by_pose(client, world, scene):
    recorded = record(client, world, "drive.log", *scene)
    after = drive(world, *scene, steps=5)
    assert not same(after[-1, 0], recorded[-1, 0])
    said = client.replay_file("drive.log", 0.0, 0.0, 0)
    assert "Total time recorded: 1\n" in said
    assert same(drive(world, *scene), recorded[1:])


def test_motion_and_controls_are_seen_while_playing(client, world, scene):
    car, walker, _ = scene
    client.start_recorder("motion.log")
    drive(world, car)
    velocity, control = car.get_velocity(), car.get_control()
    client.stop_recorder()
    car.apply_control(carla.VehicleControl(brake=1.0))
    drive(world, car)
    client.replay_file("motion.log", 0.0, 0.0, 0)
    drive(world, car)
    for axis in "xyz":
        assert getattr(car.get_velocity(), axis) == pytest.approx(getattr(velocity, axis), abs=0.15)
    assert car.get_control().throttle == pytest.approx(control.throttle)
    assert car.get_control().steer == pytest.approx(control.steer)
    assert walker.get_control().speed == pytest.approx(1.5)


def test_afterwards_vehicles_and_walkers_stand_and_obey_again(client, world, scene):
    car, walker, _ = scene
    recorded = record(client, world, "after.log", *scene)
    drive(world, car)
    client.replay_file("after.log", 0.0, 0.0, 0)
    drive(world, car)
    rest = drive(world, car, walker, steps=5)
    assert same(rest[:, 0], recorded[-1, 0])
    assert car.get_velocity().length() == walker.get_velocity().length() == 0.0
    assert car.get_control().throttle == 0.0
    car.apply_control(carla.VehicleControl(throttle=1.0))
    assert not same(drive(world, car)[-1, 0], recorded[-1, 0])


def test_start_duration_and_time_factor_choose_what_is_played(client, world, scene):
    car = scene[0]
    recorded = record(client, world, "part.log", car)
    client.replay_file("part.log", 0.25, 0.25, 0)
    assert same(drive(world, car, steps=5), recorded[6:11])
    assert same(drive(world, car, steps=2), recorded[10])
    client.replay_file("part.log", -0.5, 0.0, 0)
    assert same(drive(world, car, steps=1), recorded[11])
    client.set_replayer_time_factor(2.0)
    client.replay_file("part.log", 0.0, 0.0, 0)
    assert same(drive(world, car, steps=3), recorded[2:7:2])
    client.set_replayer_time_factor(0.5)
    halfway = drive(world, car, steps=1)[0, 0, :, 3]
    assert same(halfway, recorded[6:8, 0, :, 3].mean(axis=0))
    client.set_replayer_time_factor(1.0)
    client.stop_replayer(True)


def test_actors_come_and_go_as_recorded_in_another_episode(client, world, listeners):
    client.start_recorder("events.log")
    first = spawn(world, "vehicle.tesla.model3", 0)
    drive(world, first, steps=2)
    second = spawn(world, "vehicle.audi.tt", 4, color="1,2,3", role_name="late")
    spot = drive(world, second, steps=2)[-1, 0]
    first.destroy()
    drive(world, steps=2)
    client.stop_recorder()
    world = client.reload_world()
    make_synchronous(world)
    client.replay_file("events.log", 0.0, 0.0, 0)

    def cars():
        world.tick()
        return [(car.id, car.type_id) for car in world.get_actors().filter("vehicle.*")]

    assert cars() == [(first.id, "vehicle.tesla.model3")]
    assert cars() == [(first.id, "vehicle.tesla.model3")]
    assert sorted(cars()) == [(first.id, "vehicle.tesla.model3"), (second.id, "vehicle.audi.tt")]
    world.tick()
    late = world.get_actor(second.id)
    assert same(seen(late), spot)
    assert (late.attributes["color"], late.attributes["role_name"]) == ("1,2,3", "late")
    assert cars() == [(second.id, "vehicle.audi.tt")]
    client.stop_replayer(True)


def test_stopping_keeps_or_removes_the_actors_that_were_made(client, world, scene):
    record(client, world, "stop.log")
    for keep, left in ((True, 1), (False, 0)):
        world = client.reload_world()
        make_synchronous(world)
        client.replay_file("stop.log", 0.0, 0.0, 0)
        world.tick()
        assert len(world.get_actors().filter("vehicle.*")) == 1
        client.stop_replayer(keep)
        world.tick()
        assert len(world.get_actors().filter("vehicle.*")) == left


def test_the_spectator_follows_or_is_left_alone(client, world, scene):
    car, spectator = scene[0], world.get_spectator()
    spectator.set_transform(carla.Transform(carla.Location(1.0, 2.0, 3.0)))
    record(client, world, "spectator.log", car)
    spectator.set_transform(carla.Transform(carla.Location(9.0, 9.0, 9.0)))
    client.replay_file("spectator.log", 0.0, 0.0, 0)
    drive(world, steps=2)
    assert same(seen(spectator)[:, 3], (9.0, 9.0, 9.0))
    client.set_replayer_ignore_spectator(False)
    client.replay_file("spectator.log", 0.0, 0.0, 0)
    drive(world, steps=2)
    assert same(seen(spectator)[:, 3], (1.0, 2.0, 3.0))
    client.set_replayer_ignore_spectator(True)
    client.replay_file("spectator.log", 0.0, 0.0, car.id, False, carla.Transform(carla.Location(-4.0, 0.0, 2.0)))
    drive(world, steps=2)
    behind = car.get_transform().transform(carla.Location(-4.0, 0.0, 2.0))
    assert same(seen(spectator)[:, 3], (behind.x, behind.y, behind.z))
    client.stop_replayer(True)


def test_an_ignored_hero_drives_by_itself(client, world, scene):
    car, walker, _ = scene
    recorded = record(client, world, "hero.log", car, walker)
    client.set_replayer_ignore_hero(True)
    client.replay_file("hero.log", 0.0, 0.0, 0)
    poses = drive(world, car, walker)
    client.set_replayer_ignore_hero(False)
    assert same(poses[:, 1], recorded[1:, 1])
    assert not same(poses[-1, 0], recorded[-1, 0])
    assert car.get_control().throttle == pytest.approx(0.6)


def test_sensors_are_made_only_when_asked_for(client, world, scene, listeners):
    listeners.attach("sensor.other.imu", parent=scene[0], transform=carla.Transform(carla.Location(z=1.0)))
    world.tick()
    record(client, world, "sensors.log")
    listeners.stop()
    for wanted in (False, True):
        world = client.reload_world()
        make_synchronous(world)
        client.replay_file("sensors.log", 0.0, 0.0, 0, wanted)
        world.tick()
        sensors = world.get_actors().filter("sensor.other.imu")
        assert len(sensors) == wanted
        if wanted:
            parent = world.get_actors().filter("vehicle.*")[0]
            assert sensors[0].parent.id == parent.id
            assert sensors[0].get_location().distance(parent.get_location()) == pytest.approx(1.0, abs=1e-3)
    client.stop_replayer(True)


def test_traffic_lights_show_what_was_recorded_and_go_on_from_there(client):
    world = client.load_world("Lite04")
    make_synchronous(world)
    lights = sorted(world.get_actors().filter("traffic.traffic_light"), key=lambda light: light.id)

    def shown():
        world.tick()
        return [(light.state, round(light.get_elapsed_time(), 3), light.is_frozen()) for light in lights]

    for light in lights:
        light.set_green_time(0.4)
        light.set_yellow_time(0.3)
        light.set_red_time(0.2)
    world.tick()
    client.start_recorder("lights.log")
    recorded = [shown() for _ in range(40)]
    client.stop_recorder()
    further = [shown() for _ in range(30)]
    for light in lights:
        light.reset_group()
    world.tick()
    client.replay_file("lights.log", 0.0, 0.0, 0)
    assert [shown() for _ in range(40)] == recorded
    assert [shown() for _ in range(30)] == further


def test_a_recording_brings_its_map(client, world, scene):
    record(client, world, "map.log", scene[0])
    client.load_world("Lite02")
    said = client.replay_file("map.log", 0.0, 0.0, 0)
    assert "Loading map Lite01" in said
    world = client.get_world()
    make_synchronous(world)
    world.tick()
    assert world.get_map().name.endswith("Lite01")
    assert len(world.get_actors().filter("vehicle.*")) == 1
    client.stop_replayer(True)


def test_the_texts_tell_events_states_collisions_and_who_is_blocked(client, world, scene):
    car, _, cone = scene
    ahead = car.get_transform()
    ahead.location += 5.0 * ahead.get_forward_vector()
    other = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), ahead)
    car.apply_control(carla.VehicleControl(throttle=1.0))
    record(client, world, "texts.log", car, steps=60)
    info = client.show_recorder_file_info("texts.log", False)
    assert info.startswith("Version: 1\nMap: Lite01\nDate: ")
    assert f"Frame 1 at 0 seconds\n Create {world.get_spectator().id}: spectator (0) at (" in info
    assert f" Create {car.id}: vehicle.tesla.model3 (1) at (" in info
    assert "  role_name = hero\n" in info
    assert f" between {car.id} (hero)  with {other.id}\n" in info
    assert info.endswith("\nFrames: 61\nDuration: 3 seconds\n")
    assert " Positions:" not in info
    full = client.show_recorder_file_info("texts.log", True)
    assert full.count("\nFrame ") == 61
    assert f"  Id: {car.id} Steering: 0 Throttle: 1 Brake: 0 Handbrake: 0 Gear: 1\n" in full
    hits = client.show_recorder_collisions("texts.log", "v", "h").splitlines()[5:-3]
    assert len(hits) >= 1
    assert hits[0].split()[1:] == ["v", "v", str(other.id), "vehicle.audi.tt", str(car.id), "vehicle.tesla.model3"]
    assert client.show_recorder_collisions("texts.log", "w", "a").splitlines()[5:-3] == []
    blocked = client.show_recorder_actors_blocked("texts.log", 0.2, 1.0)
    assert f"{other.id:>6} {'vehicle.audi.tt':<35}" in blocked
    assert str(cone.type_id) not in blocked
    assert client.show_recorder_actors_blocked("texts.log", 10.0, 1.0).splitlines()[5:-3] == []


@pytest.mark.parametrize("name", ["../out.log", "/tmp/out.log", "", ".", "a/../../out.log", "x\0y", "l/out.log"])
def test_names_that_lead_out_of_the_folder_are_refused(raw, recordings, tmp_path, name):
    link = recordings / "l"
    if not link.exists():
        link.symlink_to(tmp_path.parent)
    for method in ("start_recorder", "show_recorder_file_info"):
        _, result = raw.call(method, name, False)
        assert result[0][0] == 0, (method, result)
        assert "folder" in result[0][1][0] or "file name" in result[0][1][0]
    assert not (recordings.parent / "out.log").exists()


def test_broken_and_foreign_files_are_refused_in_words(client, world, scene, recordings):
    record(client, world, "whole.log", scene[0], steps=5)
    whole = (recordings / "whole.log").read_bytes()
    (recordings / "foreign.log").write_bytes(b"\x89PNG" + bytes(300))
    (recordings / "empty.log").write_bytes(b"")
    (recordings / "head.log").write_bytes(whole[:40])
    for name, reason in (("foreign.log", "not a CARLA"), ("empty.log", "not a CARLA"), ("head.log", "no whole frame")):
        with pytest.raises(RuntimeError, match=reason):
            client.replay_file(name, 0.0, 0.0, 0)
        with pytest.raises(RuntimeError, match=reason):
            client.show_recorder_file_info(name, True)
    with pytest.raises(RuntimeError, match="not found"):
        client.replay_file("nowhere.log", 0.0, 0.0, 0)
    (recordings / "cut.log").write_bytes(whole[:-200])
    assert "The file is damaged" in client.replay_file("cut.log", 0.0, 0.0, 0)
    drive(world, scene[0], steps=8)
    text = client.show_recorder_file_info("cut.log", True)
    assert "Frames: 5\n" in text
    assert "The file is damaged" in text


def test_two_recordings_of_the_same_drive_differ_only_in_their_dates(tmp_path):
    contents = []
    for run in range(2):
        folder = tmp_path / str(run)
        arguments = ("--recordings", str(folder), "--log-level", "error")
        with ServerProcess(map="Lite04", seed=3, extra_arguments=arguments) as server:
            client = carla.Client("127.0.0.1", server.port)
            client.set_timeout(TIMEOUT_S)
            world = client.get_world()
            make_synchronous(world)
            world = client.reload_world(False)  # until now the world has run by itself
            car = spawn(world, "vehicle.tesla.model3", 0)
            car.apply_control(carla.VehicleControl(throttle=0.5, steer=-0.2))
            client.start_recorder("same.log", True)
            drive(world, steps=30)
            client.stop_recorder()
            world.tick()
        contents.append((folder / "same.log").read_bytes())
    date = slice(18, 26)
    assert contents[0][: date.start] == contents[1][: date.start]
    assert contents[0][date.stop :] == contents[1][date.stop :]
