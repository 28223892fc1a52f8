"""Reading a bag, whole or not: everything that can be read is, and what cannot is said."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

import zstandard

from waypilot.bags import mcap_reading, metadata, sqlite_reading
from waypilot.bags.decoding import Decoder
from waypilot.bags.topic import BagError, BagMessage, BagTopic
from waypilot.messages import MalformedMessageError

T = TypeVar("T")
#: What reading a message can end with that is no such value, or of a type with other fields than its name promises.
UNUSABLE = (ValueError, AttributeError, TypeError)
Reader = mcap_reading.McapFileReader | sqlite_reading.Sqlite3FileReader
_SUFFIXES = (".mcap", ".db3", ".mcap.zstd", ".db3.zstd")


class Bag:
    """A bag folder or a single storage file, opened for reading from front to back.

    ``problems`` grows while it is read. Raises BagError when there is nothing to read at all. Use it as a context
    manager, or ``close`` it: files compressed as a whole are unpacked to a temporary folder meanwhile.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []
        self.topics: dict[str, BagTopic] = {}
        self._unpacked: tempfile.TemporaryDirectory[str] | None = None
        self._compressed_messages = False
        self.complete = True
        self._readers: list[Reader] = [reader for file in self._files() if (reader := self._reader(file)) is not None]
        for reader in self._readers:
            self._collect_topics(reader)
        if not self.topics:
            found = "; ".join(self.problems) or "its files hold no topics"
            raise BagError(f"{path}: nothing can be read: {found}")
        self._decoder = Decoder(self.topics)

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """Yield the messages of some topics (None: all) in the order in which they were stored."""
        wanted = None if topics is None else frozenset(topics)
        unpack = zstandard.ZstdDecompressor()
        for reader in self._readers:
            for message in reader.messages(wanted):
                if not self._compressed_messages:
                    yield message
                    continue
                try:
                    yield BagMessage(message.topic, message.time_ns, unpack.decompress(message.data))
                except zstandard.ZstdError as error:
                    self._report(f"a message of {message.topic} cannot be unpacked: {error}")

    def decode(self, message: BagMessage) -> Any:
        """Decode a message. Raises MalformedMessageError when it is not what its topic's type says."""
        return self._decoder.decode(message)

    def read(self, message: BagMessage, from_msg: Callable[[Any], T]) -> T:
        """Decode a message and turn it into a value. Raises MalformedMessageError when it cannot be one.

        So it is with a type of the name that ``from_msg`` expects, but with other fields.
        """
        decoded = self.decode(message)
        try:
            return from_msg(decoded)
        except MalformedMessageError:
            raise
        except UNUSABLE as error:
            kind = self.topics[message.topic].type
            raise MalformedMessageError(f"{message.topic}: this {kind} cannot be used: {error}") from error

    def close(self) -> None:
        """Remove what was unpacked."""
        if self._unpacked is not None:
            self._unpacked.cleanup()

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _report(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)

    def _files(self) -> list[Path]:
        """List the storage files in order: as the metadata says, then what it does not name."""
        if not self.path.exists():
            raise BagError(f"{self.path}: no such file or folder")
        if self.path.is_file():
            return [self.path]
        listed = self._listed()
        present = sorted((path for path in self.path.iterdir() if path.name.endswith(_SUFFIXES)), key=_in_order)
        for name in sorted(set(listed) - {path.name for path in present}):
            self._report(f"{name} is named by {metadata.METADATA_FILE} but missing")
        unnamed = [path for path in present if path.name not in listed]
        if listed and unnamed:
            self._report(f"{metadata.METADATA_FILE} does not name {', '.join(path.name for path in unnamed)}")
        files = [self.path / name for name in listed if (self.path / name).is_file()] + unnamed
        if not files:
            raise BagError(f"{self.path}: no storage file (.mcap or .db3) in this folder")
        return files

    def _listed(self) -> list[str]:
        try:
            description = metadata.read(self.path)
        except BagError as error:
            self.complete = False
            self._report(str(error))
            return []
        self._compressed_messages = str(description.get("compression_mode") or "").lower() == "message"
        names = description.get("relative_file_paths")
        if not isinstance(names, list):
            self._report(f"{metadata.METADATA_FILE} names no files")
            return []
        return [Path(str(name)).name for name in names]

    def _reader(self, path: Path) -> Reader | None:
        # Readers speak of sizes and places; those of an unpacked file are not those of the file that the user has.
        name = f"{path.name} (unpacked)" if path.suffix == ".zstd" else path.name

        def report(problem: str) -> None:
            self._report(f"{name} {problem}")

        try:
            file = self._unpack(path) if path.suffix == ".zstd" else path
            with file.open("rb") as stream:
                start = stream.read(len(sqlite_reading.MAGIC))
        except (OSError, zstandard.ZstdError) as error:
            self._report(f"{path.name} cannot be read: {error}")
            return None
        if start.startswith(mcap_reading.MAGIC):
            return mcap_reading.McapFileReader(file, report)
        if start == sqlite_reading.MAGIC:
            return sqlite_reading.Sqlite3FileReader(file, report)
        report("is empty" if not start else "is neither MCAP nor sqlite3")
        return None

    def _unpack(self, path: Path) -> Path:
        if self._unpacked is None:
            self._unpacked = tempfile.TemporaryDirectory(prefix="waypilot_bag_")
        target = Path(self._unpacked.name) / path.stem
        with (
            path.open("rb") as packed,
            target.open("wb") as file,
            zstandard.ZstdDecompressor().stream_reader(packed) as stream,
        ):
            shutil.copyfileobj(stream, file)
        return target

    def _collect_topics(self, reader: Reader) -> None:
        topics, complete = reader.topics()
        self.complete = self.complete and complete
        for topic in topics:
            known = self.topics.setdefault(topic.name, topic)
            if known is topic:
                continue
            if known.type != topic.type:
                self._report(f"{topic.name} is of type {known.type} and {topic.type}; the first is read")
            elif known.count is not None and topic.count is not None:
                total = known.count + topic.count
                self.topics[topic.name] = BagTopic(
                    known.name, known.type, known.definition, known.type_hash, known.qos, known.encoding, total
                )


def _in_order(path: Path) -> tuple[int, str]:
    number = re.search(r"_(\d+)\.", path.name)
    return (int(number[1]) if number else -1, path.name)
