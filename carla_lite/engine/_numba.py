"""The engine's compiler settings. No ``fastmath``: equal commands must move actors to equal places on every machine."""

from __future__ import annotations

from pathlib import Path

from carla_lite.compiled import package_jit

jit = package_jit(Path(__file__).parent, nogil=True)
