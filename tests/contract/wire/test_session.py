"""Server, episode, map, settings and weather, as the genuine client reads them."""

import carla
import pytest

from carla_lite.maps import load_town
from tests.contract.wire.conftest import TIMEOUT_S
from waypilot.geometry import pose_to_carla

SETTINGS = (
    "synchronous_mode",
    "no_rendering_mode",
    "fixed_delta_seconds",
    "substepping",
    "max_substep_delta_time",
    "max_substeps",
    "max_culling_distance",
    "deterministic_ragdolls",
    "tile_stream_distance",
    "actor_active_distance",
    "spectator_as_ego",
)
WEATHER = {
    "cloudiness": 11.0,
    "precipitation": 12.0,
    "precipitation_deposits": 13.0,
    "wind_intensity": 14.0,
    "sun_azimuth_angle": 15.0,
    "sun_altitude_angle": 16.0,
    "fog_density": 17.0,
    "fog_distance": 18.0,
    "fog_falloff": 19.0,
    "wetness": 20.0,
    "scattering_intensity": 21.0,
    "mie_scattering_scale": 22.0,
    "rayleigh_scattering_scale": 23.0,
    "dust_storm": 24.0,
}


def test_versions_agree(client):
    assert client.get_server_version() == client.get_client_version() == "0.9.16"


def test_every_setting_comes_back(world):
    settings = carla.WorldSettings(
        synchronous_mode=True,
        no_rendering_mode=True,
        fixed_delta_seconds=0.025,
        substepping=False,
        max_substep_delta_time=0.02,
        max_substeps=7,
        max_culling_distance=123.0,
        deterministic_ragdolls=True,
        tile_stream_distance=456.0,
        actor_active_distance=789.0,
    )
    world.apply_settings(settings)
    read = world.get_settings()
    for name in SETTINGS:
        assert getattr(read, name) == pytest.approx(getattr(settings, name)), name
    assert world.get_snapshot().timestamp.delta_seconds == pytest.approx(0.025)


def test_no_fixed_delta_reads_as_none(world):
    settings = world.get_settings()
    settings.synchronous_mode = False
    settings.fixed_delta_seconds = None
    world.apply_settings(settings)
    assert world.get_settings().fixed_delta_seconds is None


@pytest.mark.parametrize("step_s", [-0.05, 6.0])
def test_impossible_steps_are_refused_and_change_nothing(world, raw, step_s):
    fields = [True, False, [True, step_s], True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True]
    error, result = raw.call("set_episode_settings", fields)
    assert error is None
    assert result[0][0] == 0
    assert "fixed_delta_seconds" in result[0][1][0]
    assert world.get_settings().fixed_delta_seconds == pytest.approx(0.05)


def test_every_weather_parameter_comes_back(world):
    world.set_weather(carla.WeatherParameters(**WEATHER))
    world.tick()
    read = world.get_weather()
    assert {name: getattr(read, name) for name in WEATHER} == pytest.approx(WEATHER)


def test_map_and_spawn_points_are_those_of_the_town(world):
    town = load_town("Lite01")
    town_map = world.get_map()
    assert town_map.name == "Carla/Maps/Lite01"
    assert town_map.to_opendrive() == town.xodr
    points = town_map.get_spawn_points()
    assert len(points) == len(town.spawn_points) > 20
    for point, pose in zip(points, town.spawn_points, strict=True):
        location, rotation = pose_to_carla(pose)
        read = (point.location.x, point.location.y, point.location.z)
        assert read == pytest.approx(location, abs=1e-4)
        assert (point.rotation.pitch, point.rotation.yaw, point.rotation.roll) == pytest.approx(rotation, abs=1e-4)
        lane = town_map.get_waypoint(point.location)
        assert lane.transform.rotation.get_forward_vector().dot(point.get_forward_vector()) > 0.99


def test_maps_are_listed_loaded_and_reloaded(client, world):
    names = [name.rsplit("/", 1)[-1] for name in client.get_available_maps()]
    assert {"Lite01", "Lite02", "Lite03"} <= set(names)
    before, frame = world.id, world.get_snapshot().frame
    loaded = client.load_world("Lite02")
    assert loaded.id != before
    assert loaded.get_map().name == "Carla/Maps/Lite02"
    assert not loaded.get_settings().synchronous_mode
    again = client.reload_world()
    assert again.id != loaded.id
    assert again.get_map().name == "Carla/Maps/Lite02"
    assert again.get_snapshot().frame > frame
    assert client.load_world("generate:5").get_map().name == "Carla/Maps/generate:5"


def test_settings_survive_a_load_that_keeps_them(client, world):
    kept = client.load_world("Lite01", reset_settings=False)
    assert kept.get_settings().synchronous_mode
    assert kept.tick() == kept.get_snapshot().frame


def test_an_unknown_map_is_an_error_and_leaves_the_world_alone(client, world):
    before = world.id
    with pytest.raises(RuntimeError, match="no_such_town"):
        client.load_world("no_such_town")
    assert client.get_world().id == before


