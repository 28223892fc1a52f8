"""One set of compiler options and the integer noise that every kernel shares.

No kernel runs in parallel and none keeps state, so equal inputs give equal bytes in every process of one machine.
``fastmath`` lets different CPU models round differently: across machines pixels agree within a few grey levels only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}


def _source_digest() -> str:
    """Hash every source a kernel may depend on."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in (*sorted(package.glob("*.py")), package.parent / "scene.py"):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:10]


_DIGEST = _source_digest()


def jit(function: Callable[..., Any]) -> Any:
    """Compile a kernel and keep the result on disk until any source of this package changes.

    numba notices a change in the kernel's own file only, not in the kernels that it calls; it names the file in its
    cache after the function, so the digest in the name keeps stale machine code from being found.
    """
    function.__qualname__ += f"_{_DIGEST}"
    return numba.njit(cache=True, **OPTIONS)(function)


def jit_pixel(function: Callable[..., Any]) -> Any:
    """Compile a per-pixel helper into its callers.

    A real call that returns a tuple costs as much as the rest of a pixel. For the same reason such helpers take plain
    numbers: a tuple with arrays in it has its references counted at every call.
    """
    return numba.njit(forceinline=True, **OPTIONS)(function)


@jit_pixel
def hash3(a: int, b: int, c: int) -> int:
    """Mix three integers to 32 well-spread bits."""
    value = np.uint32(a) * np.uint32(0x9E3779B1) + np.uint32(b) * np.uint32(0x85EBCA77) + np.uint32(c)
    value = np.uint32(value ^ (value >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    value = np.uint32(np.uint32(value) ^ (np.uint32(value) >> np.uint32(12))) * np.uint32(0x297A2D39)
    return np.int64(np.uint32(np.uint32(value) ^ (np.uint32(value) >> np.uint32(15))))


@jit_pixel
def unit_noise(a: int, b: int, c: int) -> float:
    """Return white noise in [0, 1)."""
    return hash3(a, b, c) / 4294967296.0


@jit_pixel
def smooth_noise(x: float, y: float, seed: int) -> float:
    """Return value noise in [0, 1) with features of size one."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    low = unit_noise(ix, iy, seed) * (1.0 - fx) + unit_noise(ix + 1, iy, seed) * fx
    high = unit_noise(ix, iy + 1, seed) * (1.0 - fx) + unit_noise(ix + 1, iy + 1, seed) * fx
    return low * (1.0 - fy) + high * fy


@jit_pixel
def pack_bgra(red: float, green: float, blue: float) -> int:
    """Pack non-negative colours (0..255, clipped above) into the little-endian word of one BGRA pixel, opaque."""
    word = (int(min(255.0, red)) << 16) | (int(min(255.0, green)) << 8) | int(min(255.0, blue))
    return np.uint32(word | 0xFF000000)
