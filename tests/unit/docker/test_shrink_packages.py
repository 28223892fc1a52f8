"""Packages that were shrunk for the image still do their work."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "docker" / "shrink_packages.py"
#: Compiled with debug information behind the last segment; patched by auditwheel, with a hole between segments.
USES = {
    "zstandard": "assert zstandard.decompress(zstandard.compress(b'a' * 999)) == b'a' * 999",
    "PIL": "import PIL.Image, io; PIL.Image.new('RGB', (64, 64)).save(io.BytesIO(), 'jpeg')",
}


def shrink(folder):
    subprocess.run([sys.executable, SCRIPT, folder], check=True, capture_output=True, text=True)


@pytest.fixture
def packages(tmp_path):
    for name in USES:
        source = Path(find_spec(name).origin).parent
        shutil.copytree(source, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(source.parent / "pillow.libs", tmp_path / "pillow.libs")
    return tmp_path


def test_libraries_lose_their_debug_information_and_work(packages):
    compiled = [*packages.glob("zstandard/backend_c.*.so"), *packages.glob("PIL/_imaging.*.so")]
    before = [path.stat().st_size for path in compiled]
    shrink(packages)
    assert all(path.stat().st_size < 0.5 * size for path, size in zip(compiled, before, strict=True))
    for name, use in USES.items():
        code = f"import {name}; assert {name}.__file__.startswith({str(packages)!r}); {use}"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(packages)})


def test_shrinking_again_changes_nothing(packages):
    shrink(packages)
    before = {path: path.read_bytes() for path in packages.rglob("*.so*")}
    shrink(packages)
    assert {path: path.read_bytes() for path in packages.rglob("*.so*")} == before


def test_equal_files_become_one_and_others_stay(tmp_path):
    contents = {"a": b"x" * 50_000, "b": b"x" * 50_000, "c": b"y" * 50_000, "small": b"x", "small_too": b"x"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    shutil.copy(tmp_path / "a", tmp_path / "program")
    (tmp_path / "program").chmod(0o755)
    shrink(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {**contents, "program": contents["a"]}
    assert (tmp_path / "a").samefile(tmp_path / "b")
    assert not (tmp_path / "a").samefile(tmp_path / "program"), "permissions differ"
    assert not (tmp_path / "small").samefile(tmp_path / "small_too")
