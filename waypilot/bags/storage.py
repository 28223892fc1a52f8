"""One storage file being written: MCAP (the ``mcap`` package) or sqlite3 (rosbag2's tables).

What was handed over reaches the operating system soon, so that a killed process leaves a readable file: MCAP in chunks
of 256 KiB, sqlite3 in transactions of 64 messages in a write-ahead log.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Protocol

from mcap.writer import CompressionType, Writer
from rosbags.rosbag2.storage_sqlite3 import Sqlite3Writer

import waypilot
from waypilot.bags.metadata import ROS_DISTRO, VERSION
from waypilot.bags.topic import BagTopic

CHUNK_BYTES = 256 * 1024
MESSAGES_PER_COMMIT = 64


class StorageFile(Protocol):
    """A file that takes messages of topics it was told of."""

    def add_topic(self, topic: BagTopic) -> None:
        """Announce a topic."""

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Store a message."""

    def close(self, metadata: str) -> None:
        """Complete the file; ``metadata`` is its own description."""


class McapFile:
    """A file with the layout of rosbag2_storage_mcap: profile ros2, schemas ros2msg, a checksum for every chunk."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("xb")
        self._writer = Writer(self._stream, chunk_size=CHUNK_BYTES, compression=CompressionType.NONE)
        self._writer.start("ros2", f"waypilot-{waypilot.__version__}")
        self._stream.flush()
        self._flushed = self._stream.tell()
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}

    def add_topic(self, topic: BagTopic) -> None:
        """Announce a topic."""
        if topic.type not in self._schemas:
            schema = self._writer.register_schema(topic.type, topic.encoding, topic.definition.encode())
            self._schemas[topic.type] = schema
        metadata = {"offered_qos_profiles": topic.qos_yaml, "topic_type_hash": topic.type_hash}
        self._channels[topic.name] = self._writer.register_channel(
            topic.name, "cdr", self._schemas[topic.type], metadata
        )

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Store a message."""
        self._writer.add_message(self._channels[topic], log_time=time_ns, publish_time=time_ns, data=data)
        if self._stream.tell() != self._flushed:
            self._stream.flush()
            self._flushed = self._stream.tell()

    def close(self, metadata: str) -> None:
        """Complete the file."""
        self._writer.add_metadata("rosbag2", {"serialized_metadata": metadata})
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._stream.close()


class Sqlite3File:
    """A database with the tables of rosbag2_storage_sqlite3, schema version 4."""

    def __init__(self, path: Path) -> None:
        path.touch(exist_ok=False)
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(Sqlite3Writer.SQLITE_SCHEMA.replace("'rosbags'", f"'{ROS_DISTRO}'"))
        self._topics: dict[str, int] = {}
        self._types: set[str] = set()
        self._pending = 0

    def add_topic(self, topic: BagTopic) -> None:
        """Announce a topic."""
        if topic.type not in self._types:
            self._types.add(topic.type)
            self._database.execute(
                "INSERT INTO message_definitions"
                " (topic_type, encoding, encoded_message_definition, type_description_hash) VALUES (?, ?, ?, ?)",
                (topic.type, topic.encoding, topic.definition, topic.type_hash),
            )
        self._topics[topic.name] = len(self._topics) + 1
        values = (self._topics[topic.name], topic.name, topic.type, "cdr", topic.qos_yaml, topic.type_hash)
        self._database.execute("INSERT INTO topics VALUES (?, ?, ?, ?, ?, ?)", values)
        self._database.commit()

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Store a message."""
        self._database.execute(
            "INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", (self._topics[topic], time_ns, data)
        )
        self._pending += 1
        if self._pending >= MESSAGES_PER_COMMIT:
            self._database.commit()
            self._pending = 0

    def close(self, metadata: str) -> None:
        """Complete the file: without its write-ahead log, for readers that take it for immutable."""
        self._database.execute("INSERT INTO metadata (metadata_version, metadata) VALUES (?, ?)", (VERSION, metadata))
        self._database.commit()
        self._database.execute("PRAGMA journal_mode=DELETE")
        self._database.close()


STORAGES: dict[str, tuple[str, type[McapFile] | type[Sqlite3File]]] = {
    "mcap": (".mcap", McapFile),
    "sqlite3": (".db3", Sqlite3File),
}
