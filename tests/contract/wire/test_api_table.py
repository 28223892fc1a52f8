"""docs/carla_lite_api.md against the genuine client's names and what the server answers."""

import re
from pathlib import Path

import carla
import pytest

from carla_lite.engine import Catalog
from carla_lite.wire.methods import METHODS

PAGE = Path(__file__).parents[3] / "docs" / "carla_lite_api.md"
STATES = {"supported", "differs", "missing", "client"}
NOBODY_NAMES_THEM = {"get_required_files", "get_navigation_mesh"}


def sections():
    """Return {heading: [(names, state, calls, remark)]} of the page's tables."""
    found = {}
    for part in PAGE.read_text().split("\n## ")[1:]:
        heading, *lines = part.splitlines()
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
        found[heading] = [
            (re.findall(r"`([^`]+)`", row[0]), row[1], re.findall(r"`(\w+)`", row[2]) if len(row) == 4 else [], row[-1])
            for row in rows
        ]
    return found


SECTIONS = sections()
CLASSES = [
    heading.removeprefix("carla.") for heading in SECTIONS if heading.startswith("carla.") and heading[6].isupper()
]


def calls_of(*states):
    return {call for rows in SECTIONS.values() for _, state, calls, _ in rows if state in states for call in calls}


def test_every_row_has_a_state_and_differences_are_named():
    for heading, rows in SECTIONS.items():
        assert rows, heading
        for names, state, _, remark in rows:
            assert state in STATES, (heading, names)
            assert state != "differs" or remark, (heading, names)


@pytest.mark.parametrize("name", CLASSES)
def test_every_public_name_of_the_client_is_listed_once(name):
    listed = [each for names, *_ in SECTIONS[f"carla.{name}"] for each in names]
    assert sorted(listed) == sorted(each for each in vars(getattr(carla, name)) if not each.startswith("_"))


def test_every_class_that_talks_to_a_server_is_there():
    bases = (carla.Actor, carla.Client, carla.World, carla.Map, carla.DebugHelper, carla.LightManager)
    known = {
        name
        for name, value in vars(carla).items()
        if isinstance(value, type)
        and issubclass(value, bases)
        and any(not each.startswith("_") for each in vars(value))
    }
    assert known <= set(CLASSES)


def test_every_command_is_listed():
    listed = {each for names, *_ in SECTIONS["carla.command"] for each in names}
    assert listed == {name for name in dir(carla.command) if name[0].isupper()}


def test_the_calls_are_the_clients():
    library = Path(carla.libcarla.__file__).read_bytes()
    for call in calls_of(*STATES):
        assert call.encode() in library, call


def test_the_server_knows_exactly_the_calls_that_are_not_missing():
    assert calls_of("supported", "differs") == set(METHODS)
    assert calls_of("missing") & set(METHODS) == set()


def test_a_missing_call_is_refused_by_name(raw):
    for call in sorted(calls_of("missing")):
        error, ((failed, (words,)),) = raw.call(call)
        assert (error, failed) == (None, not call.startswith(("get_", "is_", "are_"))), call
        assert f"no '{call}'" in words


def test_the_genuine_client_shows_why_a_call_is_refused(world, ego, listeners):
    camera, _ = listeners.attach("sensor.camera.rgb", ego, image_size_x=8, image_size_y=8)
    for call in (
        lambda: world.unload_map_layer(carla.MapLayer.Buildings),
        lambda: ego.get_component_world_transform("body"),
        lambda: ego.get_wheel_pitch_angle(carla.VehicleWheelLocation.FL_Wheel),
        lambda: camera.enable_gbuffers(True),
        lambda: camera.listen_to_gbuffer(carla.GBufferTextureID.SceneDepth, print),
    ):
        with pytest.raises(RuntimeError, match="carla_lite has no '"):
            call()


def test_sensors_are_those_of_the_catalog():
    rows = SECTIONS["Sensors"]
    there = {name for names, state, *_ in rows if state != "missing" for name in names}
    assert there == {each.type_id for each in Catalog.default() if each.type_id.startswith("sensor.")}


def test_a_missing_sensor_is_refused_by_name(world):
    for names, state, *_ in SECTIONS["Sensors"]:
        if state == "missing":
            with pytest.raises((IndexError, RuntimeError), match=names[0]):
                world.get_blueprint_library().find(names[0])
