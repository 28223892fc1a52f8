"""Reading MCAP from front to back, as far as it is whole.

Readers that need the index at the end refuse a file whose recorder was killed. Here the records are taken one after
the other: a chunk whose checksum is wrong is left out, and a cut-off end ends the reading; both are reported. Where a
record's head is damaged the index, if it is whole, tells where the next chunk begins.
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO

import lz4.frame  # type: ignore[import-untyped]
import yaml
import zstandard

from waypilot.bags.topic import BagMessage, BagTopic, Qos, read_yaml

MAGIC = b"\x89MCAP0\r\n"
#: No writer makes chunks that large: such a size is damage.
MAX_CHUNK_BYTES = 1 << 30
_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _CHUNK_INDEX, _STATISTICS = 0x02, 0x03, 0x04, 0x05, 0x06, 0x08, 0x0B
_CONTENT = frozenset((_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK))
_RECORD = struct.Struct("<BQ")
_MESSAGE_HEAD = struct.Struct("<HIQQ")
_CHUNK_HEAD = struct.Struct("<QQQI")
#: Times of a chunk's first and last message, and where it begins.
_CHUNK_INDEX_HEAD = struct.Struct("<QQQ")
#: Where the summary begins, where its offsets begin, and the checksum of both (0: none).
_FOOTER_CONTENT = struct.Struct("<QQI")
_FOOTER_BYTES = _RECORD.size + _FOOTER_CONTENT.size + len(MAGIC)

Report = Callable[[str], None]


class _DamagedError(ValueError):
    """A record cannot be what it should be."""


class McapFileReader:
    """One MCAP file. ``report`` is told of everything that could not be read."""

    def __init__(self, path: Path, report: Report) -> None:
        self._path = path
        self._report = report
        self._schemas: dict[int, tuple[str, str, str]] = {}
        self._channels: dict[int, BagTopic] = {}
        self._chunk_starts: list[int] = []

    def topics(self) -> tuple[list[BagTopic], bool]:
        """List the topics, and tell whether the file has the end that a completed file has.

        The index names them; a file without one is read through.
        """
        if self._read_summary():
            return list(self._channels.values()), True
        counts: dict[str, int] = {}
        for message in self.messages(None):
            counts[message.topic] = counts.get(message.topic, 0) + 1
        topics = {topic.name: topic for topic in self._channels.values()}
        return [_counted(topic, counts.get(name, 0)) for name, topic in topics.items()], False

    def messages(self, wanted: Collection[str] | None) -> Iterator[BagMessage]:
        """Yield the messages of the wanted topics (None: all) in the order in which they were stored."""
        with self._path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                self._report("does not begin as an MCAP file")
                return
            for code, content in self._file_records(file):
                try:
                    yield from self._content(code, content, wanted)
                except (_DamagedError, ValueError, struct.error, RuntimeError, zstandard.ZstdError) as error:
                    self._report(f"a damaged part was left out: {error}")

    def _file_records(self, file: IO[bytes]) -> Iterator[tuple[int, memoryview]]:
        size = self._path.stat().st_size
        while True:
            start = file.tell()
            head = file.read(_RECORD.size)
            if len(head) < _RECORD.size:
                self._report(f"ends at byte {size}, before its index")
                return
            code, length = _RECORD.unpack(head)
            if self._is_damaged(code, start, start + _RECORD.size + length, size):
                following = self._chunk_after(start)
                if following is None:
                    self._report(f"cannot be read beyond byte {start} of {size}: cut off, or damaged there")
                    return
                self._report(f"cannot be read from byte {start} to {following}: damaged there")
                file.seek(following)
                continue
            if code == _FOOTER:
                return
            if code in _CONTENT:
                yield code, memoryview(file.read(length))
            else:
                file.seek(length, 1)

    def _is_damaged(self, code: int, start: int, end: int, size: int) -> bool:
        """Whether the head of a record cannot be right, by the file's size and by what the index says."""
        following = self._chunk_after(start)
        return (
            end > (size if following is None else following)
            or (code in _CONTENT and end - start > MAX_CHUNK_BYTES)
            or (code == _FOOTER and end != size - len(MAGIC))
            or (code != _CHUNK and self._chunk_after(start - 1) == start)
        )

    def _chunk_after(self, place: int) -> int | None:
        """Tell where the next chunk behind a place begins, by the index."""
        at = bisect_right(self._chunk_starts, place)
        return self._chunk_starts[at] if at < len(self._chunk_starts) else None

    def _content(self, code: int, content: memoryview, wanted: Collection[str] | None) -> Iterator[BagMessage]:
        if code == _MESSAGE:
            if (message := self._message(content, wanted)) is not None:
                yield message
        elif code == _CHUNK:
            for inner, part in _records(_chunk_data(content)):
                if inner == _MESSAGE:
                    if (message := self._message(part, wanted)) is not None:
                        yield message
                elif inner != _CHUNK:
                    self._describe(inner, part)
        else:
            self._describe(code, content)

    def _message(self, content: memoryview, wanted: Collection[str] | None) -> BagMessage | None:
        channel, _, time_ns, _ = _MESSAGE_HEAD.unpack_from(content)
        topic = self._channels.get(channel)
        if topic is None:
            raise _DamagedError(f"a message of channel {channel}, which was not announced")
        if wanted is not None and topic.name not in wanted:
            return None
        return BagMessage(topic.name, time_ns, bytes(content[_MESSAGE_HEAD.size :]))

    def _describe(self, code: int, content: memoryview) -> None:
        if code == _SCHEMA:
            (number,) = struct.unpack_from("<H", content)
            name, at = _text(content, 2)
            encoding, at = _text(content, at)
            definition, _ = _text(content, at)
            self._schemas.setdefault(number, (name, encoding, definition))
        elif code == _CHANNEL:
            number, schema = struct.unpack_from("<HH", content)
            topic, at = _text(content, 4)
            _, at = _text(content, at)
            name, encoding, definition = self._schemas.get(schema, ("", "", ""))
            about = _text_map(content, at)
            self._channels.setdefault(
                number,
                BagTopic(
                    name=topic,
                    type=name,
                    definition=definition,
                    type_hash=about.get("topic_type_hash", ""),
                    qos=parse_qos(about.get("offered_qos_profiles", "")),
                    encoding=encoding,
                ),
            )

    def _read_summary(self) -> bool:
        """Read topics and their counts from the end of a completed file."""
        try:
            with self._path.open("rb") as file:
                if file.read(len(MAGIC)) != MAGIC:
                    return False
                file.seek(-_FOOTER_BYTES, 2)
                end = file.tell()
                footer = file.read()
                if not footer.endswith(MAGIC) or footer[0] != _FOOTER:
                    return False
                start, _, checksum = _FOOTER_CONTENT.unpack_from(footer, _RECORD.size)
                if not 0 < start <= end:
                    return False
                file.seek(start)
                content = memoryview(file.read(end - start))
            # The checksum covers the footer, too, up to itself.
            covered = _RECORD.size + _FOOTER_CONTENT.size - 4
            if checksum and zlib.crc32(footer[:covered], zlib.crc32(content)) != checksum:
                raise _DamagedError("its checksum is wrong")
            if self._take_summary(content):
                return True
        except (OSError, ValueError, struct.error) as error:
            self._report(f"has a damaged index, so it is read through: {error}")
        # What a damaged or incomplete index says must not stand beside what the file itself says.
        self._schemas.clear()
        self._channels.clear()
        self._chunk_starts.clear()
        return False

    def _take_summary(self, content: memoryview) -> bool:
        counts: dict[int, int] | None = None
        for code, part in _records(content):
            self._describe(code, part)
            if code == _STATISTICS:
                (length,) = struct.unpack_from("<I", part, 42)
                pairs = struct.iter_unpack("<HQ", part[46 : 46 + length])
                counts = {channel: count for channel, count in pairs}
            elif code == _CHUNK_INDEX:
                self._chunk_starts.append(_CHUNK_INDEX_HEAD.unpack_from(part)[2])
        if counts is None or not self._channels:
            return False
        self._chunk_starts.sort()
        for number, topic in self._channels.items():
            self._channels[number] = _counted(topic, counts.get(number, 0))
        return True


