"""Compiling with numba, with a disk cache that notices changes in every file of a package.

numba itself looks at the kernel's own file only, not at the kernels that it calls, and would run stale machine code. It
names the cache file after the function, so a digest of the package's sources in that name keeps the two apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


class Jit(Protocol):
    """A decorator that compiles a function and keeps its signature."""

    def __call__(self, function: Kernel) -> Kernel:
        """Return the compiled function."""
        ...


def package_jit(package: Path, *more_sources: Path, **options: Any) -> Jit:
    """Return a decorator that compiles kernels of the package in folder ``package`` with numba's ``options``.

    ``more_sources`` are files outside the package whose constants the kernels use.
    """
    digest = hashlib.sha256()
    for path in (*sorted(package.glob("*.py")), *more_sources):
        digest.update(path.read_bytes())
    suffix = digest.hexdigest()[:10]

    def jit(function: Kernel) -> Kernel:
        function.__qualname__ += f"_{suffix}"
        return cast(Kernel, numba.njit(cache=True, **options)(function))

    return jit
