import io
import itertools
from types import SimpleNamespace

import pytest
from rich.console import Console

from carla_lite.maps import load_town
from carla_lite.wire import compiling
from carla_lite.wire.compiling import run_steps
from carla_lite.wire.towns import TownLibrary
from carla_lite.wire.warmup import warm_up_steps


def told(steps, **console):
    written = io.StringIO()
    run_steps(steps, Console(file=written, width=60, **console))
    return written.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_each_step_is_told_when_it_is_done(terminal, monkeypatch):
    times_s = itertools.accumulate(itertools.cycle([0.0, 0.3]))
    monkeypatch.setattr(compiling, "time", SimpleNamespace(monotonic=lambda: next(times_s)))
    done = []
    text = told(
        {"one [bold]": lambda: done.append(1), "two": lambda: done.append(2)},
        force_terminal=terminal,
    )
    assert done == [1, 2]
    assert text.index("1/2 one [bold]: 0.3 s") < text.index("2/2 two: 0.3 s")
    assert ("\x1b" in text) == terminal  # a bar on a terminal only


def test_a_step_that_fails_is_not_told_as_done():
    with pytest.raises(ZeroDivisionError):
        told({"one": lambda: 1 // 0})


def test_a_log_names_a_step_before_it_is_run():
    written = io.StringIO()
    seen = []
    run_steps({"one": lambda: seen.append(written.getvalue())}, Console(file=written, width=60))
    assert seen == ["1/1 one: "]


def test_compiling_names_pictures_ground_and_physics_in_order():
    town = load_town("Lite01")
    names = list(warm_up_steps(town, TownLibrary()))
    assert names[0] == "colour pictures"
    assert names[-2:] == ["ground of Lite01", "physics"]