def parse_qos(text: str) -> tuple[Qos, ...]:
    """Read the profiles that a bag holds as YAML; what cannot be read is no profile."""
    try:
        profiles = read_yaml(text) if text else []
        return tuple(
            Qos(
                int(profile["depth"]),
                _qos_name(profile["reliability"], _RELIABILITY),
                _qos_name(profile["durability"], _DURABILITY),
                _qos_name(profile["history"], _HISTORY),
            )
            for profile in profiles
        )
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return ()


# Numbers of rmw, as metadata before version 9 has them.
_RELIABILITY = ("system_default", "reliable", "best_effort", "unknown", "best_available")
_DURABILITY = ("system_default", "transient_local", "volatile", "unknown", "best_available")
_HISTORY = ("system_default", "keep_last", "keep_all", "unknown")


def _qos_name(value: object, names: tuple[str, ...]) -> str:
    return names[value] if isinstance(value, int) and 0 <= value < len(names) else str(value)


def _counted(topic: BagTopic, count: int) -> BagTopic:
    return BagTopic(topic.name, topic.type, topic.definition, topic.type_hash, topic.qos, topic.encoding, count)


def _chunk_data(content: memoryview) -> memoryview:
    _, _, size, checksum = _CHUNK_HEAD.unpack_from(content)
    compression, at = _text(content, _CHUNK_HEAD.size)
    (length,) = struct.unpack_from("<Q", content, at)
    packed = content[at + 8 : at + 8 + length]
    if size > MAX_CHUNK_BYTES or len(packed) != length:
        raise _DamagedError(f"a chunk that claims {size} bytes")
    if compression == "":
        data = packed
    elif compression == "zstd":
        # What a frame's own header claims is allocated at once, whatever max_output_size says.
        if zstandard.frame_content_size(packed) not in (-1, size):
            raise _DamagedError("a chunk whose sizes contradict each other")
        data = memoryview(zstandard.ZstdDecompressor().decompress(packed, max_output_size=size))
    elif compression == "lz4":
        if lz4.frame.get_frame_info(packed)["content_size"] not in (0, size):
            raise _DamagedError("a chunk whose sizes contradict each other")
        data = memoryview(lz4.frame.decompress(packed))
    else:
        raise _DamagedError(f"a chunk compressed by {compression!r}, expected zstd or lz4")
    if len(data) != size or (checksum and zlib.crc32(data) != checksum):
        raise _DamagedError("a chunk whose checksum is wrong")
    return data


def _records(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    at, end = 0, len(data)
    while at + _RECORD.size <= end:
        code, length = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        if length > end - at:
            raise _DamagedError("a record that is longer than what holds it")
        yield code, data[at : at + length]
        at += length


def _text(content: memoryview, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", content, at)
    at += 4
    if length > len(content) - at:
        raise _DamagedError("a text that is longer than its record")
    return bytes(content[at : at + length]).decode(), at + length


def _text_map(content: memoryview, at: int) -> dict[str, str]:
    (length,) = struct.unpack_from("<I", content, at)
    at, end = at + 4, at + 4 + length
    found = {}
    while at < end:
        key, at = _text(content, at)
        found[key], at = _text(content, at)
    return found
