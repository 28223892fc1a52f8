"""Commands in batches, sent by the genuine client."""

import carla
import pytest

SPAWN = carla.command.SpawnActor


def errors(responses):
    return [response.error for response in responses]


def test_spawning_and_what_follows(client, world):
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    lights = carla.VehicleLightState.HighBeam
    follow_up = carla.command.SetVehicleLightState(carla.command.FutureActor, carla.VehicleLightState(lights))
    commands = [SPAWN(library.find("vehicle.seat.leon"), point).then(follow_up) for point in points[:3]]
    commands.append(SPAWN(library.find("vehicle.seat.leon"), points[0]))
    responses = client.apply_batch_sync(commands, True)
    assert errors(responses) == ["", "", "", "Spawn failed because of collision at spawn position"]
    vehicles = world.get_actors([response.actor_id for response in responses[:3]])
    assert {vehicle.type_id for vehicle in vehicles} == {"vehicle.seat.leon"}
    assert all(vehicle.get_light_state() == lights for vehicle in vehicles)
    with_parent = SPAWN(library.find("sensor.other.imu"), carla.Transform(), vehicles[0])
    (sensor,) = client.apply_batch_sync([with_parent], True)
    assert world.get_actor(sensor.actor_id).parent.id == vehicles[0].id
    destroyed = client.apply_batch_sync([carla.command.DestroyActor(vehicle) for vehicle in vehicles], True)
    assert errors(destroyed) == ["", "", ""]


def test_every_command_on_a_vehicle_is_carried_out(client, world, ego):
    command = carla.command
    target = world.get_map().get_spawn_points()[4]
    physics = ego.get_physics_control()
    physics.mass = 1000.0
    responses = client.apply_batch_sync(
        [
            command.ApplyVehiclePhysicsControl(ego.id, physics),
            command.ApplyTransform(ego.id, target),
            command.SetSimulatePhysics(ego.id, True),
            command.SetEnableGravity(ego.id, True),
            command.ApplyTargetVelocity(ego.id, target.get_forward_vector() * 2.0),
            command.ApplyImpulse(ego.id, target.get_forward_vector() * 1000.0),
            command.ApplyForce(ego.id, target.get_forward_vector() * 20000.0),
            command.ApplyTargetAngularVelocity(ego.id, carla.Vector3D(z=30.0)),
            command.ApplyAngularImpulse(ego.id, carla.Vector3D(z=1.0)),
            command.ApplyTorque(ego.id, carla.Vector3D(z=1.0)),
            command.SetVehicleLightState(ego.id, carla.VehicleLightState(carla.VehicleLightState.Brake)),
            command.ApplyVehicleControl(ego.id, carla.VehicleControl(throttle=0.25)),
        ],
        True,
    )
    assert errors(responses) == [""] * 12
    assert {response.actor_id for response in responses} == {ego.id}
    assert ego.get_physics_control().mass == pytest.approx(1000.0)
    assert ego.get_location().distance_2d(target.location) < 0.5
    # 2 m/s, 1000 Ns on 1000 kg, and 20 kN for one step of 0.05 s
    assert ego.get_velocity().length() == pytest.approx(4.0, abs=0.3)
    assert ego.get_angular_velocity().z > 0.0
    assert ego.get_light_state() == carla.VehicleLightState.Brake
    assert ego.get_control().throttle == 0.25
    ackermann = carla.VehicleAckermannControl(speed=3.0)
    assert errors(client.apply_batch_sync([command.ApplyVehicleAckermannControl(ego.id, ackermann)], True)) == [""]
    for _ in range(40):
        world.tick()
    assert ego.get_velocity().length() == pytest.approx(3.0, abs=0.6)


def test_commands_on_walkers(client, world):
    walker = world.spawn_actor(
        world.get_blueprint_library().find("walker.pedestrian.0003"), carla.Transform(carla.Location(z=1.0))
    )
    control = carla.WalkerControl(carla.Vector3D(1.0, 0.0, 0.0), 1.25, False)
    place = carla.Transform(carla.Location(x=3.0, y=2.0, z=1.0))
    command = carla.command
    responses = client.apply_batch_sync(
        [command.ApplyWalkerControl(walker.id, control), command.ApplyWalkerState(walker.id, place, 1.0)], True
    )
    assert errors(responses) == ["", ""]
    assert walker.get_control().speed == 1.25
    assert walker.get_location().y == pytest.approx(2.0, abs=0.1)


def test_one_bad_command_stops_no_other(client, world, ego):
    command = carla.command
    responses = client.apply_batch_sync(
        [
            command.ApplyVehicleControl(424242, carla.VehicleControl()),
            command.ApplyVehicleControl(ego.id, carla.VehicleControl(throttle=float("nan"))),
            command.ApplyVehicleControl(ego.id, carla.VehicleControl(throttle=0.5)),
            command.DestroyActor(424242),
        ],
        True,
    )
    assert "not found" in responses[0].error
    assert "finite" in responses[1].error
    assert responses[2].error == ""
    assert "not found" in responses[3].error
    assert ego.get_control().throttle == 0.5


def test_a_batch_may_ask_for_a_tick_itself(raw, world):
    frame = world.tick()
    assert raw.call("apply_batch", [], True) == (None, [])
    assert raw.call("tick_cue") == (None, [[1, frame + 2]])


@pytest.mark.parametrize("commands", [7, [7], [[]], [[[99, [1]]]], [[[2, []]]], [[[0, [1, 2]]]], [[["x", [1]]]]])
def test_malformed_batches_are_answered_with_errors(raw, world, commands):
    error, result = raw.call("apply_batch", commands, False)
    assert error is not None or result[0][0][0] == 0
