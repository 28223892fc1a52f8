"""Method tables: which RPC calls exist, how their arguments are read and in which envelope they answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from carla_lite.wire.errors import CallError
from carla_lite.wire.readers import Reader

Handler = Callable[..., Any]
Envelope = Callable[[Any], Any]


def value_success(value: Any) -> list[Any]:
    """Wrap the result of a call that returns something."""
    return [[1, value]]


def value_failure(message: str) -> list[Any]:
    """Wrap the error of a call that would return something."""
    return [[0, [message]]]


def _void_success(_: Any) -> list[Any]:
    return [[False]]


def void_failure(message: str) -> list[Any]:
    """Wrap the error of a call that would return nothing."""
    return [[True, [message]]]


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC call: a handler taking (simulation, *arguments), a reader per argument, and the envelopes.

    A method whose ``failure`` is None has no envelope: its failure is an RPC error.
    """

    handler: Handler
    arguments: tuple[Reader[Any], ...]
    success: Envelope
    failure: Callable[[str], Any] | None

    async def call(self, simulation: Any, raw_arguments: list[Any]) -> Any:
        """Answer one call with the enveloped result; raises CallError when it cannot be served."""
        result = self.handler(simulation, *self._read(raw_arguments))
        if inspect.isawaitable(result):
            result = await result
        return self.success(result)

    def _read(self, raw_arguments: list[Any]) -> list[Any]:
        if len(raw_arguments) != len(self.arguments):
            raise CallError(f"expected {len(self.arguments)} arguments, got {len(raw_arguments)}")
        arguments = []
        for position, (reader, raw) in enumerate(zip(self.arguments, raw_arguments, strict=True)):
            try:
                arguments.append(reader(raw))
            except CallError as error:
                raise CallError(f"argument {position}: {error}") from None
        return arguments


class MethodTable:
    """A group of calls; handlers register themselves under their own names."""

    def __init__(self) -> None:
        self.methods: dict[str, Method] = {}

    def value(self, *arguments: Reader[Any]) -> Callable[[Handler], Handler]:
        """Register a call that returns a value."""
        return self._register(arguments, value_success, value_failure)

    def void(self, *arguments: Reader[Any]) -> Callable[[Handler], Handler]:
        """Register a call that returns nothing."""
        return self._register(arguments, _void_success, void_failure)

    def bare(self, *arguments: Reader[Any]) -> Callable[[Handler], Handler]:
        """Register a call whose result goes out as it is, without an envelope."""
        return self._register(arguments, lambda result: result, None)

    def _register(
        self, arguments: tuple[Reader[Any], ...], success: Envelope, failure: Callable[[str], Any] | None
    ) -> Callable[[Handler], Handler]:
        def decorate(handler: Handler) -> Handler:
            self.methods[handler.__name__] = Method(handler, arguments, success, failure)
            return handler

        return decorate


def merge(*tables: MethodTable) -> dict[str, Method]:
    """Join groups into one table; raises ValueError when two groups serve the same call."""
    merged: dict[str, Method] = {}
    for table in tables:
        twice = merged.keys() & table.methods.keys()
        if twice:
            raise ValueError(f"calls registered twice: {sorted(twice)}")
        merged.update(table.methods)
    return merged
