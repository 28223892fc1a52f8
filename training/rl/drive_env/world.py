"""Many drives side by side as a ``World``: the delta head's training ground with cameras, traffic and lights."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from carla_lite.engine import SpawnError, Vehicle, Walker
from training.models.heads import TARGET_SCALE_M
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.drive import Drive
from training.rl.drive_env.infractions import GOAL, NONE
from training.rl.drive_env.looking import Eyes, Gaze
from training.rl.drive_env.places import MAX_ATTEMPTS, drawn_order, town_of
from training.rl.drive_env.restarts import Restarts
from training.rl.drive_env.reward import StepFacts, step_reward
from training.rl.waypoint_policy_torch import WaypointPolicyTorch
from training.rl.world import Situation, WorldStep
from waypilot.geometry import SE2, wrap_angle
from waypilot.types import Trajectory

PRIVILEGED = 16
"""How many numbers only the critic sees (``privileged``)."""

_FAR_M = 40.0
_CALM_S = 3.0
_CORRIDOR_M = 2.0


class DriveWorld:
    """B drives over one frozen network; a ``World``.

    Where ``config.restarts`` lets episodes begin on the way, what a seed starts also depends on what ended before.
    ``towns`` are driven in instead of the configuration's, which are those of training.
    ``endings`` counts how episodes ended: the infraction, ``goal`` or ``time``. Pictures are drawn, and the network is
    asked, only where the answer of the last look no longer holds.
    """

    def __init__(
        self, policy: WaypointPolicyTorch, config: DriveEnvConfig, size: int, towns: tuple[str, ...] | None = None
    ):
        if size < 1:
            raise ValueError(f"size is {size}, expected at least one drive")
        self.policy, self.config, self.towns = policy, config, towns or config.towns
        self.endings: Counter[str] = Counter()
        self._gaze = Gaze(policy, config.render_threads)
        self._drives: list[Drive | None] = [None] * size
        self._eyes: list[Eyes | None] = [None] * size
        self._seeds = [0] * size
        self._plans: list[list[torch.Tensor]] = [[] for _ in range(size)]
        self._last_step = np.full(size, config.max_steps)
        self._restarts = Restarts(config.restarts, config.step_s, self._redrive)
        self._done = np.ones(size, dtype=bool)
        self._stale = np.zeros(size, dtype=bool)
        model = policy.model.config
        self._inputs = torch.zeros(size, model.latent_dim + (2 if config.target_point else 0) + PRIVILEGED)
        self._plan_m = torch.zeros(size, model.num_waypoints, 2)

    @property
    def size(self) -> int:
        """How many drives there are."""
        return len(self._drives)

    @property
    def num_waypoints(self) -> int:
        """Waypoints of a plan."""
        return self.policy.model.config.num_waypoints

    @property
    def drives(self) -> list[Drive]:
        """The drives of all rows. Raises ValueError while a row was never started."""
        found = [drive for drive in self._drives if drive is not None]
        if len(found) < self.size:
            raise ValueError("some rows were never started: call start for every row first")
        return found

    def start(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start the episodes of ``seeds`` in these rows."""
        for row, seed in zip(rows.tolist(), seeds.tolist(), strict=True):
            moment = self._restarts.draw(seed)
            if moment is None:
                self._begin(row, new_drive(seed, self.config, self.towns), seed)
                continue
            self._begin(row, self._restarts.begin(moment), moment.seed)
            self._plans[row] = list(moment.plans)
            self._last_step[row] = min(len(moment.plans) + self.config.max_restarted_steps, self.config.max_steps)

    def copy(self, source: int, rows: NDArray[np.int64]) -> None:
        """Let other rows go on from where ``source`` is now."""
        drive = self._drives[source]
        if drive is None:
            raise ValueError(f"row {source} was never started, there is nothing to copy")
        for row in rows.tolist():
            if row != source:
                self._begin(row, drive.fork(), self._seeds[source])
                self._plans[row] = list(self._plans[source])
                self._last_step[row] = self._last_step[source]
                self._done[row] = self._done[source]

    def rest(self, rows: NDArray[np.int64]) -> None:
        """Treat the episodes of these rows as ended, until they are started anew or copied to."""
        self._done[rows] = True

    def look(self) -> Situation:
        """Draw and ask the network about every drive that moved since the last look."""
        rows = np.flatnonzero(self._stale)
        if len(rows):
            drives = [drive for row in rows if (drive := self._drives[row]) is not None]
            eyes = [eye for row in rows if (eye := self._eyes[row]) is not None]
            answer = self._gaze.ask(self._gaze.observe(eyes, drives))
            parts = [answer.latent]
            if self.config.target_point:
                parts.append(answer.target_m / TARGET_SCALE_M)
            parts.append(torch.tensor([privileged(drive) for drive in drives], dtype=torch.float32))
            self._inputs[rows] = torch.cat(parts, dim=1)
            self._plan_m[rows] = answer.plan_m
            self._stale[:] = False
        return Situation(self._inputs.clone(), self._plan_m.clone())

    def follow(self, plan_m: torch.Tensor) -> WorldStep:
        """Let every drive follow its plan until its next look."""
        expected = (self.size, self.num_waypoints, 2)
        if tuple(plan_m.shape) != expected or plan_m.dtype != torch.float32:
            raise ValueError(f"plans are {plan_m.dtype} {tuple(plan_m.shape)}, expected float32 {expected}")
        reward = np.zeros(self.size)
        terminated, truncated = np.zeros(self.size, dtype=bool), self._done.copy()
        for row in np.flatnonzero(~self._done).tolist():
            reward[row], ended = self._advance(row, plan_m[row])
            terminated[row] = ended not in (NONE, GOAL, "time")
            truncated[row] = ended in (GOAL, "time")
            if ended:
                self.endings[ended] += 1
                self._restarts.note(ended, self._seeds[row], self._plans[row])
        self._done = terminated | truncated
        return WorldStep(reward, terminated, truncated)

    def state(self) -> dict[str, Any]:
        """Seeds and the plans followed since: driving them again leads to the very same place."""
        empty = torch.zeros(0, self.num_waypoints, 2)
        return {
            "seeds": [int(seed) for seed in self._seeds],
            "plans": [torch.stack(plans) if plans else empty for plans in self._plans],
            "done": torch.from_numpy(self._done.copy()),
            "last_step": torch.from_numpy(self._last_step.copy()),
            "endings": dict(self.endings),
            "restarts": self._restarts.state(),
            # The network's last bits depend on who else was in its batch.
            "seen": [self._inputs.clone(), self._plan_m.clone(), torch.from_numpy(self._stale.copy())],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Drive again what a ``state`` tells."""
        if len(state["seeds"]) != self.size:
            raise ValueError(f"the state is of {len(state['seeds'])} drives, this world has {self.size}")
        for row, (seed, plans) in enumerate(zip(state["seeds"], state["plans"], strict=True)):
            self._begin(row, self._redrive(seed, plans), seed)
            self._plans[row] = list(plans)
        self._restarts.restore(state["restarts"])
        self._last_step = state["last_step"].numpy().copy()
        self._done = state["done"].numpy().copy()
        self.endings = Counter(state["endings"])
        inputs, plan_m, stale = state["seen"]
        self._inputs[:], self._plan_m[:], self._stale[:] = inputs, plan_m, stale.numpy()

    def _begin(self, row: int, drive: Drive, seed: int) -> None:
        self._drives[row], self._eyes[row] = drive, Eyes(drive, self.policy)
        self._seeds[row], self._plans[row] = seed, []
        self._last_step[row] = self.config.max_steps
        self._done[row], self._stale[row] = False, True

    def _advance(self, row: int, plan_m: torch.Tensor) -> tuple[float, str]:
        """Follow a plan in one row; return the reward and how the episode ended, if it did."""
        drive = self._drives[row]
        if drive is None:
            raise ValueError(f"row {row} was never started")
        self._plans[row].append(plan_m.clone())
        facts = self._follow(drive, plan_m)
        self._stale[row] = True
        ended = facts.ended or ("time" if drive.steps >= self._last_step[row] else NONE)
        return step_reward(facts, self.config.reward), ended

    def _follow(self, drive: Drive, plan_m: torch.Tensor) -> StepFacts:
        waypoints_m = plan_m.numpy().astype(np.float64)
        return drive.advance(Trajectory(drive.ego.stamp_ns, self.policy.waypoint_dt_ns, waypoints_m))

    def _redrive(self, seed: int, plans: Sequence[torch.Tensor]) -> Drive:
        """Drive a seed's drive again, following the plans that were followed."""
        drive = new_drive(seed, self.config, self.towns)
        for plan_m in plans:
            self._follow(drive, plan_m)
        return drive


def new_drive(seed: int, config: DriveEnvConfig, towns: tuple[str, ...]) -> Drive:
    """Set up the drive of a seed in one of the towns. Raises ValueError when that has no room for such drives."""
    if config.distinct_drives:
        seed %= config.distinct_drives
    town = town_of(seed, towns)
    for attempt in range(MAX_ATTEMPTS):
        order = drawn_order(town, seed, attempt, config.drives)
        if order is None:
            continue
        try:
            return Drive(order, config)
        except SpawnError:
            continue
    raise ValueError(f"{town}: no drive of seed {seed} can be set up in {MAX_ATTEMPTS} attempts")


def privileged(drive: Drive) -> tuple[float, ...]:
    """Tell what only the critic is told, each about 0 to 1 (PRIVILEGED numbers).

    Speed, offset and heading from the route, what is left of route and time, distance and speed of whoever is next on
    the route, distances of the next red light and of the next stop sign not stopped at, time to collision, how long the
    vehicle has stood, and stood idle; place and velocity of the nearest road user, on the route or beside it.
    """
    pose, place_on = drive.ego.pose_map_from_base_link.planar, drive.place
    gap_m, gap_mps = _next_on_route(drive, place_on.s_m)
    left_m = drive.order.route.length_m - place_on.s_m
    return (
        drive.ego.speed_mps / 10.0,
        place_on.lateral_m / 2.0,
        wrap_angle(pose.yaw_rad - place_on.heading_rad),
        min(left_m / 100.0, 1.0),
        1.0 - drive.steps / drive.config.max_steps,
        gap_m / _FAR_M,
        gap_mps / 10.0,
        min(drive.red_lights.ahead_m(pose) / _FAR_M, 1.0),
        min(drive.stop_signs.ahead_m(pose) / _FAR_M, 1.0),
        min(drive.time_to_collision_s / _CALM_S, 1.0),
        drive.standing_s / drive.config.blocked_s,
        drive.idle_s / drive.config.idle_s,
        *_nearest(drive),
    )


def _nearest(drive: Drive) -> tuple[float, float, float, float]:
    """Place and velocity (base_link axes; about -1 to 1) of the road user next to the vehicle, wherever it is."""
    pose = drive.ego.pose_map_from_base_link.planar

    def away_m(actor: Vehicle | Walker) -> float:
        return math.hypot(actor.pose.x_m - pose.x_m, actor.pose.y_m - pose.y_m)

    actor = min(drive.users.actors, key=away_m, default=None)
    if actor is None or away_m(actor) > _FAR_M:
        return 1.0, 0.0, 0.0, 0.0
    at = pose.inverse().compose(SE2(actor.pose.x_m, actor.pose.y_m, 0.0))
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    east, north, _ = actor.velocity_mps
    return at.x_m / _FAR_M, at.y_m / _FAR_M, (cos * east + sin * north) / 10.0, (cos * north - sin * east) / 10.0


def next_on_route_m(drive: Drive) -> float:
    """Distance along the route to the next road user on it; infinity when there is none within 40 m."""
    gap_m, _ = _next_on_route(drive, drive.place.s_m)
    return gap_m if gap_m < _FAR_M else math.inf


def _next_on_route(drive: Drive, s_m: float) -> tuple[float, float]:
    """Distance along the route (at most 40 m) and speed of the next road user on it."""
    best, speed_mps = _FAR_M, 0.0
    for actor in drive.users.actors:
        at = SE2(actor.pose.x_m, actor.pose.y_m, 0.0)
        if math.hypot(at.x_m - drive.vehicle.pose.x_m, at.y_m - drive.vehicle.pose.y_m) > _FAR_M:
            continue
        found = drive.order.route.project(at.x_m, at.y_m, s_m, s_m + _FAR_M)
        ahead_m = found.s_m - s_m
        if found.distance_m < _CORRIDOR_M and 0.0 < ahead_m < best:
            best, speed_mps = ahead_m, math.hypot(*actor.velocity_mps[:2])
    return best, speed_mps
