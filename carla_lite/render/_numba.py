"""One set of compiler options and the integer noise that every kernel shares.

No kernel runs in parallel and none keeps state, so equal inputs give equal bytes in every process of one machine.
``fastmath`` lets different CPU models round differently: across machines pixels agree within a few grey levels only.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from carla_lite.compiled import package_jit

OPTIONS: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}

_PACKAGE = Path(__file__).parent
jit = package_jit(_PACKAGE, _PACKAGE.parent / "scene.py", **OPTIONS)
"""Compiles a kernel that Python calls, or that several kernels share."""


def jit_inline(function: Callable[..., Any]) -> Any:
    """Compile a helper into its callers.

    A real call that returns a tuple costs as much as the rest of a pixel, and every function of its own is compiled
    once more in each function that calls it. Helpers of the pixel loops take plain numbers, since a tuple with arrays
    in it has its references counted every time that it is handed over.
    """
    return numba.njit(inline="always", **OPTIONS)(function)


@jit_inline
def hash3(a: int, b: int, c: int) -> int:
    """Mix three integers to 32 well-spread bits."""
    value = np.uint32(a) * np.uint32(0x9E3779B1) + np.uint32(b) * np.uint32(0x85EBCA77) + np.uint32(c)
    value = np.uint32(value ^ (value >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
    value = np.uint32(np.uint32(value) ^ (np.uint32(value) >> np.uint32(12))) * np.uint32(0x297A2D39)
    return np.int64(np.uint32(np.uint32(value) ^ (np.uint32(value) >> np.uint32(15))))


@jit_inline
def unit_noise(a: int, b: int, c: int) -> float:
    """Return white noise in [0, 1)."""
    return hash3(a, b, c) / 4294967296.0


@jit_inline
def smooth_noise(x: float, y: float, seed: int) -> float:
    """Return value noise in [0, 1) with features of size one."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    low = unit_noise(ix, iy, seed) * (1.0 - fx) + unit_noise(ix + 1, iy, seed) * fx
    high = unit_noise(ix, iy + 1, seed) * (1.0 - fx) + unit_noise(ix + 1, iy + 1, seed) * fx
    return low * (1.0 - fy) + high * fy


@jit_inline
def pack_bgra(red: float, green: float, blue: float) -> int:
    """Pack non-negative colours (0..255, clipped above) into the little-endian word of one BGRA pixel, opaque."""
    word = (int(min(255.0, red)) << 16) | (int(min(255.0, green)) << 8) | int(min(255.0, blue))
    return np.uint32(word | 0xFF000000)
