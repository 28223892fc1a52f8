import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carla_lite.wire import readers, records
from carla_lite.wire.ackermann import read_ackermann
from carla_lite.wire.errors import CallError
from carla_lite.wire.methods import METHODS
from carla_lite.wire.physics_record import read_physics
from carla_lite.wire.settings import EpisodeSettings, read_settings
from waypilot.geometry import Pose

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=30,
)
ALL_READERS = [reader for method in METHODS.values() for reader in method.arguments]
ALL_READERS += [read_physics, read_ackermann, read_settings, records.read_light_state]


@given(value=ANYTHING)
def test_no_value_gets_past_the_readers_or_breaks_them(value):
    for reader in ALL_READERS:
        with contextlib.suppress(CallError):
            reader(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e8, True, "1", None, [1.0]])
def test_numbers_are_finite_and_of_a_sane_size(value):
    with pytest.raises(CallError):
        readers.number(value)


def test_errors_say_where_in_which_record():
    with pytest.raises(CallError, match=r"Transform, field 1: triple, field 2: expected a finite number"):
        records.read_transform([[0.0, 0.0, 0.0], [0.0, 0.0, math.nan]])
    with pytest.raises(CallError, match="WeatherParameters has 1 fields, expected 14"):
        records.read_weather([1.0])


def test_optionals():
    read = readers.optional(readers.u8)
    assert read([False]) is None
    assert read([False, 3]) is None
    assert read([True, 3]) == 3
    for bad in ([True], [], [True, 300], 3):
        with pytest.raises(CallError):
            read(bad)


@given(
    x=st.floats(-1e4, 1e4),
    y=st.floats(-1e4, 1e4),
    z=st.floats(-1e3, 1e3),
    roll=st.floats(-3.0, 3.0),
    pitch=st.floats(-1.5, 1.5),
    yaw=st.floats(-3.0, 3.0),
)
def test_transforms_survive_the_round_trip(x, y, z, roll, pitch, yaw):
    pose = Pose.from_xyz_rpy(x, y, z, roll, pitch, yaw)
    again = records.read_transform(records.transform(pose))
    assert (again.x_m, again.y_m, again.z_m) == (x, y, z)
    for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)):
        assert again.orientation.rotate(axis) == pytest.approx(pose.orientation.rotate(axis), abs=1e-6)


def test_known_axes():
    """Left of the car is negative y for CARLA; a left turn is a negative yaw rate."""
    assert records.vector((1.0, 2.0, 3.0)) == [1.0, -2.0, 3.0]
    assert records.angular_velocity_deg_s((0.0, 0.0, math.pi)) == pytest.approx((0.0, 0.0, -180.0))
    assert records.read_angular_velocity([0.0, 0.0, -180.0]) == pytest.approx((0.0, 0.0, math.pi))
    north = Pose.from_xyz_rpy(0.0, 0.0, 0.0, yaw_rad=math.pi / 2.0).orientation
    east = Pose.from_xyz_rpy(0.0, 0.0, 0.0).orientation
    assert records.compass_rad(north) == pytest.approx(0.0)
    assert records.compass_rad(east) == pytest.approx(math.pi / 2.0)


def test_settings_survive_the_round_trip():
    for settings in (EpisodeSettings(), EpisodeSettings(synchronous=True, fixed_delta_s=0.02, max_substeps=3)):
        assert read_settings(settings.to_wire()) == settings
    no_step = EpisodeSettings().to_wire()
    no_step[2] = [True, 0.0]
    assert read_settings(no_step).fixed_delta_s is None
