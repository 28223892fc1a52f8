"""Definitions and hashes of message types, as a Jazzy installation has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from waypilot.bags.topic import BagTopic, Qos


class UnknownTypeError(LookupError):
    """Nobody knows the definition of a message type."""


class TypeLibrary:
    """Describes the types of ROS 2 Jazzy, and those whose ``.msg`` files ``folder_of(package)`` leads to."""

    def __init__(self, folder_of: Callable[[str], Path | None] = lambda package: None) -> None:
        self._folder_of = folder_of
        self._store = get_typestore(Stores.ROS2_JAZZY)
        self._loaded: set[str] = set()

    def topic(self, name: str, type_name: str, qos: tuple[Qos, ...] = ()) -> BagTopic:
        """Describe a topic of a type such as ``nav_msgs/msg/Odometry``. Raises UnknownTypeError."""
        self._require(type_name)
        definition, _ = self._store.generate_msgdef(type_name, ros_version=2)
        return BagTopic(name, type_name, definition, self._store.hash_rihs01(type_name), qos)

    def serialize(self, message: Any, type_name: str) -> bytes:
        """Serialize a message made of this library's classes (``message_class``)."""
        self._require(type_name)
        return bytes(self._store.serialize_cdr(message, type_name))

    def message_class(self, type_name: str) -> Any:
        """Return the class of a message type. Raises UnknownTypeError."""
        self._require(type_name)
        return self._store.types[type_name]

    def _require(self, type_name: str) -> None:
        if type_name in self._store.fielddefs:
            return
        package = type_name.split("/")[0]
        if package not in self._loaded:
            self._loaded.add(package)
            self._load(package)
        if type_name not in self._store.fielddefs:
            raise UnknownTypeError(f"the definition of {type_name} is not known; is its package built and sourced?")

    def _load(self, package: str) -> None:
        folder = self._folder_of(package)
        found: dict[str, Any] = {}
        for path in sorted(folder.glob("*.msg")) if folder is not None else ():
            found.update(get_types_from_msg(path.read_text(encoding="utf-8"), f"{package}/msg/{path.stem}"))
        known = {*found, *self._store.fielddefs}
        for used in sorted(_used_types([definition[1] for definition in found.values()]) - known):
            self._require(used)
        self._store.register(found)


def _used_types(fields: Any) -> set[str]:
    """Collect every type name in a nested definition."""
    if isinstance(fields, str):
        return {fields} if "/msg/" in fields else set()
    if isinstance(fields, (list, tuple)):
        return set().union(*(_used_types(part) for part in fields))
    return set()
