"""Writes Waymo records from the public field numbers, declared here on their own: nothing is shared with the reader.

The trajectory arrays can be written packed or unpacked, transforms as well, and the messages carry fields that the
reader does not know. Checksums come from their polynomial.
"""

import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

CAMERA_NUMBERS = {
    "front": 1,
    "front_left": 2,
    "front_right": 3,
    "side_left": 4,
    "side_right": 5,
    "rear_left": 6,
    "rear": 7,
    "rear_right": 8,
}
SIZES = {1: (48, 32), 2: (48, 32), 3: (48, 32), 4: (48, 22), 5: (48, 22), 6: (40, 20), 7: (48, 32), 8: (40, 20)}
YAWS_RAD = {1: 0.0, 2: 0.785, 3: -0.785, 4: math.pi / 2, 5: -math.pi / 2, 6: 2.4, 7: math.pi, 8: -2.4}
FOCAL_PX = 51.0

_VELOCITIES = ("vx", "vy", "vz", "wx", "wy", "wz")
_STATES = ("pos_x", "pos_y", "pos_z", "vel_x", "vel_y", "accel_x", "accel_y")
# message -> [(field, number, type)]; "r:" repeated, "?:" repeated and packed or not as a test wants it.
_FIELDS = {
    "Transform": [("transform", 1, "?:double")],
    "Velocity": [(n, i, "float" if i < 4 else "double") for i, n in enumerate(_VELOCITIES, 1)],
    "Image": [
        ("name", 1, "int32"),
        ("image", 2, "bytes"),
        ("pose", 3, "Transform"),
        ("velocity", 4, "Velocity"),
        ("pose_timestamp", 5, "double"),
        ("shutter", 6, "double"),
        ("trigger_time", 7, "double"),
    ],
    "Calibration": [
        ("name", 1, "int32"),
        ("intrinsic", 2, "?:double"),
        ("extrinsic", 3, "Transform"),
        ("width", 4, "int32"),
        ("height", 5, "int32"),
        ("rolling_shutter", 6, "int32"),
    ],
    "Stats": [("time_of_day", 2, "string"), ("location", 3, "string"), ("weather", 4, "string")],
    "Context": [("name", 1, "string"), ("calibrations", 2, "r:Calibration"), ("stats", 4, "Stats")],
    "Frame": [
        ("context", 1, "Context"),
        ("timestamp_micros", 2, "int64"),
        ("pose", 3, "Transform"),
        ("images", 4, "r:Image"),
        ("map_pose_offset", 11, "Transform"),
        ("extension", 1007, "bytes"),
    ],
    "States": [
        *((n, i, "?:float") for i, n in enumerate(_STATES, 1)),
        ("preference_score", 8, "float"),
    ],
    "E2ED": [
        ("frame", 1, "Frame"),
        ("future", 5, "States"),
        ("past", 6, "States"),
        ("intent", 7, "int32"),
        ("preferences", 8, "r:States"),
        ("unknown", 900, "string"),
    ],
}


