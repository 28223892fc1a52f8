"""``python -m waypilot.scenarios`` names every scenario and says what is wrong with a file."""

import pytest

from waypilot.scenarios import available_suites, load_suite
from waypilot.scenarios.__main__ import main


@pytest.fixture(autouse=True)
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def test_every_scenario_of_every_suite_is_named_whole(capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    words = set(printed.split())
    for suite in available_suites():
        assert suite in words
        assert {scenario.name for scenario in load_suite(suite)} <= words


def test_a_file_of_ones_own_is_checked(tmp_path, capsys):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    text = """
scenarios:
  - name: mine
    map: Lite01
    weather: night
    start: {x_m: 0.0, y_m: 0.0, yaw_deg: 0.0}
    goal: {x_m: 30.0, y_m: 40.0}
    seeds: [0, 1, 2]
    repeats: 2
"""
    good.write_text(text)
    bad.write_text(text.replace("night", "nightmare"))
    assert main([str(good), str(bad), "standard"]) == 2
    captured = capsys.readouterr()
    (mine,) = [line.split() for line in captured.out.splitlines() if line.split()[:1] == ["mine"]]
    assert mine == ["mine", "Lite01", "night", "50", "m", "8", "m/s", "6"]
    assert f"{bad}: scenario 'mine': weather: unknown preset 'nightmare'" in captured.err
    assert "straight_clear" in captured.out
