"""Traffic lights, stop signs and speed limits of Lite04, as the genuine client and its Traffic Manager see them."""

import math
import socket

import carla
import pytest

from carla_lite.maps import PostKind, load_town
from tests.contract.wire.conftest import make_synchronous

LIGHT_TYPE = "1000001"

RED, YELLOW, GREEN = carla.TrafficLightState.Red, carla.TrafficLightState.Yellow, carla.TrafficLightState.Green


@pytest.fixture
def town(client):
    """A fresh episode in Lite04: its lights and signs are at work."""
    world = client.load_world("Lite04")
    make_synchronous(world)
    return world


@pytest.fixture
def lights(town):
    return sorted(town.get_actors().filter("traffic.traffic_light*"), key=lambda light: light.id)


def _run(world, seconds):
    for _ in range(round(seconds / 0.05)):
        world.tick()


def test_every_landmark_has_its_actor_and_its_place(town):
    landmarks = town.get_map().get_all_landmarks()
    posts = {post.signal_id: post for post in load_town("Lite04").posts}
    assert {landmark.id for landmark in landmarks} == posts.keys()
    for landmark in landmarks:
        post = posts[landmark.id]
        is_light = landmark.type == LIGHT_TYPE
        actor = town.get_traffic_light(landmark) if is_light else town.get_traffic_sign(landmark)
        place = actor.get_transform()
        assert place.location.distance(landmark.transform.location) < 0.01
        turned = place.rotation.yaw - landmark.transform.rotation.yaw - 90.0
        assert abs(math.remainder(turned, 360.0)) < 0.1
        assert (landmark.is_dynamic, is_light) == (post.kind is PostKind.LIGHT,) * 2


def test_signs_carry_their_kind_and_value(town):
    kinds = {sign.type_id for sign in town.get_actors().filter("traffic.*")}
    limits = {f"traffic.speed_limit.{limit}" for limit in (30, 40, 50, 60)}
    assert kinds == {"traffic.traffic_light", "traffic.stop"} | limits
    found = town.get_map().get_all_landmarks_of_type(carla.LandmarkType.MaximumSpeed)
    assert {landmark.value for landmark in found} == {30.0, 40.0, 50.0, 60.0}
    assert {landmark.unit for landmark in found} == {"km/h"}
    assert len(town.get_actors().filter("traffic.stop")) == len(
        town.get_map().get_all_landmarks_of_type(carla.LandmarkType.StopSign)
    )
    assert {tuple(light.semantic_tags) for light in town.get_actors().filter("traffic.traffic_light")} == {(7,)}
    assert {tuple(sign.semantic_tags) for sign in town.get_actors().filter("traffic.stop")} == {(8,)}


def test_lights_name_the_lanes_they_hold_for(town, lights):
    for light in lights:
        (affected,), (stop,) = light.get_affected_lane_waypoints(), light.get_stop_waypoints()
        assert (stop.road_id, stop.lane_id) == (affected.road_id, affected.lane_id)
        assert stop.transform.location.distance(affected.transform.location) == pytest.approx(1.575, abs=0.05)
        ahead = affected.next(5.0)[0]
        assert ahead.is_junction
        assert light.id in {other.id for other in town.get_traffic_lights_in_junction(ahead.get_junction().id)}
        (landmark,) = [x for x in affected.previous(20.0)[0].get_landmarks(25.0) if x.type == LIGHT_TYPE]
        assert landmark.id == light.get_opendrive_id()
        (box,) = light.get_light_boxes()
        assert box.location.distance(light.get_location()) == pytest.approx(math.hypot(3.3, 0.21), abs=0.01)


def test_a_junction_cycles_with_the_times_that_were_set(town, lights):
    light = lights[0]
    group = light.get_group_traffic_lights()
    assert light.id in {other.id for other in group}
    assert (light.get_green_time(), light.get_yellow_time(), light.get_red_time()) == (10.0, 3.0, 2.0)
    light.set_green_time(1.0)
    light.set_yellow_time(0.5)
    light.set_red_time(0.25)
    light.reset_group()
    town.tick()
    assert (light.get_green_time(), light.get_yellow_time(), light.get_red_time()) == (1.0, 0.5, 0.25)
    assert light.get_elapsed_time() == pytest.approx(0.05)
    shown = [light.state]
    for _ in range(40):
        town.tick()
        shown.append(light.state)
    assert [shown.count(state) for state in (GREEN, YELLOW)] == [19, 10]
    waiting = next(other for other in group if other.state == GREEN)
    assert waiting.get_green_time() == 10.0


