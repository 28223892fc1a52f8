"""The runs as tasks of a Ray cluster that is started on this machine."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from waypilot.report.results import without_wall_clock

pytest.importorskip("ray", reason="Ray is optional: pip install -r requirements/ray.txt")
pytestmark = pytest.mark.system
COMMAND = (sys.executable, "-m", "training.eval.run_carla_closed_loop_eval", "--policy", "expert", "--smoke")


def test_a_run_on_ray_is_recorded_like_any_other_and_can_be_resumed(tmp_path):
    for name, more in (("ray", ["--ray", "local"]), ("workers", []), ("ray", ["--ray", "local", "--resume"])):
        arguments = ["--output-dir", str(tmp_path / name), "--scenarios", "turn_clear", *more]
        run = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=240)
        assert run.returncode == 0, run.stdout + run.stderr
    one, two = (json.loads((tmp_path / name / "results.json").read_text()) for name in ("ray", "workers"))
    assert without_wall_clock(one) == without_wall_clock(two)
    series, pictures = "scenarios/turn_clear_seed0.json", "scenarios/turn_clear_seed0"
    assert (tmp_path / "ray" / series).read_bytes() == (tmp_path / "workers" / series).read_bytes()
    kinds = [sorted(path.name for path in (tmp_path / name / pictures).iterdir()) for name in ("ray", "workers")]
    assert kinds[0] == kinds[1] != []
