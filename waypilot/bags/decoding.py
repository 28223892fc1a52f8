"""Serialized messages decoded by the definitions that a bag carries (``rosbags``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from waypilot.bags.topic import BagMessage, BagTopic
from waypilot.messages import MalformedMessageError

_IDL_SEPARATOR = "=" * 80 + "\n"


class Decoder:
    """Decodes the messages of some topics; a type is looked at when its first message comes.

    A bag without definitions (before ROS 2 Iron, sqlite3) is decoded by those of Jazzy.
    """

    def __init__(self, topics: Mapping[str, BagTopic]) -> None:
        self._topics = topics
        self._stores: dict[str, Typestore | str] = {}
        self._standard: Typestore | None = None

    def decode(self, message: BagMessage) -> Any:
        """Decode a message. Raises MalformedMessageError."""
        topic = self._topics.get(message.topic)
        if topic is None:
            raise MalformedMessageError(f"topic {message.topic} is unknown")
        store = self._stores.get(topic.type)
        if store is None:
            store = self._stores[topic.type] = self._store(topic)
        if isinstance(store, str):
            raise MalformedMessageError(store)
        try:
            return store.deserialize_cdr(message.data, topic.type)
        except Exception as error:  # generated code meets damaged bytes with errors of every kind
            raise MalformedMessageError(
                f"{message.topic}: {len(message.data)} bytes are no {topic.type} ({type(error).__name__})"
            ) from error

    def _store(self, topic: BagTopic) -> Typestore | str:
        """Make the store for a topic's type, or say why there is none."""
        if not topic.definition:
            if self._standard is None:
                self._standard = get_typestore(Stores.ROS2_JAZZY)
            if topic.type in self._standard.fielddefs:
                return self._standard
            return f"{topic.name}: the bag has no definition of {topic.type}, and ROS 2 Jazzy has none either"
        try:
            store = get_typestore(Stores.EMPTY)
            store.register(_types(topic))
            if topic.type not in store.fielddefs:
                raise ValueError("the definition is of another type")
            return store
        except Exception as error:  # the parser meets damaged text with errors of every kind
            return f"{topic.name}: the definition of {topic.type} cannot be read ({type(error).__name__}: {error})"


def _types(topic: BagTopic) -> Any:
    if topic.encoding == "ros2msg":
        return get_types_from_msg(topic.definition, topic.type)
    parts = topic.definition.split(_IDL_SEPARATOR) if _IDL_SEPARATOR in topic.definition else [topic.definition]
    found: dict[str, Any] = {}
    for part in parts:
        text = part.split("\n", 1)[1] if part.startswith("IDL: ") else part
        if text.strip():
            found.update(get_types_from_idl(text))
    return found
