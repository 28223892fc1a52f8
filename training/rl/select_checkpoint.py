"""Rank the delta checkpoints of a run by their errors on recorded drives and keep the best.

    python -m training.rl.select_checkpoint --checkpoints "out/rl_delta_waypoint_v0/checkpoint_*.pt" \
        --eval-data "out/episodes/**/*.json" --metric ade --output-best out/rl_delta_waypoint_v0/best.pt

Every checkpoint names the SFT checkpoint it corrects (--sft-model says where it lies now); the SFT plan alone is listed
for comparison. Ties go to the lower other metric, then to the fewer episodes of training, then to the name. Broken and
unsuitable files are listed with the reason and never win.
"""

from __future__ import annotations

import argparse
import glob
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from training.data.sample_table import build_table, load_drives
from training.models.checkpoint import KIND_DELTA, Checkpoint, CheckpointError, load_checkpoint, load_delta_head
from training.models.heads import DeltaWaypointHead
from training.rl.base_plan import STAND_IN
from training.rl.recorded_frames import FrozenAnswers, ask_frozen_network
from waypilot.episodes import EpisodeError
from waypilot.files import write_bytes_atomic

METRICS = ("ade", "fde")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A checkpoint with its errors in metres over the whole horizon, or the ``problem`` why it has none."""

    path: Path
    episodes: int = 0
    ade_m: float = float("nan")
    fde_m: float = float("nan")
    problem: str = ""

    def rank(self, metric: str) -> tuple[float, float, int, str]:
        """Sort key: smaller is better."""
        first, second = (self.ade_m, self.fde_m) if metric == "ade" else (self.fde_m, self.ade_m)
        return first, second, self.episodes, str(self.path)


def select(candidates: Sequence[Candidate], metric: str) -> Candidate:
    """Pick the best candidate. Raises CheckpointError when none is usable, ValueError for an unknown metric."""
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}, expected one of {', '.join(METRICS)}")
    usable = [candidate for candidate in candidates if not candidate.problem]
    if not usable:
        raise CheckpointError(f"none of {len(candidates)} checkpoints is usable; the first: {candidates[0].problem}")
    return min(usable, key=lambda candidate: candidate.rank(metric))


class Judge:
    """Judges delta checkpoints on recorded frames; a frozen network that several share is asked once only.

    ``sft_model`` overrides where the checkpoints say their SFT checkpoint lies. Raises EpisodeError for unusable data.
    """

    def __init__(self, episodes_glob: str, sft_model: Path | None):
        self.table = build_table(load_drives(episodes_glob).episodes)
        self._sft_model = sft_model
        self._answers: dict[Path, FrozenAnswers] = {}

    @property
    def horizon_s(self) -> float:
        """How far the labels reach."""
        return float(self.table.waypoints_m.shape[1] * self.table.waypoint_dt_ns / 1e9)

    def judge(self, path: Path) -> Candidate:
        """Judge one checkpoint; a broken or unsuitable file becomes a candidate with a problem."""
        try:
            checkpoint = load_checkpoint(path, KIND_DELTA)
            answers = self._ask(self._sft_path(checkpoint))
            head = load_delta_head(path, answers.checkpoint)
        except (CheckpointError, EpisodeError) as error:
            return Candidate(path, problem=str(error).removeprefix(f"{path}: "))
        ade_m, fde_m = self._errors(answers, head)
        episodes = checkpoint.training.get("metrics", {}).get("episodes", 0)
        return Candidate(path, int(episodes), ade_m, fde_m)

    def sft_only(self) -> list[Candidate]:
        """Judge every SFT checkpoint that was asked so far, without any correction."""
        return [Candidate(path, 0, *self._errors(answers, None)) for path, answers in self._answers.items()]

    def _ask(self, sft_path: Path) -> FrozenAnswers:
        if sft_path not in self._answers:
            self._answers[sft_path] = ask_frozen_network(sft_path, self.table)
        return self._answers[sft_path]

    def _errors(self, answers: FrozenAnswers, head: DeltaWaypointHead | None) -> tuple[float, float]:
        error_m = np.linalg.norm(answers.corrected(head).astype(np.float64) - answers.label_m, axis=2)
        return float(error_m.mean()), float(error_m[:, -1].mean())

    def _sft_path(self, checkpoint: Checkpoint) -> Path:
        if checkpoint.training.get("sft_sha256") == STAND_IN:
            raise CheckpointError(f"corrects the {STAND_IN}, which cannot plan from camera images")
        recorded = checkpoint.training.get("sft_model")
        if self._sft_model is None and not (isinstance(recorded, str) and recorded):
            raise CheckpointError("does not say which SFT checkpoint it corrects; give --sft-model")
        return self._sft_model or Path(str(recorded))


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rl.select_checkpoint",
        description="Rank delta checkpoints by their errors on recorded drives.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--checkpoints", required=True, help="pattern of the checkpoint files")
    parser.add_argument("--eval-data", required=True, help="pattern of the episode files")
    parser.add_argument("--metric", choices=METRICS, default="ade", help="what decides")
    parser.add_argument("--output-best", type=Path, required=True, help="where a copy of the best checkpoint goes")
    parser.add_argument("--sft-model", type=Path, help="SFT checkpoint (default: the one the checkpoints name)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Select; returns 0, or 1 with a message when there is nothing to select from."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parse_arguments(argv)
    output = options.output_best.resolve()
    paths = [Path(name) for name in sorted(glob.glob(options.checkpoints, recursive=True))]
    paths = [path for path in paths if path.resolve() != output]
    if not paths:
        logging.error("no file matches %r; train first or correct the pattern", options.checkpoints)
        return 1
    torch.set_num_threads(1)
    try:
        judge = Judge(options.eval_data, options.sft_model)
        candidates = [judge.judge(path) for path in paths]
        Console().print(_table(candidates, judge, options.metric))
        best = select(candidates, options.metric)
        write_bytes_atomic(options.output_best, best.path.read_bytes())
    except (CheckpointError, EpisodeError, OSError) as error:
        logging.error("%s", error)
        return 1
    logging.info("best by %s: %s -> %s", options.metric, best.path, options.output_best)
    if any(base.rank(options.metric)[:2] < best.rank(options.metric)[:2] for base in judge.sft_only()):
        logging.warning("the SFT plan alone does better on these drives: no delta improves it")
    return 0


def _table(candidates: Sequence[Candidate], judge: Judge, metric: str) -> Table:
    frames, rate_hz = len(judge.table), 1e9 / judge.table.waypoint_dt_ns
    table = Table(title=f"{frames} frames, horizon {judge.horizon_s:g} s at {rate_hz:g} Hz, best {metric} first")
    for column in ("checkpoint", "episodes", "ADE m", "FDE m", "remark"):
        table.add_column(column, justify="left" if column in ("checkpoint", "remark") else "right", overflow="fold")
    usable = sorted((c for c in candidates if not c.problem), key=lambda candidate: candidate.rank(metric))
    for remark, rows in (("SFT plan alone", judge.sft_only()), ("", usable)):
        for row in rows:
            table.add_row(str(row.path), str(row.episodes), f"{row.ade_m:.4f}", f"{row.fde_m:.4f}", remark)
    for row in candidates:
        if row.problem:
            table.add_row(str(row.path), "-", "-", "-", row.problem)
    return table


if __name__ == "__main__":
    sys.exit(main())
