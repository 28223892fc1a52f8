"""Files in CARLA's recorder format: written frame by frame, read in any order.

A file is a head (version, magic word, date, map) and frames. What the last frame lacks because the writer was killed
is left out, with a word about it in ``damage``: everything before it is as good as ever.
"""

from __future__ import annotations

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from carla_lite.recording import packets as p
from carla_lite.recording.log_records import FrameStart
from carla_lite.recording.packets import PacketId, RecordingError

MAGIC = "CARLA_RECORDER"
VERSION = 1
UNKNOWN_DURATION_S = -1.0
"""How long the last frame lasts: CARLA leaves it open."""
MAX_FRAMES = 5_000_000
_VERSION = struct.Struct("<H")
_DATE = struct.Struct("<q")
_DURATION = struct.Struct("<d")
_DURATION_OFFSET = p.HEADER_BYTES + 8
_MAX_HEAD_BYTES = 256 << 10
_KNOWN = frozenset(PacketId)


class Head(NamedTuple):
    """The head of a file: its date is in seconds since 1970."""

    version: int
    date_s: int
    map_name: str


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: its records by packet, in the order of the file."""

    start: FrameStart
    packets: tuple[tuple[PacketId, tuple[Any, ...]], ...]

    def of(self, packet_id: PacketId) -> tuple[Any, ...]:
        """Return the records of a packet, none when the frame has no such packet."""
        return next((records for found, records in self.packets if found is packet_id), ())


class LogWriter:
    """Writes a recording. The first frame is at 0 s; every further one begins when the one before has lasted."""

    def __init__(self, path: Path, map_name: str, date_s: int) -> None:
        """Begin a file, in place of one that is there; raises OSError when it cannot be written."""
        self.path = path
        self._file: BinaryIO = path.open("wb")
        self._number = 0
        self._elapsed_s = 0.0
        self._start = 0
        head = _VERSION.pack(VERSION) + p.pack_text(MAGIC) + _DATE.pack(date_s) + p.pack_text(map_name)
        self._file.write(head)

    def add_frame(self, last_duration_s: float, content: Sequence[bytes]) -> None:
        """Append a frame of packed packets, ``last_duration_s`` after the one before; raises OSError."""
        if self._number:
            self._set_duration(last_duration_s)
            self._elapsed_s += last_duration_s
        self._number += 1
        self._start = self._file.tell()
        start = FrameStart(self._number, UNKNOWN_DURATION_S, self._elapsed_s)
        self._file.write(b"".join((p.pack_frame_start(start), *content, p.pack_frame_end())))
        self._file.flush()

    def _set_duration(self, duration_s: float) -> None:
        self._file.seek(self._start + _DURATION_OFFSET)
        self._file.write(_DURATION.pack(duration_s))
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """End the file."""
        self._file.close()


class LogReader:
    """A recording, looked through once for its frames; each is read when it is asked for.

    ``elapsed_s`` holds when each frame begins, ``damage`` what is wrong with the end of the file (empty: nothing).
    """

    def __init__(self, path: Path) -> None:
        """Open a file; raises RecordingError for one that is no recording or holds no whole frame, and OSError."""
        self.path = path
        self.elapsed_s = array("d")
        self.damage = ""
        self._offsets = array("Q")
        self._file: BinaryIO = path.open("rb")
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self.head = self._read_head()
            self._find_frames()
            if not self.elapsed_s:
                raise RecordingError(f"{path.name} holds no whole frame{self.damage and ': ' + self.damage}")
        except BaseException:
            self.close()
            raise

    @property
    def duration_s(self) -> float:
        """When the last frame begins."""
        return self.elapsed_s[-1]

    def __len__(self) -> int:
        return len(self.elapsed_s)

    def __iter__(self) -> Iterator[Frame]:
        return map(self.read, range(len(self)))

    def index_at(self, time_s: float) -> int:
        """Return the last frame that has begun at ``time_s``, the first one before that."""
        return max(bisect_right(self.elapsed_s, time_s) - 1, 0)

    def read(self, index: int) -> Frame:
        """Return a frame; raises RecordingError for one that is damaged, and OSError."""
        self._file.seek(self._offsets[index])
        start: FrameStart | None = None
        found = []
        while True:
            packet_id, data = self._packet()
            if packet_id == PacketId.FRAME_START:
                start = p.unpack_frame_start(data)
            elif packet_id == PacketId.FRAME_END:
                break
            elif packet_id in p.WITH_RECORDS:
                found.append((PacketId(packet_id), p.unpack(PacketId(packet_id), data)))
        if start is None:
            raise RecordingError(f"frame {index + 1} has no start")
        return Frame(start, tuple(found))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_head(self) -> Head:
        data = self._file.read(_MAX_HEAD_BYTES)
        try:
            (version,) = _VERSION.unpack_from(data)
            magic, offset = p.unpack_text(data, _VERSION.size)
            if magic != MAGIC:
                raise RecordingError("no magic word")
            (date_s,) = _DATE.unpack_from(data, offset)
            map_name, offset = p.unpack_text(data, offset + _DATE.size)
        except (struct.error, RecordingError):
            raise RecordingError(f"{self.path.name} is not a CARLA recorder file") from None
        self._file.seek(offset)
        return Head(version, date_s, map_name)

    def _find_frames(self) -> None:
        """Note where each whole frame begins; stop at the first that is not whole."""
        start: FrameStart | None = None
        offset = 0
        while (place := self._file.tell()) < self._size:
            try:
                packet_id, size = self._packet_header()
                if packet_id == PacketId.FRAME_START:
                    start, offset = p.unpack_frame_start(self._file.read(size)), place
                    self._check_time(start)
                else:
                    self._file.seek(size, os.SEEK_CUR)
            except RecordingError as error:
                self.damage = str(error)
                return
            if packet_id == PacketId.FRAME_END and start is not None:
                self.elapsed_s.append(start.elapsed_s)
                self._offsets.append(offset)
                start = None
        if start is not None:
            self.damage = f"frame {start.number} has no end"

    def _check_time(self, start: FrameStart) -> None:
        if self.elapsed_s and start.elapsed_s < self.elapsed_s[-1]:
            raise RecordingError(f"frame {start.number} goes back in time")
        if len(self) >= MAX_FRAMES:
            raise RecordingError(f"there are more than {MAX_FRAMES} frames")

    def _packet(self) -> tuple[int, bytes]:
        """Read the next packet; data that nobody here understands are skipped."""
        packet_id, size = self._packet_header()
        if packet_id in _KNOWN:
            return packet_id, self._file.read(size)
        self._file.seek(size, os.SEEK_CUR)
        return packet_id, b""

    def _packet_header(self) -> tuple[int, int]:
        place = self._file.tell()
        data = self._file.read(p.HEADER_BYTES)
        if len(data) < p.HEADER_BYTES:
            raise RecordingError(f"the file is cut off at byte {place}")
        packet_id, size = p.unpack_header(data)
        if place + p.HEADER_BYTES + size > self._size:
            raise RecordingError(f"the file is cut off at byte {place}: its packet {packet_id} would have {size} bytes")
        return packet_id, size
