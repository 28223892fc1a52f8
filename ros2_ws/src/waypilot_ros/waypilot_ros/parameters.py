"""ROS parameters as a view of a configuration dataclass: one typed, described parameter per field.

Nested dataclasses become dotted names (``lateral.lookahead_time_s``). A value that the dataclass refuses, and a
parameter that nobody declared, are errors: a misspelt name must not be ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node

from waypilot.config import ConfigError, config_from_mapping, config_to_dict

ConfigT = TypeVar("ConfigT")

_ALWAYS_ALLOWED = frozenset({"use_sim_time", "start_type_description_service"})


def parameter(default: Any, description: str, low: float | None = None, high: float | None = None) -> Any:
    """Make a dataclass field that describes itself as a ROS parameter; ``low`` and ``high`` are inclusive."""
    return dataclasses.field(default=default, metadata={"description": description, "range": (low, high)})


def declare_config(node: Node, cls: type[ConfigT], prefix: str = "") -> ConfigT:
    """Declare every field of ``cls`` below ``prefix`` and build the configuration from what was set.

    Raises ConfigError, naming the parameter, for a wrong type or value.
    """
    values = _declare_fields(node, cls, prefix)
    return config_from_mapping(cls, values, where=prefix)


def refuse_unknown_parameters(node: Node) -> None:
    """Raise ConfigError when a parameter was given that the node does not have; to be called after declaring."""
    # rclpy ignores such overrides without a word and has no public way to list them.
    given = set(node._parameter_overrides)
    unknown = sorted(name for name in given - _ALWAYS_ALLOWED if not node.has_parameter(name))
    if unknown:
        raise ConfigError(f"node {node.get_name()} has no parameter {', '.join(unknown)}")


def _declare_fields(node: Node, cls: type, prefix: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for field in dataclasses.fields(cls):
        name = f"{prefix}.{field.name}" if prefix else field.name
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        if dataclasses.is_dataclass(default):
            values[field.name] = _declare_fields(node, type(default), name)
        else:
            values[field.name] = _declare_one(node, name, default, _describe(field, cls))
    return values


def _declare_one(node: Node, name: str, default: object, descriptor: ParameterDescriptor) -> object:
    plain = config_to_dict(_Holder(default))["value"]
    row_length = len(plain[0]) if isinstance(plain, list) and plain and isinstance(plain[0], list) else 0
    start = [number for row in plain for number in row] if row_length else plain
    try:
        value = node.declare_parameter(name, start, descriptor).value
    except (InvalidParameterTypeException, InvalidParameterValueException) as error:
        raise ConfigError(f"{name}: {error}") from error
    value = list(value) if hasattr(value, "tolist") or isinstance(value, tuple) else value
    if not row_length:
        return value
    # ROS parameters know no nested lists: (x, y) pairs are written one after the other.
    if len(value) % row_length:
        raise ConfigError(f"{name}: {len(value)} numbers are no list of groups of {row_length}")
    return [value[start : start + row_length] for start in range(0, len(value), row_length)]


@dataclasses.dataclass(frozen=True)
class _Holder:
    value: object


def _describe(field: dataclasses.Field[Any], owner: type) -> ParameterDescriptor:
    metadata: Mapping[str, Any] = field.metadata
    first_line = (owner.__doc__ or owner.__name__).strip().splitlines()[0]
    descriptor = ParameterDescriptor(
        description=metadata.get("description", f"{owner.__name__}.{field.name}: {first_line}"), read_only=True
    )
    low, high = metadata.get("range", (None, None))
    if low is not None and high is not None:
        if isinstance(field.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)
            ]
        else:
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
    return descriptor
