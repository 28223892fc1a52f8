"""The stages of the chain: each is a documented command with the files that it reads and leaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.pipeline.config import PipelineConfig


@dataclass(frozen=True, slots=True)
class Stage:
    """One command: ``command`` is what follows ``python -m``, ``inputs`` and ``outputs`` are glob patterns.

    ``folder`` is the stage's own, None for a stage that leaves nothing behind (a check). A stage with ``continues``
    completes what an interrupted run left in its folder; any other one starts anew.
    """

    name: str
    command: tuple[str, ...]
    folder: Path | None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    continues: bool = False


def plan_stages(config: PipelineConfig) -> tuple[Stage, ...]:
    """List the stages in their order."""
    towns = [(town, config.train_drives_per_town) for town in config.train_towns]
    towns.append((config.held_out_town, config.held_out_drives))
    learn = (_pretrain(config), _sft(config), _refine(config), _select(config), _evaluate(config))
    return (*(_collect(config, town, drives) for town, drives in towns), _check(config), *learn)


def town_folder(config: PipelineConfig, town: str) -> Path:
    """Where the drives in a town go."""
    return Path(config.out_dir, "episodes", town.replace(":", "_"))


def _collect(config: PipelineConfig, town: str, drives: int) -> Stage:
    folder = town_folder(config, town)
    words = ("training.data.collect_carla", "--out", folder, "--town", town, "--episodes", drives)
    return Stage(
        name=f"collect {town}",
        command=_command(*words, "--seed", config.seed, "--max-drive-s", config.max_drive_s),
        folder=folder,
        outputs=(f"{folder}/*/episode.json",),
        continues=True,
    )


def _check(config: PipelineConfig) -> Stage:
    pattern = _episodes(config)
    return Stage("check", _command("waypilot.episodes", "check", pattern), folder=None, inputs=(pattern,))


def _pretrain(config: PipelineConfig) -> Stage:
    folder = Path(config.out_dir, "pretrain")
    return Stage(
        name="pretrain",
        command=_command("training.pretrain.train", "--num-steps", config.pretrain_steps, *_training(config, folder)),
        folder=folder,
        inputs=(_episodes(config),),
        outputs=(f"{folder}/encoder.pt", f"{folder}/metrics.json"),
    )


def _sft(config: PipelineConfig) -> Stage:
    folder, encoder = _sft_model(config).parent, Path(config.out_dir, "pretrain", "encoder.pt")
    words = ("training.sft.train_waypoint_bc_torch_v0", "--num-steps", config.sft_steps, "--init-encoder", encoder)
    return Stage(
        name="sft",
        command=_command(*words, *_training(config, folder)),
        folder=folder,
        inputs=(_episodes(config), str(encoder)),
        outputs=(f"{folder}/model.pt", f"{folder}/metrics.json"),
    )


def _refine(config: PipelineConfig) -> Stage:
    folder, sft = Path(config.out_dir, "rl"), _sft_model(config)
    words = ("training.rl.train_ppo_waypoint_delta", "--sft-model", sft, "--out-dir", folder)
    budget = ("--episodes", config.rl_episodes, "--eval-episodes", config.rl_eval_episodes, "--seed", config.seed)
    return Stage(
        name="refine",
        command=_command(*words, *budget),
        folder=folder,
        inputs=(str(sft),),
        outputs=(f"{folder}/checkpoint_*.pt", f"{folder}/train_metrics.json"),
    )


def _select(config: PipelineConfig) -> Stage:
    sft, best, checkpoints = _sft_model(config), _best(config), str(Path(config.out_dir, "rl", "checkpoint_*.pt"))
    drives = f"{town_folder(config, config.held_out_town)}/*/episode.json"
    words = ("training.rl.select_checkpoint", "--checkpoints", checkpoints, "--eval-data", drives, "--metric", "ade")
    return Stage(
        name="select",
        command=_command(*words, "--sft-model", sft, "--output-best", best),
        folder=best.parent,
        inputs=(checkpoints, drives, str(sft)),
        outputs=(str(best),),
    )


def _evaluate(config: PipelineConfig) -> Stage:
    sft, best, folder = _sft_model(config), _best(config), Path(config.out_dir, "eval")
    words = ("training.eval.run_carla_closed_loop_eval", "--smoke", "--checkpoint", sft, "--delta-checkpoint", best)
    what = ("--suite", config.suite, *(("--scenarios", *config.scenarios) if config.scenarios else ()))
    return Stage(
        name="evaluate",
        command=_command(*words, "--output-dir", folder, "--seeds", config.seed, *what),
        folder=folder,
        inputs=(str(sft), str(best)),
        outputs=(f"{folder}/results.json", f"{folder}/report.html"),
    )


def _training(config: PipelineConfig, folder: Path) -> tuple[object, ...]:
    """Options that both trainers take. No routes are held out besides that town: few drives have few routes."""
    return (
        *("--episodes-glob", _episodes(config), "--out-dir", folder, "--batch-size", config.batch_size),
        *("--seed", config.seed, "--num-threads", config.num_threads, "--val-fraction", 0.0),
        *("--val-towns", config.held_out_town),
    )


def _episodes(config: PipelineConfig) -> str:
    return f"{config.out_dir}/episodes/**/episode.json"


def _sft_model(config: PipelineConfig) -> Path:
    return Path(config.out_dir, "sft", "model.pt")


def _best(config: PipelineConfig) -> Path:
    return Path(config.out_dir, "selected", "best.pt")


def _command(*words: object) -> tuple[str, ...]:
    return tuple(str(word) for word in words)
