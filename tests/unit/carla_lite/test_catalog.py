import math

import pytest

from carla_lite.engine.catalog import ActorClass, Blueprint, Catalog

CATALOG = Catalog.default()


def test_every_blueprint_is_consistent():
    for blueprint in CATALOG:
        assert blueprint.resolve({}) == {a.name: a.default for a in blueprint.attributes}
        for attribute in blueprint.attributes:
            attribute.read(attribute.default)
            for value in attribute.recommended:
                attribute.read(value)
        has_body = blueprint.actor_class in (ActorClass.VEHICLE, ActorClass.WALKER, ActorClass.PROP)
        assert all((size > 0) == has_body for size in blueprint.half_extent_m)
        assert (blueprint.mass_kg > 0) == has_body
        assert (blueprint.wheelbase_m > 0) == (blueprint.actor_class is ActorClass.VEHICLE)
        if blueprint.wheelbase_m:
            assert blueprint.wheelbase_m < 2 * blueprint.half_extent_m[0]


def test_the_ego_vehicle_has_the_size_and_mass_of_a_tesla_model_3():
    tesla = CATALOG.find("vehicle.tesla.model3")
    assert tesla.tags == "vehicle,tesla,model3"
    assert tesla.half_extent_m == pytest.approx((2.4, 1.08, 0.74), abs=0.02)
    assert tesla.mass_kg == 1845.0
    assert tesla.wheelbase_m == 2.875
    assert tesla.max_steer_rad == pytest.approx(math.radians(70))
    assert tesla.resolve({"role_name": "ego_vehicle"})["role_name"] == "ego_vehicle"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("image_size_x", "wide", "expected a whole number"),
        ("image_size_x", "nan", "expected a whole number"),
        ("image_size_x", "inf", "expected a whole number"),
        ("image_size_x", "2147483648", "expected a whole number"),
        ("fov", "nan", "expected a finite number"),
        ("enable_postprocess_effects", "yes", "expected true or false"),
        ("wheels", "4", "has no attribute 'wheels'"),
    ],
)
def test_wrong_attribute_values_are_refused(name, value, complaint):
    with pytest.raises(ValueError, match=complaint):
        CATALOG.find("sensor.camera.rgb").resolve({name: value})


@pytest.mark.parametrize(("value", "read"), [("800", "800"), ("800.0", "800"), ("-1.9", "-1"), ("1e3", "1000")])
def test_whole_numbers_lose_their_fraction(value, read):
    assert CATALOG.find("sensor.camera.rgb").resolve({"image_size_x": value})["image_size_x"] == read


def test_fixed_attributes_and_colours_are_checked():
    tesla = CATALOG.find("vehicle.tesla.model3")
    with pytest.raises(ValueError, match="is fixed to '4'"):
        tesla.resolve({"number_of_wheels": "3"})
    assert tesla.resolve({"number_of_wheels": "4", "color": "1,2,3"})["color"] == "1,2,3"
    for color in ("1,2", "1,2,256", "red"):
        with pytest.raises(ValueError, match="expected a colour"):
            tesla.resolve({"color": color})


def test_unknown_and_repeated_ids_are_errors():
    with pytest.raises(KeyError, match=r"vehicle\.no\.such"):
        CATALOG.find("vehicle.no.such")
    sensor = Blueprint("sensor.twice", ActorClass.SENSOR, ())
    with pytest.raises(ValueError, match="share one id"):
        Catalog((sensor, sensor))


def test_the_spectator_is_found_but_not_listed():
    assert CATALOG.find("spectator").actor_class is ActorClass.SPECTATOR
    assert "spectator" not in {blueprint.type_id for blueprint in CATALOG}


def test_the_catalogue_is_that_of_carla_0_9_16():
    kinds = {}
    for blueprint in CATALOG:
        kinds.setdefault(blueprint.actor_class, []).append(blueprint.type_id)
    assert len(kinds[ActorClass.VEHICLE]) == 41
    assert kinds[ActorClass.WALKER] == [f"walker.pedestrian.{number:04d}" for number in range(1, 53)]
    assert len(kinds[ActorClass.PROP]) == 98
    assert {"vehicle.carlamotors.european_hgv", "vehicle.volkswagen.t2_2021", "static.prop.bike helmet"} <= {
        blueprint.type_id for blueprint in CATALOG
    }


@pytest.mark.parametrize(
    ("type_id", "size_m"),
    [  # as CARLA 0.9.16's bounding_box has them
        ("vehicle.bh.crossbike", (1.509, 0.866, 1.612)),
        ("vehicle.mini.cooper_s_2021", (4.553, 2.097, 1.767)),
        ("vehicle.carlamotors.european_hgv", (7.936, 2.891, 3.462)),
        ("walker.pedestrian.0011", (0.5, 0.5, 1.1)),
        ("walker.pedestrian.0013", (0.375, 0.375, 1.3)),
        ("static.prop.trafficcone01", (0.883, 0.882, 1.133)),
        ("static.prop.streetbarrier", (1.215, 0.372, 1.069)),
    ],
)
def test_sizes_are_carlas(type_id, size_m):
    assert tuple(2.0 * half for half in CATALOG.find(type_id).half_extent_m) == pytest.approx(size_m, abs=3e-3)


def test_what_two_wheels_have():
    two = [b for b in CATALOG if b.actor_class is ActorClass.VEHICLE and b.resolve({})["number_of_wheels"] == "2"]
    assert {b.resolve({})["base_type"] for b in two} == {"motorcycle", "bicycle"}
    assert len(two) == 7
