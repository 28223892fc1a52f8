"""The server of an evaluation starts with its first town, if there is such a town."""

import pytest

from training.eval import workplace


@pytest.mark.parametrize(("town", "started_with"), [("Lite04", {"map": "Lite04"}), ("Lite99", {})])
def test_a_town_that_is_not_there_does_not_keep_the_server_from_starting(monkeypatch, town, started_with):
    monkeypatch.setattr(workplace, "ServerProcess", lambda **options: options)
    assert workplace._own_server(town) == started_with
