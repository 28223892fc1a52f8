"""Component configurations: frozen dataclasses are the truth, plain mappings (YAML, ROS parameters) are views of them.

``config_from_mapping(FollowerConfig, yaml.safe_load(text))`` builds and validates; ``config_to_dict`` is the way back.
Unknown keys are errors, an ``int`` may stand for a ``float``, and nothing else is converted silently.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration does not fit its dataclass; the message names the key and what to write instead."""


def config_from_mapping(cls: type[T], values: Mapping[str, object], where: str = "") -> T:
    """Build the dataclass ``cls`` from plain values, nested dataclasses from nested mappings.

    ``where`` is the dotted prefix used in messages. Absent keys take the dataclass's defaults.
    Raises ConfigError for unknown or missing keys, wrong types, and for what the dataclass itself refuses.
    """
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where or cls.__name__}: expected keys and values, got {values!r}")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, cls)) if f.init}
    _check_keys(fields, values, where or cls.__name__)
    built = {key: _convert(hints[key], value, f"{where}.{key}" if where else key) for key, value in values.items()}
    try:
        return cls(**built)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where or cls.__name__}: {error}") from error


def config_to_dict(config: object) -> dict[str, object]:
    """Turn a dataclass into plain mappings, lists and scalars that YAML and JSON can hold.

    Raises TypeError when a field holds a value that has no plain form.
    """
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise TypeError(f"expected a dataclass instance, got {config!r}")
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config) if f.init}


def _check_keys(fields: Mapping[str, dataclasses.Field[Any]], values: Mapping[str, object], where: str) -> None:
    unknown = [key for key in values if key not in fields]
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(sorted(fields))}")
    missing = [
        name
        for name, f in fields.items()
        if name not in values and f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ConfigError(f"{where}: required key {missing[0]!r} is missing")


def _convert(hint: Any, value: object, where: str) -> object:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(typing.get_args(hint), value, where)
    if origin is typing.Literal:
        allowed = typing.get_args(hint)
        if not any(value == choice and type(value) is type(choice) for choice in allowed):
            raise ConfigError(f"{where}: {value!r} is not one of {', '.join(map(repr, allowed))}")
        return value
    if origin is tuple:
        return _convert_tuple(typing.get_args(hint), value, where)
    if origin in (dict, Mapping):
        return _convert_mapping(typing.get_args(hint), value, where)
    if not isinstance(hint, type):
        raise TypeError(f"{where}: fields of type {hint} cannot be configured")
    if dataclasses.is_dataclass(hint):
        return value if isinstance(value, hint) else config_from_mapping(hint, typing.cast(Any, value), where)
    return _convert_scalar(hint, value, where)


def _convert_union(choices: tuple[Any, ...], value: object, where: str) -> object:
    """Take the first choice that fits; among dataclasses with a field ``kind``, the one of the value's kind."""
    if value is None and type(None) in choices:
        return None
    kinds = {kind: choice for choice in choices for kind in _kinds(choice)}
    if kinds and isinstance(value, Mapping):
        if value.get("kind") not in kinds:
            raise ConfigError(f"{where}.kind: {value.get('kind')!r} is not one of {', '.join(map(repr, kinds))}")
        return _convert(kinds[value["kind"]], value, where)
    problems = []
    for choice in choices:
        if choice is not type(None):
            try:
                return _convert(choice, value, where)
            except ConfigError as error:
                problems.append(str(error))
    raise ConfigError("; or ".join(problems))


def _kinds(choice: Any) -> tuple[str, ...]:
    hint = typing.get_type_hints(choice).get("kind") if dataclasses.is_dataclass(choice) else None
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()


def _convert_tuple(hints: tuple[Any, ...], value: object, where: str) -> tuple[object, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigError(f"{where}: expected a list, got {value!r}")
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = (hints[0],) * len(value)
    if len(hints) != len(value):
        raise ConfigError(f"{where}: expected {len(hints)} values, got {len(value)}")
    return tuple(_convert(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(hints, value, strict=True)))


def _convert_mapping(hints: tuple[Any, ...], value: object, where: str) -> dict[object, object]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}: expected keys and values, got {value!r}")
    key_hint, value_hint = hints
    return {_convert(key_hint, k, where): _convert(value_hint, v, f"{where}.{k}") for k, v in value.items()}


def _convert_scalar(hint: type, value: object, where: str) -> object:
    if hint is float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigError(f"{where}: expected a number, got {value!r}")
        return _finite(value, where)
    if issubclass(hint, Enum):
        return _convert_enum(hint, value, where)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"{where}: expected {hint.__name__}, got {value!r}")
    return value


def _finite(value: int | float, where: str) -> float:
    try:
        number = float(value)
    except OverflowError as error:
        raise ConfigError(f"{where}: the number is too large, it has more than 300 digits") from error
    if not math.isfinite(number):
        raise ConfigError(f"{where}: expected a finite number, got {value!r}")
    return number


def _convert_enum(hint: type[Enum], value: object, where: str) -> Enum:
    """Accept a member or its name in any case, as it would stand in YAML."""
    if isinstance(value, hint):
        return value
    for member in hint:
        if isinstance(value, str) and member.name.lower() == value.lower():
            return member
    raise ConfigError(f"{where}: {value!r} is not one of {', '.join(m.name.lower() for m in hint)}")


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.name.lower()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {_plain(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return config_to_dict(value)
