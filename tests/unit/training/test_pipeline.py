"""The chain's plan, and how its runner decides what is done. Stages are copies by ``python -m json.tool``."""

import json
from fnmatch import fnmatch
from pathlib import Path

import pytest

from training.pipeline.__main__ import main, parse_arguments
from training.pipeline.config import PipelineConfig
from training.pipeline.runner import PipelineError, StageRunner
from training.pipeline.stages import Stage, plan_stages


@pytest.fixture
def runner(tmp_path: Path) -> StageRunner:
    return new_runner(tmp_path)


def new_runner(tmp_path: Path, timeout_s: float = 60.0) -> StageRunner:
    return StageRunner(tmp_path / "state.json", tmp_path / "logs", timeout_s)


def copy(folder: Path, text: str = "[1]", *options: str, continues: bool = False) -> Stage:
    """A stage that copies ``in.json`` (written here) into a folder that is there already after the first run."""
    source, target = folder / "in.json", folder / "copy.json"
    source.write_text(text)
    command = ("json.tool", *options, str(source), str(target))
    return Stage("copy", command, folder / "own", (str(source),), (str(target),), continues)


def test_every_stage_reads_what_earlier_stages_left() -> None:
    left: list[str] = []
    for stage in plan_stages(PipelineConfig(train_towns=("Lite02", "generate:1"))):
        for wanted in stage.inputs:
            assert any(fnmatch(made.replace("*", "0"), wanted.replace("**/", "*")) for made in left), (stage, wanted)
        left += stage.outputs
        assert all(stage.folder in Path(made).parents for made in stage.outputs)
    assert len(left) == len(set(left)) == 12


def test_the_town_that_judges_is_not_trained_on() -> None:
    stages = {stage.name: stage for stage in plan_stages(PipelineConfig())}
    for name in ("pretrain", "sft"):
        assert " --val-towns Lite03" in " ".join(stages[name].command)
    assert stages["select"].inputs[1] == "out/pipeline/episodes/Lite03/*/episode.json"
    with pytest.raises(ValueError, match="a town stands twice"):
        PipelineConfig(train_towns=("Lite02", "Lite03"))


def test_a_stage_is_skipped_while_command_inputs_and_outputs_are_unchanged(tmp_path: Path) -> None:
    def skipped(*arguments: str) -> bool:
        return new_runner(tmp_path).run(copy(tmp_path, *arguments)).skipped

    assert [skipped(), skipped()] == [False, True]
    assert [skipped("[2]"), skipped("[2]")] == [False, True]
    assert json.loads((tmp_path / "copy.json").read_text()) == [2]
    assert [skipped("[2]", "--compact"), skipped("[2]", "--compact")] == [False, True]
    (tmp_path / "copy.json").write_text("damaged")
    assert [skipped("[2]", "--compact"), skipped("[2]", "--compact")] == [False, True]


def test_a_failed_stage_is_told_with_its_output_and_run_again(tmp_path: Path, runner: StageRunner) -> None:
    with pytest.raises(PipelineError, match=r"(?s)copy: ended with exit code 1; .*copy.log ends with:.*Expecting"):
        runner.run(copy(tmp_path, "{"))
    assert not new_runner(tmp_path).run(copy(tmp_path, "[]")).skipped


@pytest.mark.parametrize("continues", [True, False])
def test_half_done_work_is_kept_only_by_stages_that_continue_it(
    tmp_path: Path, runner: StageRunner, continues: bool
) -> None:
    with pytest.raises(PipelineError, match="Expecting"):
        runner.run(copy(tmp_path, "{", continues=continues))
    half = tmp_path / "own" / "half"
    half.parent.mkdir()
    half.touch()
    with pytest.raises(PipelineError, match="Expecting"):
        runner.run(copy(tmp_path, "{", continues=continues))
    assert half.exists() == continues
    runner.run(copy(tmp_path, "[]", continues=continues))
    assert not half.exists()  # made from something else


def test_what_others_made_is_not_touched(tmp_path: Path, runner: StageRunner) -> None:
    theirs = tmp_path / "own" / "theirs"
    theirs.parent.mkdir()
    theirs.touch()
    with pytest.raises(PipelineError, match="was not made by this chain; choose another --out-dir"):
        runner.run(copy(tmp_path))
    assert theirs.exists()


def test_a_stage_that_hangs_or_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    wait = Stage("wait", ("timeit", "-n", "1", "-r", "1", "import time; time.sleep(300)"), None)
    with pytest.raises(PipelineError, match=r"wait: not done after 0.01 s; see .*wait.log"):
        new_runner(tmp_path, timeout_s=0.01).run(wait)
    with pytest.raises(PipelineError, match="ended well but left no nothing"):
        new_runner(tmp_path).run(Stage("idle", ("json.tool", "--help"), None, outputs=("nothing",)))


def test_a_foreign_state_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"format": "other"}')
    with pytest.raises(PipelineError, match=r"state.json: is no state of this chain \(format is 'other'"):
        new_runner(tmp_path)


def test_budgets_from_a_file_and_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "budgets.yaml"
    file.write_text("sft_steps: 7\nseed: 3\n")
    config = parse_arguments(["--smoke", "--config", str(file), "--seed", "4"])
    assert (config.sft_steps, config.seed, config.scenarios) == (7, 4, ("straight_clear",))
    file.write_text("sft_step: 7\n")
    with pytest.raises(SystemExit, match="2"):
        main(["--config", str(file)])
    assert "unknown key 'sft_step'" in capsys.readouterr().err
    file.write_text("rl_episodes: 0\n")
    with pytest.raises(SystemExit, match="2"):
        main(["--config", str(file)])
    assert "rl_episodes is 0, expected 1 or more" in capsys.readouterr().err