def _classes(packed: bool) -> dict[str, Any]:
    package = f"public{int(packed)}"
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto2")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            repetition, _, kind = kind.rpartition(":")
            proto = message.field.add(name=field_name, number=number)
            proto.label = kinds.LABEL_REPEATED if repetition else kinds.LABEL_OPTIONAL
            if kind[0].isupper():
                proto.type, proto.type_name = kinds.TYPE_MESSAGE, f".{package}.{kind}"
            else:
                proto.type = kinds.Type.Value(f"TYPE_{kind.upper()}")
            if repetition == "?":
                proto.options.packed = packed
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {n: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{n}")) for n in _FIELDS}


PUBLIC = {packed: _classes(packed) for packed in (False, True)}


def _crc_of_byte(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value


_TABLE = [_crc_of_byte(value) for value in range(256)]


def masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def framed(payload: bytes) -> bytes:
    length = struct.pack("<Q", len(payload))
    return length + struct.pack("<I", masked_crc(length)) + payload + struct.pack("<I", masked_crc(payload))


def write_records(path: Path, payloads: Sequence[bytes]) -> Path:
    path.write_bytes(b"".join(framed(payload) for payload in payloads))
    return path


def jpeg(number: int, level: int) -> bytes:
    """A flat grey image of the camera's size: ``level`` tells which frame it belongs to."""
    width, height = SIZES[number]
    return cv2.imencode(".jpg", np.full((height, width, 3), level, np.uint8))[1].tobytes()


@dataclass(frozen=True)
class Circle:
    """A vehicle on a circle: at t = 0 at ``start_m`` with heading ``heading_rad``; ``radius_m`` > 0 turns left."""

    radius_m: float = 20.0
    speed_mps: float = 8.0
    start_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    heading_rad: float = 0.0

    @property
    def rate_radps(self) -> float:
        return self.speed_mps / self.radius_m

    def local(self, times_s: np.ndarray | float) -> np.ndarray:
        """Positions (..., 2) after ``times_s`` in the vehicle frame of t = 0, which is the same at every moment."""
        angle = self.rate_radps * np.asarray(times_s, dtype=float)
        return np.stack([self.radius_m * np.sin(angle), self.radius_m * (1.0 - np.cos(angle))], axis=-1)

    def local_velocity(self, times_s: np.ndarray | float) -> np.ndarray:
        angle = self.rate_radps * np.asarray(times_s, dtype=float)
        return self.speed_mps * np.stack([np.cos(angle), np.sin(angle)], axis=-1)

    def yaw(self, time_s: float) -> float:
        return self.heading_rad + self.rate_radps * time_s

    def matrix(self, time_s: float) -> np.ndarray:
        """Vehicle to global (4, 4)."""
        x, y = self.local(time_s)
        c, s = math.cos(self.heading_rad), math.sin(self.heading_rad)
        position = np.array(self.start_m) + np.array([c * x - s * y, s * x + c * y, 0.0])
        matrix = np.eye(4)
        matrix[:3, :3] = yaw_matrix(self.yaw(time_s))
        matrix[:3, 3] = position
        return matrix


def yaw_matrix(yaw_rad: float) -> np.ndarray:
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def _calibrate(context: Any, numbers: Sequence[int]) -> None:
    for number in numbers:
        extrinsic = np.eye(4)
        extrinsic[:3, :3], extrinsic[:3, 3] = yaw_matrix(YAWS_RAD[number]), (1.5, 0.1 * number, 2.1)
        width, height = SIZES[number]
        intrinsic = [FOCAL_PX, FOCAL_PX + 1.0, width / 2, height / 2, 0.04, -0.33, 0.001, -0.0016, 0.0]
        calibration = context.calibrations.add(name=number, width=width, height=height, rolling_shutter=2)
        calibration.intrinsic.extend(intrinsic)
        calibration.extrinsic.transform.extend(extrinsic.ravel())


@dataclass
class E2ERecord:
    """One E2EDFrame of a vehicle on a circle; ``number`` counts frames of 10 Hz."""

    segment: str
    number: int
    circle: Circle = field(default_factory=Circle)
    packed: bool = True
    cameras: Sequence[int] = (1, 2, 4, 3, 5, 8, 7, 6)
    calibrations: Sequence[int] = tuple(range(1, 9))
    intent: int = 1
    timestamp_us: int = 0
    future: bool = True
    past_z: bool = True
    past_length: int = 16
    scores: Sequence[float | None] = ()
    level: int = 100

    def message(self) -> Any:
        message = PUBLIC[self.packed]["E2ED"](intent=self.intent, unknown="from a later version")
        message.frame.context.name = f"{self.segment}-{self.number:03d}"
        if self.timestamp_us:
            message.frame.timestamp_micros = self.timestamp_us
        _calibrate(message.frame.context, self.calibrations)
        for number in self.cameras:
            image = message.frame.images.add(name=number, image=jpeg(number, self.level + number), shutter=0.01)
            image.pose.transform.extend(np.eye(4).ravel())
        past_s = 0.25 * np.arange(1 - self.past_length, 1)
        self._fill(message.past, past_s, velocities=True)
        if self.past_z:
            message.past.pos_z.extend(0.0 for _ in past_s)
        future_s = 0.25 * np.arange(1, 21)
        if self.future:
            self._fill(message.future, future_s)
            message.future.pos_z.extend(0.1 for _ in future_s)
        for score in self.scores:
            states = message.preferences.add()
            self._fill(states, future_s)
            if score is not None:
                states.preference_score = score
        return message

    def payload(self) -> bytes:
        return self.message().SerializeToString()

    def _fill(self, states: Any, times_s: np.ndarray, velocities: bool = False) -> None:
        points = self.circle.local(times_s)
        states.pos_x.extend(points[:, 0])
        states.pos_y.extend(points[:, 1])
        if velocities:
            speeds = self.circle.local_velocity(times_s)
            states.vel_x.extend(speeds[:, 0])
            states.vel_y.extend(speeds[:, 1])
            states.accel_x.extend(0.0 for _ in times_s)
            states.accel_y.extend(0.0 for _ in times_s)


EPOCH_S = 1_553_735_853.5


@dataclass
class PerceptionRecord:
    """One perception Frame of a vehicle on a circle at ``time_s``."""

    segment: str
    time_s: float
    circle: Circle = field(default_factory=Circle)
    packed: bool = False
    cameras: Sequence[int] = (1, 2, 4, 3, 5)
    velocity: bool = True
    level: int = 100

    def message(self) -> Any:
        stamp_us = round((EPOCH_S + self.time_s - 0.052) * 1e6)  # the lidar's time, 52 ms before the image's
        message = PUBLIC[self.packed]["Frame"](timestamp_micros=stamp_us, extension=b"\x01\x02")
        message.context.name = self.segment
        message.context.stats.time_of_day = "Day"
        message.context.stats.location = "location_sf"
        message.context.stats.weather = "sunny"
        _calibrate(message.context, (1, 2, 3, 4, 5))
        message.pose.transform.extend(np.eye(4).ravel())
        for number in self.cameras:
            image = message.images.add(name=number, image=jpeg(number, self.level + number))
            # Other cameras are exposed at other times: only FRONT's pose may be used.
            time_s = self.time_s + 0.01 * (number - 1)
            image.pose.transform.extend(self.circle.matrix(time_s).ravel())
            image.pose_timestamp = EPOCH_S + time_s
            if self.velocity:
                yaw, v = self.circle.yaw(time_s), image.velocity
                v.vx, v.vy, v.vz = self.circle.speed_mps * math.cos(yaw), self.circle.speed_mps * math.sin(yaw), 0.0
                v.wx, v.wy, v.wz = 0.0, 0.0, self.circle.rate_radps
        return message

    def payload(self) -> bytes:
        return self.message().SerializeToString()


@pytest.fixture
def shards(tmp_path: Path) -> Callable[..., str]:
    """Shuffle payloads over three files and return the pattern that finds them."""

    def write(payloads: Sequence[bytes], seed: int = 0, count: int = 3) -> str:
        count = min(count, len(payloads))
        order = np.random.default_rng(seed).permutation(len(payloads))
        folder = tmp_path / "records"
        folder.mkdir(exist_ok=True)
        for shard in range(count):
            name = f"part.tfrecord-{shard:05d}-of-{count:05d}"
            write_records(folder / name, [payloads[i] for i in order[shard::count]])
        return str(folder / "*.tfrecord*")

    return write


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """Everything above, for the tests: modules of a test folder cannot import each other."""
    return SimpleNamespace(
        Circle=Circle,
        E2ERecord=E2ERecord,
        PerceptionRecord=PerceptionRecord,
        EPOCH_S=EPOCH_S,
        FOCAL_PX=FOCAL_PX,
        PUBLIC=PUBLIC,
        SIZES=SIZES,
        YAWS_RAD=YAWS_RAD,
        framed=framed,
        masked_crc=masked_crc,
        write_records=write_records,
    )
