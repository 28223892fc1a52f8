"""What is around the vehicle survives its trip through messages bit by bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rclpy.serialization import deserialize_message, serialize_message
from waypilot_msgs.msg import RoadUser, SceneInfo, SignalState, StopLine, Surroundings
from waypilot_ros import surroundings_messages as m
from waypilot_ros.conversions import MalformedMessageError

from waypilot import surroundings as s
from waypilot.geometry import SE2
from waypilot.types import ActorKind

numbers = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | numbers
ids = st.integers(0, 2**32 - 1)
signed = st.integers(-(2**31), 2**31 - 1)
points = st.tuples(numbers, numbers)
poses = st.builds(SE2, numbers, numbers, numbers)
lines = st.builds(s.StopLine, ids, st.sampled_from(s.SignalKind), points, points, numbers)
scenes = st.builds(s.SceneInfo, st.builds(s.Footprint, numbers, numbers, numbers), st.lists(lines).map(tuple))
actors = st.builds(
    s.ActorState, ids, st.sampled_from(ActorKind), st.just("vehicle.a.b"), poses, points, numbers, numbers
)
road_types = st.sampled_from(s.RoadType)
roads = st.builds(
    s.RoadSample,
    road_types,
    signed,
    signed,
    st.booleans(),
    numbers,
    maybe,
    maybe,
    st.tuples(*[road_types] * 4),
    maybe,
)
frames = st.builds(
    s.Surroundings,
    st.integers(0, 2_000_000_000 * 1_000_000_000),
    st.lists(actors, max_size=4).map(tuple),
    st.lists(st.tuples(ids, st.sampled_from(s.LightState)), max_size=4).map(tuple),
    st.none() | roads,
)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


@given(scenes)
def test_scene(scene):
    assert m.scene_from_msg(over_the_wire(m.scene_to_msg(scene, 5))) == scene


@given(frames)
def test_surroundings(frame):
    assert m.surroundings_from_msg(over_the_wire(m.surroundings_to_msg(frame))) == frame


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (m.scene_from_msg, SceneInfo(stop_lines=[StopLine(kind=9)])),
        (m.surroundings_from_msg, Surroundings(actors=[RoadUser(kind=9)])),
        (m.surroundings_from_msg, Surroundings(lights=[SignalState(state=9)])),
        (m.surroundings_from_msg, Surroundings(road_known=True)),
    ],
)
def test_unknown_kinds_are_refused(read, message):
    with pytest.raises(MalformedMessageError, match="unknown"):
        read(message)