def test_lights_are_frozen_alone_and_together_and_switched_by_hand(town, lights):
    light = lights[0]
    light.set_state(GREEN)
    light.freeze(True)
    town.tick()
    assert light.is_frozen()
    assert {other.is_frozen() for other in light.get_group_traffic_lights()} == {True}
    _run(town, 12.0)
    assert light.state == GREEN
    town.freeze_all_traffic_lights(True)
    town.tick()
    before = [other.state for other in lights]
    _run(town, 16.0)
    assert [other.state for other in lights] == before
    assert {other.is_frozen() for other in lights} == {True}
    town.freeze_all_traffic_lights(False)
    town.reset_all_traffic_lights()
    town.tick()
    assert {other.state for other in lights} == {GREEN, RED}


def test_a_batch_switches_lights_and_wrong_actors_are_refused(town, lights, raw):
    error, _ = raw.call("set_traffic_light_state", lights[0].id, 9)
    spectator = town.get_spectator().id
    assert error is None  # the refusal stands in the envelope
    assert raw.call("set_traffic_light_state", lights[0].id, 9)[1][0][0] is True
    assert "expected a traffic light" in raw.call("freeze_traffic_light", spectator, True)[1][0][1][0]
    assert raw.call("set_traffic_light_green_time", lights[0].id, -1.0)[1][0][0] is True
    assert raw.call("apply_batch", [[[21, [lights[0].id, 3]]]], False)[1] == [[[1, lights[0].id]]]
    town.tick()
    assert lights[0].state == carla.TrafficLightState.Off
    assert not lights[0].destroy()


def test_a_vehicle_knows_its_light_and_its_limit(town, lights):
    light = lights[0]
    town.freeze_all_traffic_lights(True)
    light.set_state(RED)
    (stop,) = light.get_stop_waypoints()
    place = stop.previous(3.0)[0].transform
    place.location.z += 0.3
    car = town.spawn_actor(town.get_blueprint_library().find("vehicle.tesla.model3"), place)
    town.tick()
    assert car.is_at_traffic_light()
    assert car.get_traffic_light().id == light.id
    assert car.get_traffic_light_state() == RED
    signs = [x for x in town.get_map().get_all_landmarks_of_type("274") if x.road_id == stop.road_id]
    assert {sign.value for sign in signs} == {car.get_speed_limit()}
    light.set_state(YELLOW)
    town.tick()
    assert car.get_traffic_light_state() == YELLOW
    place = stop.next(12.0)[0].transform
    car.set_transform(place)
    town.tick()
    assert not car.is_at_traffic_light()
    assert car.get_traffic_light() is None


def test_reloading_gives_the_same_lights_at_the_same_time(client, town):
    runs = []
    for _ in range(2):
        again = client.reload_world(False)
        _run(again, 5.0)
        found = sorted(again.get_actors().filter("traffic.traffic_light*"), key=lambda light: light.id)
        runs.append([(light.get_opendrive_id(), light.state, light.get_elapsed_time()) for light in found])
    assert runs[0] == runs[1]
    assert len({elapsed for _, _, elapsed in runs[0]}) == 5  # four junctions, each somewhere else in its cycle


def test_the_traffic_manager_stops_at_red(client, town, lights):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    manager = client.get_trafficmanager(port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(3)
    library = town.get_blueprint_library()
    points = town.get_map().get_spawn_points()[::12]
    cars = [town.try_spawn_actor(library.find("vehicle.tesla.model3"), point) for point in points]
    for car in cars:
        car.set_autopilot(True, port)
    at, left, waited, red_ticks = {}, [], 0, dict.fromkeys((light.id for light in lights), 0)
    for _ in range(1200):
        town.tick()
        for light in lights:
            red_ticks[light.id] = red_ticks[light.id] + 1 if light.state == RED else 0
        for car in cars:
            light = car.get_traffic_light() if car.is_at_traffic_light() else None
            waited += light is not None and light.state == RED and car.get_velocity().length() < 0.1
            if at.get(car.id) is not None and light is None:
                left.append(red_ticks[at[car.id].id])
            at[car.id] = light
    manager.set_synchronous_mode(False)
    manager.shut_down()
    assert waited > 100
    assert left.count(0) >= 5
    assert max(left) < 40  # a rear that leaves within two seconds followed a front that had yellow
