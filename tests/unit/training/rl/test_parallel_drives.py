"""Drives in two processes are the drives of one."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.drive_plan import DrivePlanConfig
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.evaluation import drive_batches, evaluated, selection_batches
from training.rl.drive_env.parallel import ParallelWorld, WorkerLostError
from training.rl.drive_env.world import DriveWorld
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch

CONFIG = DriveEnvConfig(towns=("Lite02",), max_drive_s=1.0, drives=DrivePlanConfig(encounters=1.0), workers=2)
SEEDS = np.array([5, 6, 7], dtype=np.uint64)


@pytest.fixture
def policy(sft_path: Path) -> WaypointPolicyTorch:
    return WaypointPolicyTorch(WaypointPolicyConfig(str(sft_path)))


@pytest.fixture
def spread(sft_path: Path) -> Iterator[ParallelWorld]:
    world = ParallelWorld(str(sft_path), CONFIG, 3, 20)
    yield world
    world.close()


def test_a_process_that_is_killed_is_told_and_not_waited_for(spread: ParallelWorld) -> None:
    spread.start(np.array([0, 1, 2]), SEEDS)
    for victim in multiprocessing.active_children():  # those of this world, and what an earlier one has left
        victim.kill()
        victim.join()
    for _ in range(2):
        with pytest.raises(WorkerLostError, match=r"worker 0 ended in 'look'.*a training with --resume"):
            spread.look()


def test_two_processes_drive_as_one(policy: WaypointPolicyTorch, spread: ParallelWorld) -> None:
    alone = DriveWorld(policy, CONFIG, 3)
    for world in (alone, spread):
        world.start(np.array([2, 0, 1]), SEEDS)
    seen = [world.look() for world in (alone, spread)]
    assert torch.allclose(seen[0].inputs, seen[1].inputs, atol=1e-5)
    plan_m = seen[0].plan_m + 0.1 * torch.arange(3)[:, None, None]
    assert np.array_equal(alone.follow(plan_m).reward, spread.follow(plan_m).reward)
    _rest_and_copy(alone, plan_m)
    _rest_and_copy(spread, plan_m)
    assert torch.allclose(alone.look().inputs, spread.look().inputs, atol=1e-5)
    before = spread.state()
    first = spread.follow(plan_m).reward
    spread.restore(before)
    assert np.array_equal(spread.follow(plan_m).reward, first)
    with pytest.raises(ValueError, match="let workers divide the groups"):
        spread.copy(0, np.array([1, 2]))
    with pytest.raises(ValueError, match="expected float32"):  # raised in the processes
        spread.follow(plan_m.double())


def _rest_and_copy(world: DriveWorld | ParallelWorld, plan_m: torch.Tensor) -> None:
    world.copy(0, np.array([1]))
    world.rest(np.array([2]))
    assert world.follow(plan_m).done.tolist() == [False, False, True]


def test_judged_by_two_processes_as_by_one(
    policy: WaypointPolicyTorch, spread: ParallelWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.rl.drive_env.evaluation._BATCH", 2)
    batches = selection_batches(5)
    assert [len(batch) for batch in batches] == [2, 2, 1]
    alone = evaluated(drive_batches(policy, CONFIG, None, batches))
    shared = evaluated(spread.judge(None, batches))
    assert np.array_equal(alone.returns, shared.returns)
    assert alone.endings == shared.endings


def test_too_few_drives_for_the_workers_are_refused(sft_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one drive for each"):
        ParallelWorld(str(sft_path), CONFIG, 1, 20)
    with pytest.raises(ValueError, match="workers"):
        replace(CONFIG, workers=0)
