from pathlib import Path

import pytest

from training.data.collect_carla import main
from waypilot.episodes import check_episode, load_episode


def collect(out: Path, *more: str) -> dict[str, bytes]:
    arguments = ["--town", "generate:7", "--episodes", "2", "--seed", "3", "--max-drive-s", "2", *more]
    assert main(["--out", str(out), *arguments]) == 0
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("generate*/**/*.*"))}


def test_drives_through_the_genuine_client_are_sound_and_repeatable(tmp_path: Path) -> None:
    files = collect(tmp_path / "a")
    episodes = sorted((tmp_path / "a").glob("*/episode.json"))
    assert [path.parent.name for path in episodes] == ["generate_7_3_00000", "generate_7_3_00001"]
    for path in episodes:
        assert check_episode(path) == []
        episode = load_episode(path)
        assert len(episode.frames) == 10
        assert episode.town == "generate:7"
    assert collect(tmp_path / "b", "--jobs", "2") == files


def test_a_process_that_fails_is_told_with_the_end_of_its_output(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = ["--town", "Lite02", "--episodes", "2", "--jobs", "2", "--driver", "checkpoint:gone.pt"]
    assert main(["--out", str(tmp_path / "out"), *arguments]) == 1
    assert caplog.text.count("a process ended with exit code 1") == 2
    assert "gone.pt: no such file" in caplog.text


def test_drives_among_others_are_repeatable(tmp_path: Path) -> None:
    arguments = ["--town", "Lite02", "--episodes", "1", "--seed", "4", "--max-drive-s", "3", "--traffic", "12"]
    for name in ("a", "b"):
        assert main(["--out", str(tmp_path / name), *arguments]) == 0
    (first,), (second,) = (sorted((tmp_path / name).glob("*/episode.json")) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert load_episode(first).recorder["scenario"]["traffic"]["vehicles"] == 12
