"""What is wrong with the command line is told apart from what goes wrong inside."""

from __future__ import annotations

import pytest

from training.eval import run_carla_closed_loop_eval as command
from training.eval.workplace import Identity

IDENTITY = Identity("expert", {"carla_client": "0.9.16", "carla_server": "0.9.16"})


class PoolThatOnlyOpensTheBook:
    """Stands for the workers; the book is opened as they would, nothing is driven."""

    def __init__(self, _workplaces, open_book, _config, replace_lost):
        self._open_book = open_book

    def run(self):
        self._open_book(IDENTITY).give_up_waiting("nobody drives")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "WorkerPool", PoolThatOnlyOpensTheBook)

    def run(*arguments):
        return command.main(["--policy", "expert", "--smoke", "--output-dir", str(tmp_path), *arguments])

    return run


def test_wrong_names_files_and_another_record_are_wrong_arguments(run, tmp_path, capsys):
    assert run("--scenarios", "straight_clear") == 1
    for wrong, word in (
        (("--scenarios", "no_such"), "no_such"),
        (("--suite", str(tmp_path / "none.yaml")), "none.yaml"),
        (("--resume", "--seeds", "4"), "records another evaluation"),
        (("--silence-s", "0"), "silence_timeout_s is 0"),
    ):
        capsys.readouterr()
        assert run(*wrong) == 2
        assert word in capsys.readouterr().out


def test_an_error_inside_is_no_wrong_argument(run, monkeypatch):
    def breaks(_self):
        raise ValueError("a bug")

    monkeypatch.setattr(PoolThatOnlyOpensTheBook, "run", breaks)
    with pytest.raises(ValueError, match="a bug"):
        run()
