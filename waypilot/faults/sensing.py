"""Faults of cameras and odometry: between the simulator's frame and the stack."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waypilot.faults.fault import Fault, FaultKind
from waypilot.faults.timing import DelayLine, DriveClock
from waypilot.types import EgoState

Image = NDArray[np.uint8]
StampedImage = tuple[int, Image]


@dataclass(frozen=True, slots=True)
class SensedFrame:
    """What the stack gets of a frame: the reported state, and images by camera, each with its own stamp.

    ``withheld`` names the cameras whose image of this frame does not come: nobody needs to wait for it.
    """

    ego: EgoState
    images: Mapping[str, StampedImage]
    withheld: frozenset[str] = frozenset()


def distorts_odometry(faults: Sequence[Fault]) -> bool:
    """Whether the reported state is not the true one at some time: a judge needs another source then."""
    return any(fault.kind is FaultKind.ODOMETRY_FROZEN for fault in faults)


class SensorFaults:
    """Applies a scenario's camera and odometry faults to the frames of one drive, in order. Images are not changed.

    Images are (H, W, 3) or (H, W, 4) uint8; a fourth channel (alpha) stays. All chance follows from ``seed``, the
    frame's time and the camera's name.
    """

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._faults = [(number, f) for number, f in enumerate(faults) if f.kind.subject in ("camera", "odometry")]
        self._seed = seed
        self._clock = DriveClock()
        self._held_ego: EgoState | None = None
        self._held_images: dict[str, Image] = {}
        self._delayed: dict[tuple[int, str], DelayLine[Image]] = {}

    def withheld(self, stamp_ns: int, cameras: Sequence[str]) -> frozenset[str]:
        """Name those of ``cameras`` whose image of this frame will not come with it. Changes nothing."""
        since_ns = self._clock.since_ns(stamp_ns)
        return frozenset(
            camera
            for camera in cameras
            for number, fault in self._faults
            if fault.is_active(since_ns)
            and _concerns(fault, camera)
            and self._withholds(number, fault, since_ns, camera)
        )

    def apply(self, ego: EgoState, images: Mapping[str, Image]) -> SensedFrame:
        """Return what is left of a frame. Raises ValueError for a fault of a camera that the vehicle lacks."""
        since_ns = self._clock.since_ns(ego.stamp_ns)
        sensed: dict[str, StampedImage | None] = {name: (ego.stamp_ns, image) for name, image in images.items()}
        active = [(number, fault) for number, fault in self._faults if fault.is_active(since_ns)]
        for number, fault in active:
            if fault.target and fault.target not in images:
                raise ValueError(f"{fault.kind.value} of {fault.target!r}: the vehicle carries {', '.join(images)}")
            for name in (name for name in images if _concerns(fault, name)):
                sensed[name] = self._distort(number, fault, since_ns, name, sensed[name])
        frozen = {n for _, f in active if f.kind is FaultKind.CAMERA_FROZEN for n in images if _concerns(f, n)}
        self._held_images |= {name: image for name, image in images.items() if name not in frozen}
        return SensedFrame(
            self._reported(ego, since_ns),
            {name: entry for name, entry in sensed.items() if entry is not None},
            self.withheld(ego.stamp_ns, tuple(images)),
        )

    def _reported(self, ego: EgoState, since_ns: int) -> EgoState:
        frozen = any(f.kind is FaultKind.ODOMETRY_FROZEN and f.is_active(since_ns) for _, f in self._faults)
        if not frozen or self._held_ego is None:
            self._held_ego = ego
        return replace(self._held_ego, stamp_ns=ego.stamp_ns)

    def _withholds(self, number: int, fault: Fault, since_ns: int, camera: str) -> bool:
        if fault.kind is FaultKind.CAMERA_DROPS:
            assert fault.share is not None
            return bool(self._random(number, since_ns, camera).random() < fault.share)
        return fault.kind in (FaultKind.CAMERA_GONE, FaultKind.CAMERA_LATE)

    def _distort(
        self, number: int, fault: Fault, since_ns: int, camera: str, entry: StampedImage | None
    ) -> StampedImage | None:
        if fault.kind is FaultKind.CAMERA_LATE:
            line = self._delayed.setdefault((number, camera), DelayLine(fault.delay_ns))
            late = line.pass_through(since_ns, entry[1] if entry else None)
            return None if late is None or entry is None else (entry[0] - since_ns + late[0], late[1])
        if entry is None or self._withholds(number, fault, since_ns, camera):
            return None
        return entry[0], self._changed(number, fault, since_ns, camera, entry[1])

    def _changed(self, number: int, fault: Fault, since_ns: int, camera: str, image: Image) -> Image:
        match fault.kind:
            case FaultKind.CAMERA_BLACK:
                return _with_colours(image, np.zeros_like(image[:, :, :3]))
            case FaultKind.CAMERA_FROZEN:
                return self._held_images.get(camera, image)
            case FaultKind.CAMERA_SIZE:
                return np.ascontiguousarray(image[::2, ::2])
            case FaultKind.CAMERA_NOISE:
                random = self._random(number, since_ns, camera)
                noise = random.standard_normal(image[:, :, :3].shape, dtype=np.float32) * np.float32(fault.sigma)
                return _with_colours(image, np.clip(np.rint(image[:, :, :3] + noise), 0, 255))
        return image

    def _random(self, number: int, since_ns: int, camera: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, number, since_ns, zlib.crc32(camera.encode())])


def _concerns(fault: Fault, camera: str) -> bool:
    return fault.kind.subject == "camera" and fault.target in ("", camera)


def _with_colours(image: Image, colours: NDArray[Any]) -> Image:
    changed = image.copy()
    changed[:, :, :3] = colours
    return changed
