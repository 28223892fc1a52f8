"""Speed of reinforcement learning: ``python -m benchmarks.rl [--steps 100000] [--rounds 3]``.

1. Environment steps per second of the batched toy environment on one core.
   Seconds are those of the processor, so that other programs on the machine do not count.
2. PPO end to end against stable-baselines3's PPO: same environment, same network sizes, same number of steps, one
   thread each, taking turns. stable-baselines3 is run twice: with its own defaults and with our settings. It is in
   ``requirements/bench.txt`` (install with ``--no-deps``). Returns are means over the same 200 episodes without
   exploration.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks.figures import Figure
from training.rl.agent import AgentConfig, PPOAgent
from training.rl.base_plan import SFTWaypointWrapper
from training.rl.delta_world import DeltaPlanEnv, DeltaWorld, head_sizes
from training.rl.evaluation import EVALUATION_SEED
from training.rl.ppo import PPOConfig, PPOLearner
from training.rl.rollout import episode_seeds
from training.rl.toy_config import ToyEnvConfig
from training.rl.toy_dynamics import RUNNING
from training.rl.toy_waypoint_batch import ToyWaypointBatch

try:
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import DummyVecEnv
except ImportError as error:
    raise ImportError("this needs stable-baselines3: pip install --no-deps -r requirements/bench.txt") from error

ENV, AGENT, OURS = ToyEnvConfig(), AgentConfig(), PPOConfig()
BASE = SFTWaypointWrapper(None, ENV)
EPISODES = 200
CARS = 1024


@dataclass(frozen=True, slots=True)
class Run:
    """One training: environment steps per second of one core, and the mean return afterwards."""

    steps_per_s: float
    mean_return: float


def batched_steps_per_s(seconds: float) -> float:
    """Drive many cars by plans made before, starting anew whoever ended, and count; observations included."""
    cars = ToyWaypointBatch(ENV, CARS)
    plans = BASE(torch.from_numpy(cars.observe())).plan_m.numpy()
    started, steps, begin = CARS, 0, time.process_time()
    while time.process_time() - begin < seconds:
        step = cars.step(plans)
        cars.observe()
        ended = np.flatnonzero(step.done)
        cars.start(ended, np.arange(started, started + len(ended), dtype=np.uint64))
        started, steps = started + len(ended), steps + CARS
    return steps / (time.process_time() - begin)


def ours(steps: int, seed: int) -> Run:
    """Train with our PPO."""
    torch.manual_seed(seed)
    agent = PPOAgent(head_sizes(BASE, ENV, AGENT), 0, AGENT)
    begin = time.process_time()
    learner = PPOLearner(DeltaWorld(BASE, ENV, OURS.num_envs), agent, OURS, seed)
    while learner.env_steps < steps:
        learner.iterate(learner.env_steps / steps)
    return Run(learner.env_steps / (time.process_time() - begin), mean_return(agent, agent.mean))


def stable_baselines(steps: int, seed: int, **settings: object) -> Run:
    """Train stable-baselines3's PPO with the same networks."""
    width = AGENT.hidden_dim
    policy = {
        "net_arch": {"pi": [width], "vf": [width, width]},
        "log_std_init": math.log(AGENT.initial_std),
    }
    begin = time.process_time()
    envs = DummyVecEnv([lambda: DeltaPlanEnv(BASE, ENV, AGENT)] * int(settings.pop("envs")))  # type: ignore[call-overload]
    model = PPO("MlpPolicy", envs, policy_kwargs=policy, seed=seed, device="cpu", **settings)
    model.learn(steps)
    speed = model.num_timesteps / (time.process_time() - begin)
    agent = PPOAgent(head_sizes(BASE, ENV, AGENT), 0, AGENT)

    def mean(inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(model.predict(inputs.numpy(), deterministic=True)[0])

    return Run(speed, mean_return(agent, mean))


@torch.no_grad()
def mean_return(agent: PPOAgent, mean: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Drive the evaluation episodes with the mean action of either learner."""
    world = DeltaWorld(BASE, ENV, EPISODES)
    world.cars.start(np.arange(EPISODES), episode_seeds(EVALUATION_SEED, 0, EPISODES))
    total = np.zeros(EPISODES)
    done = np.zeros(EPISODES, dtype=bool)
    while not done.all():
        running = world.cars.ended == RUNNING
        seen = world.look()
        step = world.follow(seen.plan_m + agent.deltas(mean(seen.inputs), seen.plan_m))
        total += step.reward * running
        done = step.done
    return float(total.mean())


LEARNERS: dict[str, Callable[[int, int], Run]] = {
    "ours": ours,
    "stable-baselines3, its defaults": lambda steps, seed: stable_baselines(steps, seed, envs=1),
    "stable-baselines3, our settings": lambda steps, seed: stable_baselines(
        steps,
        seed,
        envs=OURS.num_envs,
        n_steps=OURS.num_steps,
        batch_size=OURS.num_envs * OURS.num_steps // OURS.minibatches,
        n_epochs=OURS.epochs,
        learning_rate=lambda left: OURS.lr * max(left, 0.01),
        gamma=OURS.discount,
        gae_lambda=OURS.trace,
        ent_coef=OURS.entropy_weight,
        target_kl=OURS.target_kl,
    ),
}


def report(name: str, runs: Sequence[Run]) -> str:
    """Put the medians into one line."""
    speed = statistics.median(run.steps_per_s for run in runs)
    value = statistics.mean(run.mean_return for run in runs)
    return f"PPO, {name}: {speed:.0f} steps/s, return {value:.3f}"


def main(arguments: Sequence[str] | None = None) -> list[Figure]:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rl", description="Speed of reinforcement learning")
    parser.add_argument("--steps", type=int, default=100_000, help="environment steps per training")
    parser.add_argument("--rounds", type=int, default=3, help="trainings per learner, with seeds 0, 1, ...")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for learner in LEARNERS.values():  # compile and import everything outside the measured time
        learner(OURS.num_envs * OURS.num_steps, 0)
    batched_steps_per_s(0.1)
    batched = batched_steps_per_s(3.0)
    print(f"batched toy environment, {CARS} cars, one core: {batched / 1e6:.2f} million steps/s", flush=True)
    runs: dict[str, list[Run]] = {name: [] for name in LEARNERS}
    for seed in range(options.rounds):
        for name, learner in LEARNERS.items():
            runs[name].append(learner(options.steps, seed))
            print(f"seed {seed}: {report(name, runs[name][-1:])}", flush=True)
    print(f"{options.steps} steps per training, median speed and mean return of {options.rounds} seeds")
    print(*(report(name, done) for name, done in runs.items()), sep="\n")
    own = statistics.median(run.steps_per_s for run in runs["ours"])
    for name in list(LEARNERS)[1:]:
        print(f"ours is {own / statistics.median(run.steps_per_s for run in runs[name]):.1f} times as fast as {name}")
    return [
        Figure.of(f"batched toy environment, {CARS} cars", "steps/s", [batched]),
        *(Figure.of(f"PPO, {name}", "steps/s", [run.steps_per_s for run in done]) for name, done in runs.items()),
    ]


if __name__ == "__main__":
    main()
