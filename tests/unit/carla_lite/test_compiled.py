"""Compiled kernels are kept on disk, but never longer than the sources they were made from."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

COMPILER = """
from pathlib import Path
from carla_lite.compiled import package_jit
jit = package_jit(Path(__file__).parent)
"""
CALLED = """
from kernels._numba import jit
@jit
def height(x):
    return x + 1.0
"""
CALLER = """
from kernels._numba import jit
from kernels.called import height
@jit
def twice(x):
    return 2.0 * height(x)
"""
ASK = "from kernels.caller import twice; print(twice(3.0), sum(twice.stats.cache_hits.values()))"


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    folder = tmp_path / "kernels"
    folder.mkdir()
    for name, text in (("__init__", ""), ("_numba", COMPILER), ("called", CALLED), ("caller", CALLER)):
        (folder / f"{name}.py").write_text(text)
    return folder


def ask(kernels: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=kernels.parent, capture_output=True, text=True, timeout=250, check=True
    )
    return done.stdout.strip()


def test_a_changed_kernel_is_noticed_by_those_that_call_it(kernels: Path) -> None:
    assert ask(kernels) == "8.0 0"
    assert ask(kernels) == "8.0 1"
    (kernels / "called.py").write_text(CALLED.replace("1.0", "2.0"))
    assert ask(kernels) == "10.0 0"
