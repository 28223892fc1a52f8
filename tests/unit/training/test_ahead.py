"""The auxiliary task of the SFT trainer: what is asked, what counts, and that it is learned and resumed."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.unit.training.test_sft import SMALL_RIG, assert_equal, config, quiet, weights
from training.data.sample_table import build_table, load_drives
from training.sft.ahead import QUESTIONS, ahead_answers, ahead_loss, area_under_curve, areas_under_curve
from training.sft.trainer import SftTrainer
from waypilot.episodes import EpisodeError, RouteAhead

NOTHING, UNKNOWN = math.inf, math.nan
SEEN = torch.tensor([[15.0, NOTHING, 4.0, NOTHING], [UNKNOWN] * 4])


@pytest.fixture
def make_episodes(make_episodes: Callable[..., str]) -> Callable[..., str]:
    return partial(make_episodes, rig=SMALL_RIG)


def red_in_left_bends(bend: float) -> RouteAhead:
    return RouteAhead(red_light_m=5.0) if bend > 0.0 else RouteAhead(green_light_m=25.0)


def test_questions_are_answered_by_distance() -> None:
    answers = dict(zip(QUESTIONS, ahead_answers(SEEN)[0].tolist(), strict=True))
    assert {question for question, answer in answers.items() if answer == 1.0} == {
        "road_user_within_20_m",
        "road_user_within_30_m",
        "green_light_within_6_m",
        "green_light_within_12_m",
        "green_light_within_20_m",
        "green_light_within_30_m",
    }
    assert ahead_answers(SEEN)[1].isnan().all()


def test_what_is_not_known_does_not_count() -> None:
    logits = torch.randn(2, 2, len(QUESTIONS), generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = ahead_loss(logits, SEEN)
    assert torch.equal(loss, ahead_loss(logits[:1], SEEN[:1]))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[0].abs().min() > 0.0
    assert torch.equal(logits.grad[1], torch.zeros(2, len(QUESTIONS)))
    assert ahead_loss(logits[1:], SEEN[1:]) == 0.0


def test_area_under_curve_known_answers() -> None:
    yes = np.array([True, True, False, False])
    assert area_under_curve(np.array([4.0, 3.0, 2.0, 1.0], dtype=np.float32), yes) == 1.0
    assert area_under_curve(np.array([4.0, 1.0, 3.0, 2.0], dtype=np.float32), yes) == 0.5
    assert area_under_curve(np.array([4.0, 3.0, 3.0, 3.0], dtype=np.float32), yes) == 0.75
    assert area_under_curve(np.zeros(4, dtype=np.float32), yes) == 0.5


def test_areas_leave_out_questions_with_one_answer() -> None:
    logits = np.zeros((3, len(QUESTIONS)), dtype=np.float32)
    logits[0] = 1.0
    ahead_m = np.array([[10.0] + [NOTHING] * 3, [NOTHING] * 4, [UNKNOWN] * 4], dtype=np.float32)
    assert areas_under_curve(logits, ahead_m) == {f"road_user_within_{m}_m": 1.0 for m in (12, 20, 30)}


def test_drives_that_do_not_know_have_no_answers(make_episodes: Callable[..., str]) -> None:
    assert np.isnan(build_table(load_drives(make_episodes()).episodes).ahead_m).all()


def test_a_task_that_cannot_be_learned_is_refused(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without cameras cannot see ahead"):
        config("", tmp_path, ahead_weight=1.0, use_cameras=False)
    with pytest.raises(EpisodeError, match="no drive tells what is ahead"):
        SftTrainer(config(make_episodes(), tmp_path, ahead_weight=1.0))


def test_the_task_is_learned_beside_the_plan(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(episodes=10, frames=12, ahead=red_in_left_bends)
    run = config(pattern, tmp_path / "run", num_steps=40, ahead_weight=1.0, val_fraction=0.3, augment=False, lr=3e-3)
    metrics = SftTrainer(run).run(quiet)
    for head in ("ahead_auc", "ahead_auc_latent"):
        assert metrics["validation"][head]["red_light_within_6_m"] > 0.95
        assert metrics["validation"][head]["green_light_within_30_m"] > 0.95


def test_a_resumed_run_with_the_task_ends_with_the_same_bits(make_episodes: Callable[..., str], tmp_path: Path) -> None:
    pattern = make_episodes(ahead=red_in_left_bends)
    whole, parts, without = (tmp_path / name for name in ("whole", "parts", "without"))
    SftTrainer(config(pattern, whole, ahead_weight=0.5)).run(quiet)
    SftTrainer(config(pattern, parts, ahead_weight=0.5)).run(quiet, stop_after=3)
    again = SftTrainer(config(pattern, parts, ahead_weight=0.5))
    again.resume()
    again.run(quiet)
    assert_equal(weights(whole), weights(parts))
    SftTrainer(config(pattern, without)).run(quiet)
    assert not torch.equal(weights(whole)["fusion.0.weight"], weights(without)["fusion.0.weight"])
