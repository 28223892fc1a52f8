"""The dynamic vision sensor, events read through CARLA's own client."""

import carla
import numpy as np
import pytest

from tests.contract.wire.conftest import STEP_S, TIMEOUT_S

DVS = "sensor.camera.dvs"
SIZE = {"image_size_x": 64, "image_size_y": 48}
EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("pol", "?")])
HEIGHT_M = 200.857
AHEAD = carla.Transform(carla.Location(z=HEIGHT_M))
NOON = {"sun_altitude_angle": 90.0}
NIGHT = {"sun_altitude_angle": -90.0}


def set_weather(world, **values):
    world.set_weather(carla.WeatherParameters(**values))


def events_of(array):
    return np.frombuffer(array.raw_data, EVENT)


def next_events(world, received):
    """Tick; return the array of that frame."""
    frame = world.tick()
    array = received.get(timeout=TIMEOUT_S)
    assert array.frame == frame
    return array


def test_nothing_moves_no_events(world, ego, listeners):
    """Whatever comes first belongs to the frame in which the night ends: nothing was sent before."""
    set_weather(world, **NIGHT)
    _, received = listeners.attach(DVS, ego, carla.Transform(carla.Location(x=-6.0, z=3.0)), **SIZE)
    for _ in range(4):
        world.tick()
    set_weather(world, **NOON)
    assert len(next_events(world, received)) > 1000


@pytest.mark.parametrize(("before", "after", "brighter"), [(NIGHT, NOON, True), (NOON, NIGHT, False)])
def test_polarity_tells_brighter_from_darker(world, listeners, before, after, brighter):
    set_weather(world, **before)
    _, received = listeners.attach(DVS, transform=AHEAD, **SIZE)
    world.tick()
    set_weather(world, **after)
    array = next_events(world, received)
    found = events_of(array)
    assert (found["pol"] == brighter).mean() > 0.99
    assert (array.width, array.height, array.fov, len(array)) == (64, 48, pytest.approx(90.0), len(found))


def test_events_lie_in_the_picture_and_between_the_frames(world, listeners):
    set_weather(world, **NIGHT)
    _, received = listeners.attach(DVS, transform=AHEAD, **SIZE)
    world.tick()
    set_weather(world, **NOON)
    array = next_events(world, received)
    found = events_of(array)
    now_ns = round(array.timestamp * 1e9)
    assert (found["t"] >= now_ns - round(STEP_S * 1e9)).all()
    assert (found["t"] <= now_ns).all()
    assert (np.diff(found["t"]) >= 0).all()
    assert found["x"].max() < 64
    assert found["y"].max() < 48
    # The same through the client's own views of it.
    assert np.array_equal(np.array(array.to_array_x()), found["x"])
    assert np.array_equal(np.array(array.to_array_y()), found["y"])
    assert np.array_equal(np.array(array.to_array_t()), found["t"])
    assert np.array_equal(np.array(array.to_array_pol()), np.where(found["pol"], 1, -1))
    first = array[0]
    assert (first.x, first.y, first.t, first.pol) == tuple(found[0].tolist())
    painted = np.array([(color.r, color.g, color.b) for color in array.to_image()]).reshape(48, 64, 3)
    lit = np.zeros((48, 64), bool)
    lit[found["y"], found["x"]] = True
    assert np.array_equal(painted.any(axis=-1), lit)


def test_an_edge_that_uncovers_the_bright_sky_gives_positive_events(world, listeners):
    """The camera goes to the right: a dark container moves to the left and uncovers sky at its right edge."""
    container = world.get_blueprint_library().find("static.prop.container")
    world.spawn_actor(container, carla.Transform(carla.Location(10.0, 0.0, 200.0)))
    _, pictures = listeners.attach("sensor.camera.rgb", transform=AHEAD, **SIZE)
    sensor, received = listeners.attach(DVS, transform=AHEAD, **SIZE)
    world.tick()
    bgra = np.frombuffer(pictures.get(timeout=TIMEOUT_S).raw_data, np.uint8).reshape(48, 64, 4)
    assert bgra[24, 32, :3].mean() < 0.5 * bgra[24, 10, :3].mean()
    sensor.set_transform(carla.Transform(AHEAD.location + carla.Location(y=0.3)))
    found = events_of(next_events(world, received))
    beside = found[(found["y"] == 24) & (np.abs(found["x"] - 32.0) < 6)]
    right, left = beside[beside["x"] >= 32], beside[beside["x"] < 31]
    assert len(right) > 0
    assert len(left) > 0
    assert right["pol"].all()
    assert not left["pol"].any()


def dawn(world, listeners, **attributes):
    """Return the events of a sudden noon."""
    set_weather(world, **NIGHT)
    _, received = listeners.attach(DVS, transform=AHEAD, **SIZE, **attributes)
    world.tick()
    set_weather(world, **NOON)
    return events_of(next_events(world, received))


def test_attributes_act(world, listeners):
    plain = dawn(world, listeners)
    assert len(dawn(world, listeners, positive_threshold=0.6)) == pytest.approx(0.5 * len(plain), rel=0.15)
    assert len(dawn(world, listeners, negative_threshold=0.6)) == len(plain)
    resting = dawn(world, listeners, refractory_period_ns=round(STEP_S * 1e9))
    assert len(resting) == len(np.unique(resting[["x", "y"]])) < len(plain)
    grey_levels = dawn(world, listeners, use_log="false", positive_threshold=50.0)
    assert 0 < len(grey_levels) <= 5 * 64 * 48
    assert len(dawn(world, listeners, log_eps=1.0)) < 0.5 * len(plain)
    noisy = dawn(world, listeners, sigma_positive_threshold=0.02)
    assert not np.array_equal(noisy[["x", "y"]], plain[["x", "y"]])
    assert len(noisy) == pytest.approx(len(plain), rel=0.1)


def test_the_documented_defaults_are_accepted_as_text(world):
    """CARLA's page of sensors gives 0.0 for the whole number of nanoseconds; the client cuts the fraction."""
    blueprint = world.get_blueprint_library().find(DVS)
    for name, value in {"refractory_period_ns": "0.0", "image_size_x": "64.0", "use_log": "True"}.items():
        blueprint.set_attribute(name, value)
    attributes = world.spawn_actor(blueprint, AHEAD).attributes
    assert [attributes[name] for name in ("refractory_period_ns", "image_size_x")] == ["0", "64"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("positive_threshold", "0.0"),
        ("negative_threshold", "-0.3"),
        ("sigma_positive_threshold", "-1.0"),
        ("refractory_period_ns", "-1"),
        ("log_eps", "0.0"),
    ],
)
def test_attributes_without_sense_are_refused_by_name(world, name, value):
    blueprint = world.get_blueprint_library().find(DVS)
    blueprint.set_attribute(name, value)
    with pytest.raises(RuntimeError, match=name):
        world.spawn_actor(blueprint, AHEAD)


def test_what_happened_in_a_pause_makes_no_events(world, listeners):
    """Day breaks while rendering is off: the first picture afterwards is one to begin with."""
    set_weather(world, **NIGHT)
    _, received = listeners.attach(DVS, transform=AHEAD, **SIZE)
    world.tick()
    for rendering_off in (True, False):
        settings = world.get_settings()
        settings.no_rendering_mode = rendering_off
        world.apply_settings(settings)
        for _ in range(3):
            world.tick()
        set_weather(world, **NOON)
    world.tick()
    set_weather(world, **NIGHT)
    assert not events_of(next_events(world, received))["pol"].any()