def test_actor_ids_are_never_used_again_after_a_load(client, world, ego):
    highest = max(actor.id for actor in world.get_actors())
    fresh = client.load_world("Lite01")
    assert min(actor.id for actor in fresh.get_actors()) > highest


def test_generate_opendrive_world(client, world):
    xodr = load_town("Lite03").xodr
    generated = client.generate_opendrive_world(xodr, carla.OpendriveGenerationParameters())
    assert generated.get_map().to_opendrive() == xodr
    assert generated.get_map().name.endswith("OpenDriveMap")
    assert len(generated.get_map().get_spawn_points()) > 0


def test_useless_opendrive_is_refused(raw):
    parameters = [2.0, 50.0, 1.0, 0.6, True, True, False]
    for document in ("not xml", "<OpenDRIVE/>"):
        error, result = raw.call("copy_opendrive_to_file", document, parameters)
        assert error is None
        assert result[0][0] is True
        assert "OpenDRIVE" in result[0][1][0]


def test_a_synchronous_world_stands_still_between_ticks(world):
    frames = [world.tick() for _ in range(5)]
    assert frames == list(range(frames[0], frames[0] + 5))
    snapshot = world.get_snapshot()
    assert snapshot.frame == frames[-1]
    assert snapshot.timestamp.delta_seconds == pytest.approx(0.05)


def test_an_asynchronous_world_steps_by_itself(client, world):
    settings = world.get_settings()
    settings.synchronous_mode = False
    world.apply_settings(settings)
    first, second = world.wait_for_tick(TIMEOUT_S), world.wait_for_tick(TIMEOUT_S)
    assert second.frame > first.frame
    assert second.timestamp.elapsed_seconds > first.timestamp.elapsed_seconds


def test_the_step_follows_the_settings(world):
    start_s = world.get_snapshot().timestamp.elapsed_seconds
    for _ in range(10):
        world.tick()
    assert world.get_snapshot().timestamp.elapsed_seconds - start_s == pytest.approx(0.5)


def test_an_unknown_method_is_an_error_that_names_it(raw):
    error, result = raw.call("get_lost")
    assert "get_lost" in error
    assert result is None


def test_scenery_is_served(world):
    town = load_town("Lite01")
    objects = world.get_environment_objects(carla.CityObjectLabel.Buildings)
    assert len(objects) == len(world.get_level_bbs(carla.CityObjectLabel.Buildings)) > 0
    box = town.scene.boxes[objects[0].id]
    assert objects[0].type == carla.CityObjectLabel.Buildings
    extent = objects[0].bounding_box.extent
    assert (extent.x, extent.y, extent.z) == pytest.approx(box.half_extent_m, abs=1e-4)
    location = objects[0].transform.location
    assert (location.x, -location.y, location.z) == pytest.approx(box.center_m, abs=1e-3)
    assert len(world.get_names_of_all_objects()) == len(town.scene.boxes)


def test_points_are_projected_to_the_ground(world):
    start = world.get_map().get_spawn_points()[0].location + carla.Location(z=9.7)
    hit = world.project_point(start, carla.Vector3D(0, 0, -1), 50.0)
    assert hit.label == carla.CityObjectLabel.Roads
    assert (hit.location.x, hit.location.y, hit.location.z) == pytest.approx((start.x, start.y, 0.0), abs=1e-3)
    assert world.project_point(start, carla.Vector3D(0, 0, -1), 5.0) is None
    assert world.project_point(start, carla.Vector3D(0, 0, 1), 50.0) is None
    assert len(world.cast_ray(start, start - carla.Location(z=20))) == 1


def test_street_lights_layers_and_debug_shapes_are_accepted(world):
    assert len(world.get_lightmanager().get_all_lights(carla.LightGroup.NONE)) == 0
    world.debug.draw_string(carla.Location(), "hello")
    world.debug.draw_box(carla.BoundingBox(carla.Location(), carla.Vector3D(1, 1, 1)), carla.Rotation())
    assert world.tick() == world.get_snapshot().frame


def test_rays_meet_actors_and_everything_behind_them(world):
    place = world.get_map().get_spawn_points()[0]
    car = world.spawn_actor(world.get_blueprint_library().find("vehicle.audi.tt"), place)
    world.tick()
    start = car.get_location() + carla.Location(z=20.0)
    first = world.project_point(start, carla.Vector3D(0.0, 0.0, -1.0), 50.0)
    roof_m = 2.0 * car.bounding_box.extent.z
    assert (first.label, first.location.z) == (carla.CityObjectLabel.Car, pytest.approx(roof_m, abs=0.02))
    labels = [point.label for point in world.cast_ray(start, start - carla.Location(z=25.0))]
    assert labels[0] == carla.CityObjectLabel.Car
    assert labels[-1] == carla.CityObjectLabel.Roads
