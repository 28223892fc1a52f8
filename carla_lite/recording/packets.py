"""The packets of CARLA's recorder log (CARLA's page "Recorder Binary File Format").

Little-endian, without padding. A packet is its id (u8), the size of its data (u32) and the data: mostly a count (u16)
and so many records (``log_records``).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

from carla_lite.recording import log_records as r
from carla_lite.recording.log_records import ActorAdded, Attribute, FrameStart

MAX_RECORDS = 2**16 - 1
_HEADER = struct.Struct("<BI")
_COUNT = struct.Struct("<H")
_FRAME = struct.Struct("<Qdd")
_ADDED = struct.Struct("<IB6fI")
HEADER_BYTES = _HEADER.size
FRAME_BYTES = _FRAME.size


class RecordingError(Exception):
    """A recording cannot be read; the message says which part and why."""


class PacketId(IntEnum):
    """The packets that all versions of CARLA since 0.9.10 agree on; others are skipped."""

    FRAME_START = 0
    FRAME_END = 1
    EVENT_ADD = 2
    EVENT_DEL = 3
    EVENT_PARENT = 4
    COLLISION = 5
    POSITION = 6
    TRAFFIC_LIGHT = 7
    VEHICLE = 8
    WALKER = 9
    VEHICLE_LIGHT = 10
    KINEMATICS = 12
    BOUNDING_BOX = 13
    TRAFFIC_LIGHT_TIME = 16
    TRIGGER_VOLUME = 17


_RECORDS: dict[PacketId, tuple[type[Any], struct.Struct]] = {
    PacketId.EVENT_DEL: (r.ActorRemoved, struct.Struct("<I")),
    PacketId.EVENT_PARENT: (r.Parent, struct.Struct("<II")),
    PacketId.COLLISION: (r.CollisionRecord, struct.Struct("<III??")),
    PacketId.POSITION: (r.Position, struct.Struct("<I6f")),
    PacketId.TRAFFIC_LIGHT: (r.LightRecord, struct.Struct("<I?fB")),
    PacketId.VEHICLE: (r.VehicleRecord, struct.Struct("<I3f?i")),
    PacketId.WALKER: (r.WalkerRecord, struct.Struct("<If")),
    PacketId.VEHICLE_LIGHT: (r.VehicleLights, struct.Struct("<II")),
    PacketId.KINEMATICS: (r.Kinematics, struct.Struct("<I6f")),
    PacketId.BOUNDING_BOX: (r.BoxRecord, struct.Struct("<I6f")),
    PacketId.TRAFFIC_LIGHT_TIME: (r.LightTimes, struct.Struct("<I3f")),
    PacketId.TRIGGER_VOLUME: (r.BoxRecord, struct.Struct("<I6f")),
}
WITH_RECORDS = frozenset((PacketId.EVENT_ADD, *_RECORDS))
"""Packets that are a list of records."""


def pack(packet_id: PacketId, records: Sequence[Any]) -> bytes:
    """Return a packet with at most ``MAX_RECORDS`` records, its header included."""
    if packet_id is PacketId.EVENT_ADD:
        body = b"".join(map(_pack_added, records))
    else:
        layout = _RECORDS[packet_id][1]
        body = b"".join(layout.pack(*record) for record in records)
    return _HEADER.pack(packet_id, _COUNT.size + len(body)) + _COUNT.pack(len(records)) + body


def pack_frame_start(frame: FrameStart) -> bytes:
    """Return the packet that begins a frame."""
    return _HEADER.pack(PacketId.FRAME_START, _FRAME.size) + _FRAME.pack(*frame)


def pack_frame_end() -> bytes:
    """Return the packet that ends a frame."""
    return _HEADER.pack(PacketId.FRAME_END, 0)


def unpack_header(data: bytes) -> tuple[int, int]:
    """Return id and size of a packet from its first ``HEADER_BYTES``."""
    packet_id, size = _HEADER.unpack(data)
    return packet_id, size


def unpack_frame_start(data: bytes) -> FrameStart:
    """Read the data of a frame's first packet; raises RecordingError."""
    if len(data) != _FRAME.size:
        raise RecordingError(f"a frame starts with {len(data)} bytes, expected {_FRAME.size}")
    frame = FrameStart._make(_FRAME.unpack(data))
    if not math.isfinite(frame.elapsed_s):
        raise RecordingError(f"frame {frame.number} is at no finite time")
    return frame


def unpack(packet_id: PacketId, data: bytes) -> tuple[Any, ...]:
    """Read the records of a packet; raises RecordingError for data that are cut off or not finite."""
    try:
        (count,) = _COUNT.unpack_from(data)
        if packet_id is PacketId.EVENT_ADD:
            records = tuple(_unpack_added(data, count))
        else:
            record_type, layout = _RECORDS[packet_id]
            end = _COUNT.size + count * layout.size
            if len(data) < end:
                raise RecordingError(f"{len(data)} bytes for {count} records of {layout.size}")
            records = tuple(map(record_type._make, layout.iter_unpack(data[_COUNT.size : end])))
    except (struct.error, RecordingError) as error:
        raise RecordingError(f"packet {packet_id.name} is damaged: {error}") from None
    if not all(math.isfinite(value) for record in records for value in record if isinstance(value, float)):
        raise RecordingError(f"packet {packet_id.name} holds numbers that are not finite")
    return records


def pack_text(text: str) -> bytes:
    """Return a string as its length in bytes (u16) and UTF-8; raises RecordingError for one that is too long."""
    data = text.encode()
    if len(data) > MAX_RECORDS:
        raise RecordingError(f"a text of {len(data)} bytes does not fit into a recording")
    return _COUNT.pack(len(data)) + data


def unpack_text(data: bytes, offset: int) -> tuple[str, int]:
    """Read a string at ``offset``; returns it and where it ends. Raises RecordingError when it is cut off."""
    (size,) = _COUNT.unpack_from(data, offset)
    start = offset + _COUNT.size
    if start + size > len(data):
        raise RecordingError("a text is cut off")
    return data[start : start + size].decode(errors="replace"), start + size


def _pack_added(actor: ActorAdded) -> bytes:
    parts = [_ADDED.pack(*actor[:9]), pack_text(actor.type_id), _COUNT.pack(len(actor.attributes))]
    for attribute in actor.attributes:
        parts += [bytes([attribute.type]), pack_text(attribute.name), pack_text(attribute.value)]
    return b"".join(parts)


def _unpack_added(data: bytes, count: int) -> Iterable[ActorAdded]:
    offset = _COUNT.size
    for _ in range(count):
        head = _ADDED.unpack_from(data, offset)
        type_id, offset = unpack_text(data, offset + _ADDED.size)
        (number,) = _COUNT.unpack_from(data, offset)
        offset += _COUNT.size
        attributes = []
        for _ in range(number):
            kind = struct.unpack_from("<B", data, offset)[0]
            name, offset = unpack_text(data, offset + 1)
            value, offset = unpack_text(data, offset)
            attributes.append(Attribute(kind, name, value))
        yield ActorAdded._make((*head, type_id, tuple(attributes)))
