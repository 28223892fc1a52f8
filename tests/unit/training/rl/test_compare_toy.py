from pathlib import Path

import pytest
import yaml

from training.rl.command_line import parse_arguments
from training.rl.compare_toy import main


def test_the_page_tells_numbers_command_and_base(tmp_path: Path) -> None:
    arguments = ["--seeds", "2", "--episodes", "40", "--eval-episodes", "20", "--out-dir", str(tmp_path / "runs")]
    arguments += ["--report", str(tmp_path / "toy.md")]
    assert main(arguments) == 0
    page, figure = (tmp_path / "toy.md").read_text(), (tmp_path / "toy.svg").read_bytes()
    assert f"python -m training.rl.compare_toy {' '.join(arguments)}" in page
    assert "analytic stand-in" in page
    assert "horizon 5 s at 4 Hz" in page.replace("Horizon", "horizon")
    assert page.count("| goal reach rate |") == 1
    # Complete runs are read, not repeated, and the page and the figure come out the same.
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("final.pt")}
    assert len(before) == 4
    assert main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (tmp_path / "toy.md").read_text() == page
    assert (tmp_path / "toy.svg").read_bytes() == figure


def test_settings_come_from_yaml_and_unknown_ones_are_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump({"ppo": {"lr": 1e-4}, "agent": {"max_delta_m": 3.0}}))
    arguments = ["--out-dir", "out", "--config", str(path)]
    config, resume = parse_arguments("train", "text", {"algorithm": "ppo"}, arguments)
    assert (config.ppo.lr, config.agent.max_delta_m, resume) == (1e-4, 3.0, False)
    for wrong, message in (({"ppo": {"speed": 1}}, "ppo: unknown key 'speed'"), ({"sft": {}}, "sections")):
        path.write_text(yaml.safe_dump(wrong))
        with pytest.raises(SystemExit):
            parse_arguments("train", "text", {"algorithm": "ppo"}, arguments)
        assert message in capsys.readouterr().err
