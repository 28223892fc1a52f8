import asyncio
import inspect

import pytest

from carla_lite.wire.errors import CallError
from carla_lite.wire.geo import geo_location
from carla_lite.wire.methods import METHODS
from carla_lite.wire.snapshot import actor_states, sensor_header, state_header
from carla_lite.wire.table import MethodTable, merge
from carla_lite.wire.tokens import stream_token


def test_every_method_reads_as_many_arguments_as_its_handler_takes():
    for name, method in METHODS.items():
        parameters = list(inspect.signature(method.handler).parameters)
        assert len(parameters) == len(method.arguments) + 1, name
        assert method.handler.__doc__, name


def test_arguments_are_counted_and_located():
    table = MethodTable()

    @table.value(lambda value: value)
    def double(simulation, value):
        return 2 * value

    method = table.methods["double"]
    assert asyncio.run(method.call(None, [4])) == [[1, 8]]
    with pytest.raises(CallError, match="expected 1 arguments, got 2"):
        asyncio.run(method.call(None, [1, 2]))
    with pytest.raises(ValueError, match="double"):
        merge(table, table)


def test_sizes_of_packed_records():
    assert len(stream_token(7, 2001)) == 24
    assert stream_token(7, 2001) == bytes([7, 0, 0, 0, 0xD1, 7, 1, 0]) + bytes(16)
    assert len(sensor_header(17, 1, 0.05)) == 48
    assert len(state_header(1, 2.0, 0.05, True)) == 36
    assert actor_states([]) == b""


def test_known_geographic_places():
    """Figures of the genuine client, map origin at 49 N 8 E."""
    assert geo_location((49.0, 8.0), 0.0, 0.0) == pytest.approx((49.0, 8.0), abs=1e-12)
    assert geo_location((49.0, 8.0), 100.0, 0.0) == pytest.approx((48.999999991892466, 8.001369807767556), abs=1e-12)
    assert geo_location((49.0, 8.0), 500.0, -300.0) == pytest.approx((48.997303773068545, 8.006848668102315), abs=1e-12)
