"""Atomic writes."""

from __future__ import annotations

import stat

import pytest

from waypilot.files import write_bytes_atomic, write_json_atomic, write_text_atomic


def test_parents_are_made_and_others_may_read(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_text_atomic(path, "é")
    assert path.read_bytes() == "é".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_failure_keeps_the_old_content_and_no_litter(tmp_path):
    path = tmp_path / "a.json"
    write_json_atomic(path, {"b": 1.0, "a": 0.1})
    assert path.read_text() == '{\n  "b": 1.0,\n  "a": 0.1\n}\n'
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json_atomic(path, {"x": float("inf")})
    with pytest.raises(TypeError):
        write_bytes_atomic(path, "text")
    assert '"b": 1.0' in path.read_text()
    assert list(tmp_path.iterdir()) == [path]
