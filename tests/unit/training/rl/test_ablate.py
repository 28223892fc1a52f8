"""One setting changed at a time: what a plan may say, what is trained, what is done once only."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from training.models.checkpoint import KIND_DELTA, load_checkpoint
from training.rl import ablate
from training.rl.ablate import AblationPlan, changed, main
from training.rl.judge_heads import EXIT_UNUSABLE
from training.rl.refinement import RLRefinementTrainer
from training.rl.refinement_config import RefinementConfig
from waypilot.config import config_from_mapping

SETTINGS = """
agent: {path: {}, initial_std: 0.25}
ppo: {num_envs: 2, num_steps: 12, epochs: 1, minibatches: 1, kl_weight: 1.0e-3}
drive: {towns: [Lite02], max_drive_s: 1.0, drives: {encounters: 0.0}}
"""
PLAN = """
ppo:
  settings: {settings}
  variants:
    kl_tenfold: {{ppo: {{kl_weight: 1.0e-2}}}}
    bound_4_mps: {{agent: {{path: {{slower_mps: 4.0, faster_mps: 4.0}}}}}}
"""


@pytest.fixture
def call(sft_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr("training.rl.drive_env.evaluation.SELECTION_TOWNS", ("Lite02",))
    settings, plan = tmp_path / "settings.yaml", tmp_path / "plan.yaml"
    settings.write_text(SETTINGS)
    plan.write_text(PLAN.format(settings=settings))
    words = ["--plan", plan, "--sft-model", sft_path, "--out-dir", tmp_path / "runs"]
    return [*map(str, words), "--env-steps", "24", "--eval-episodes", "2", "--drives", "2", "--jobs", "1"]


def ablate_config(call: list[str], name: str) -> RefinementConfig:
    """The configuration with which the command trains a run."""
    options = dict(zip(call[::2], call[1::2], strict=True))
    plan = config_from_mapping(AblationPlan, yaml.safe_load(Path(options["--plan"]).read_text()))
    values = {"sft_model": options["--sft-model"], "env_steps": 24, "seed": 0, "eval_episodes": 2, "eval_every": 12}
    return ablate.runs(plan, Path(options["--out-dir"]), values)["ppo"][name]


def test_a_change_reaches_deep_and_leaves_the_rest() -> None:
    settings = {"drive": {"reward": {"idle": 0.5, "penalty": 20.0}, "ticks": 8}, "agent": {"path": None}}
    found = changed(settings, {"drive": {"reward": {"idle": 0.0}}, "agent": {"path": {"lateral_m": 1.0}}})
    expected = {"drive": {"reward": {"idle": 0.0, "penalty": 20.0}, "ticks": 8}, "agent": {"path": {"lateral_m": 1.0}}}
    assert found == expected
    assert settings["drive"]["reward"]["idle"] == 0.5


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({}, "give a section ppo or grpo"),
        ({"ppo": {"settings": "a.yaml", "variants": {"same": {}}}}, "same changes nothing"),
        ({"sac": {}}, "unknown key 'sac'"),
    ],
)
def test_a_plan_that_says_nothing_useful_is_refused(plan: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config_from_mapping(AblationPlan, plan)


def test_variants_are_trained_changed_and_once_and_judged_beside_a_control(
    call: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    assert main([*call, "--only", "ppo_bound_4_mps"]) == 0
    assert [each.name for each in runs.iterdir()] == ["ppo_bound_4_mps"]
    assert main(call) == 0
    names = ("ppo_unchanged", "ppo_kl_tenfold", "ppo_bound_4_mps")
    heads = [load_checkpoint(runs / name / "final.pt", KIND_DELTA) for name in names]
    assert [head.model["path"]["slower_mps"] for head in heads] == [10.0, 10.0, 4.0]
    assert [head.training["config"]["ppo"]["kl_weight"] for head in heads] == [1e-3, 1e-2, 1e-3]
    shown = capsys.readouterr().out
    rows = [line.split("  ")[0] for line in shown.splitlines() if line.startswith(("base", "ppo"))]
    assert rows == ["base", *names]

    # One that was stopped half-way goes on and ends with the same bits.
    stopped = runs / "ppo_kl_tenfold"
    (stopped / "final.pt").unlink()
    trainer = RLRefinementTrainer(ablate_config(call, "ppo_kl_tenfold"))
    trainer.run(lambda *_: None, stop_after=12)
    assert main(call) == 0
    assert load_checkpoint(stopped / "final.pt", KIND_DELTA).sha256 == heads[1].sha256
    assert capsys.readouterr().out == shown

    monkeypatch.setattr("training.rl.command_line.RLRefinementTrainer", None)  # nothing is trained any more
    monkeypatch.setattr("training.rl.judge_heads._drive_batch", None)  # nor driven
    assert main(call) == 0
    assert capsys.readouterr().out == shown
    assert main([*call, "--env-steps", "48"]) == EXIT_UNUSABLE
    assert "holds a run with other settings" in capsys.readouterr().err


def test_a_star_marks_what_differs_from_the_control_and_not_from_the_base() -> None:
    values = {"": 1.0, "out/ppo_unchanged/final.pt": 2.0, "out/ppo_same/final.pt": 2.0, "out/ppo_other/final.pt": 3.0}
    judge = SimpleNamespace(values=lambda head: {name: [values[head]] * 8 for name in ablate.SHOWN})
    runs = {name: RefinementConfig(f"out/{name}") for name in ("ppo_unchanged", "ppo_same", "ppo_other")}
    columns = {column.header: column for column in ablate.table(judge, {"ppo": runs}).columns}
    assert list(columns["return"].cells) == ["1", "2", "2", "3*"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only", "kl_none"], "the plan has ppo_unchanged, ppo_kl_tenfold, ppo_bound_4_mps"),
        (["--drives", "0"], "--drives is 0, expected 1 or more"),
    ],
)
def test_a_wrong_command_line_is_refused(
    words: list[str], message: str, call: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*call, *words])
    assert message in capsys.readouterr().err


def test_the_plan_that_is_shipped_can_be_trained() -> None:
    plan = config_from_mapping(AblationPlan, yaml.safe_load(Path("training/rl/settings/ablations_v1.yaml").read_text()))
    found = ablate.runs(plan, Path("out"), {"sft_model": "base.pt"})
    assert found["grpo"]["grpo_members_4_of_8_groups"].grpo.members == 4
    assert found["ppo"]["ppo_bound_4_mps"].agent.path.slower_mps == 4.0
    assert found["ppo"]["ppo_unchanged"].agent.path.slower_mps == 8.0


def test_a_change_of_what_does_not_exist_is_refused_before_anything_is_trained(
    call: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(plan.read_text() + "    misspelt: {ppo: {kl_wait: 0.0}}\n")
    assert main(call) == EXIT_UNUSABLE
    assert "ppo_misspelt.ppo: unknown key 'kl_wait'" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
