"""Checked reading of what a client sent: every reader takes one raw msgpack value and returns a plain one.

A reader raises CallError, in words, for a value of the wrong type, shape or size, and for anything that is not
finite. Nothing past this module sees an unchecked value. Records in CARLA's axes are read in ``records``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from carla_lite.wire.errors import CallError

T = TypeVar("T")
Reader = Callable[[Any], T]

MAX_NUMBER = 1e7
"""No length, speed, force or angle that a script can mean is larger; beyond it float32 loses the metre."""
MAX_TEXT = 4096
MAX_LIST = 100_000


def number(value: Any) -> float:
    """Read a finite number of at most ``MAX_NUMBER``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CallError(f"expected a number, got {type(value).__name__}")
    if not abs(value) <= MAX_NUMBER:  # also false for nan
        raise CallError(f"expected a finite number of at most {MAX_NUMBER:g}, got {value}")
    return float(value)


def number_between(low: float, high: float) -> Reader[float]:
    """Make a reader of numbers in [low, high]."""

    def read(value: Any) -> float:
        result = number(value)
        if not low <= result <= high:
            raise CallError(f"expected a number in [{low:g}, {high:g}], got {result:g}")
        return result

    return read


def whole_between(low: int, high: int) -> Reader[int]:
    """Make a reader of integers in [low, high]."""

    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise CallError(f"expected a whole number, got {type(value).__name__}")
        if not low <= value <= high:
            raise CallError(f"expected a whole number in [{low}, {high}], got {value}")
        return value

    return read


u8 = whole_between(0, 2**8 - 1)
u16 = whole_between(0, 2**16 - 1)
u32 = whole_between(0, 2**32 - 1)
i32 = whole_between(-(2**31), 2**31 - 1)


def actor_id(value: Any) -> int:
    """Read an actor id; whether such an actor lives is for the world to say."""
    return u32(value)


def flag(value: Any) -> bool:
    """Read a bool."""
    if not isinstance(value, bool):
        raise CallError(f"expected a bool, got {type(value).__name__}")
    return value


def text_of(limit: int) -> Reader[str]:
    """Make a reader of text of at most ``limit`` characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise CallError(f"expected text, got {type(value).__name__}")
        if len(value) > limit:
            raise CallError(f"expected at most {limit} characters of text, got {len(value)}")
        return value

    return read


text = text_of(MAX_TEXT)


def record(value: Any, what: str, *readers: Reader[Any]) -> list[Any]:
    """Read an array of exactly these fields; an error names the record and the field's position."""
    fields = _list(value, what)
    if len(fields) != len(readers):
        raise CallError(f"{what} has {len(fields)} fields, expected {len(readers)}")
    return _read_each(zip(readers, fields, strict=True), what)


def list_of(reader: Reader[T], limit: int = MAX_LIST) -> Reader[list[T]]:
    """Make a reader of arrays of any length up to ``limit``."""

    def read(value: Any) -> list[T]:
        items = _list(value, "list")
        if len(items) > limit:
            raise CallError(f"expected at most {limit} items, got {len(items)}")
        return _read_each(((reader, item) for item in items), "list")

    return read


def optional(reader: Reader[T]) -> Reader[T | None]:
    """Make a reader of CARLA's optionals: ``[True, value]`` or ``[False]``."""

    def read(value: Any) -> T | None:
        items = _list(value, "optional")
        if not items:
            raise CallError("optional is empty, expected [False] or [True, value]")
        if not flag(items[0]):
            return None
        if len(items) != 2:
            raise CallError("optional says it has a value but carries none")
        return reader(items[1])

    return read


def anything(value: Any) -> Any:
    """Accept a value that is not looked at."""
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise CallError(f"expected {what} as an array, got {type(value).__name__}")
    return value


def _read_each(pairs: Iterable[tuple[Reader[T], Any]], what: str) -> list[T]:
    """Read values, each with its own reader; one ``try`` for all, as a batch has thousands of fields."""
    result: list[T] = []
    try:
        for reader, value in pairs:
            result.append(reader(value))
    except CallError as error:
        raise CallError(f"{what}, field {len(result)}: {error}") from None
    return result
