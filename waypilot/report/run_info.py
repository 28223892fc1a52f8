"""What an evaluation is about, and whether another one is about the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

UNKNOWN = "unknown"
_ABSENT = "nothing"


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """Which learned policy drove: the file's name (no folders) and the SHA-256 of its bytes."""

    name: str
    sha256: str

    @staticmethod
    def of_file(path: Path) -> CheckpointInfo:
        """Read name and hash. Raises OSError when the file cannot be read."""
        return CheckpointInfo(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What an evaluation is about. Nothing in here may depend on the wall clock or on the machine.

    ``loop`` is the kind of loop that drove (``ros`` or ``in_process``), ``policy`` its name, ``versions`` those of
    waypilot, the carla client and the server (``unknown`` before it was asked), ``config`` what was configured, as
    plain values.
    """

    suite: str
    loop: Literal["ros", "in_process"]
    policy: str
    versions: Mapping[str, str]
    checkpoint: CheckpointInfo | None = None
    config: Mapping[str, object] = field(default_factory=dict)


def differing_fields(a: object, b: object, where: str) -> Iterator[tuple[str, object, object]]:
    """Walk two JSON values; yields the dotted place and both values wherever they differ."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys((*a, *b)):
            yield from differing_fields(a.get(key, _ABSENT), b.get(key, _ABSENT), f"{where}.{key}" if where else key)
    elif a != b and _plain(a) != _plain(b):
        yield where, a, b


def _plain(value: object) -> object:
    """Make tuples and lists alike, as they are in JSON."""
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
