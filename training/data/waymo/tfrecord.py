"""TFRecord files: records framed by a length and two masked CRC-32C checksums.

One record is: payload length (uint64, little-endian), masked CRC of these 8 bytes (uint32), payload, masked CRC of
the payload (uint32). The mask is a rotation by 15 bits and an added constant, as TensorFlow's record writer does it.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

_LENGTH = struct.Struct("<Q")
_CRC = struct.Struct("<I")
_HEADER_BYTES = _LENGTH.size + _CRC.size
FRAMING_BYTES = _HEADER_BYTES + _CRC.size
_MASK_DELTA = 0xA282EAD8
_GZIP_MAGIC = b"\x1f\x8b"


class TFRecordError(ValueError):
    """A record is damaged. ``next_offset`` is where the following record starts, None when that is unknown."""

    def __init__(self, path: Path, offset: int, reason: str, next_offset: int | None = None):
        super().__init__(f"{path}: record at byte {offset}: {reason}")
        self.offset, self.next_offset = offset, next_offset


def masked_crc32c(data: bytes) -> int:
    """Checksum of a TFRecord field."""
    crc: int = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def scan_records(path: Path, on_damage: Callable[[TFRecordError], None]) -> Iterator[tuple[int, bytes]]:
    """Yield (byte offset, payload) of every sound record.

    Damage goes to ``on_damage``. After a damaged payload the scan goes on; after a damaged length, or where the file
    ends inside a record, there is nothing to go on with. Raises OSError when the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            on_damage(TFRecordError(path, 0, "the file is empty; download it again"))
        offset = 0
        while offset < size:
            try:
                payload = _read(file, path, offset, size)
            except TFRecordError as error:
                on_damage(error)
                if error.next_offset is None:
                    return
                offset = error.next_offset
                continue
            yield offset, payload
            offset += len(payload) + FRAMING_BYTES


def read_record(path: Path, offset: int) -> bytes:
    """Read the payload of the record that starts at ``offset``. Raises TFRecordError and OSError."""
    with path.open("rb") as file:
        return _read(file, path, offset, os.fstat(file.fileno()).st_size)


def _read(file: BinaryIO, path: Path, offset: int, size: int) -> bytes:
    length = _read_length(file, path, offset, size)
    end = offset + length + FRAMING_BYTES
    if end > size:
        raise TFRecordError(
            path, offset, f"is {end - offset} bytes long, but the file ends after {size - offset}: a truncated download"
        )
    payload = file.read(length)
    if _CRC.unpack(file.read(_CRC.size))[0] != masked_crc32c(payload):
        raise TFRecordError(path, offset, f"checksum of its {length} bytes is wrong", next_offset=end)
    return payload


def _read_length(file: BinaryIO, path: Path, offset: int, size: int) -> int:
    file.seek(offset)
    header = file.read(_HEADER_BYTES)
    if offset == 0 and header.startswith(_GZIP_MAGIC):
        raise TFRecordError(path, offset, "the file is compressed with gzip; unpack it first")
    if len(header) < _HEADER_BYTES:
        raise TFRecordError(
            path, offset, f"the file ends after {size - offset} of {_HEADER_BYTES} header bytes: a truncated download"
        )
    if _CRC.unpack(header[_LENGTH.size :])[0] != masked_crc32c(header[: _LENGTH.size]):
        raise TFRecordError(path, offset, "checksum of its length is wrong, so what follows cannot be found")
    return int(_LENGTH.unpack(header[: _LENGTH.size])[0])
