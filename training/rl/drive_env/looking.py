"""What the policy is shown of many drives at once: pictures drawn in a batch, and the frozen network's answer."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from training.rl.drive_env.drive import Drive
from training.rl.waypoint_policy_torch import WaypointPolicyTorch
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.types import Observation


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The frozen network's answer to B observations: ``latent`` (B, Z), ``plan_m`` (B, N, 2), ``target_m`` (B, 2)."""

    latent: torch.Tensor
    plan_m: torch.Tensor
    target_m: torch.Tensor


class Eyes:
    """Observes one drive; the counterpart of what the evaluation's loop does with each frame."""

    def __init__(self, drive: Drive, policy: WaypointPolicyTorch) -> None:
        self._builder = ObservationBuilder(drive.order.route, ObservationConfig(policy.cameras), drive.scene)

    def observe(self, drive: Drive, policy: WaypointPolicyTorch) -> Observation:
        """Draw and build the observation of the present frame."""
        scene, renderer = drive.visible(), drive.order.place.renderer
        images = {
            c.name: np.asarray(cv2.cvtColor(renderer.rgb(drive.camera(c), scene), cv2.COLOR_BGRA2RGB), dtype=np.uint8)
            for c in policy.cameras
        }
        return self._builder.build(drive.ego, images)


class Gaze:
    """Looks at many drives: draws on ``threads`` threads, asks the network once."""

    def __init__(self, policy: WaypointPolicyTorch, threads: int) -> None:
        self.policy = policy
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def observe(self, eyes: Sequence[Eyes], drives: Sequence[Drive]) -> list[Observation]:
        """Draw all."""
        for drive in drives:  # made before threads ask for it
            drive.order.place.renderer  # noqa: B018
        draw = map if self._pool is None else self._pool.map
        return list(draw(lambda pair: pair[0].observe(pair[1], self.policy), zip(eyes, drives, strict=True)))

    def ask(self, observations: Sequence[Observation]) -> Answer:
        """Ask the network about all observations in one batch, wherever it computes; the answer lies on the CPU.

        A drive none of whose cameras is usable gets a plan to stand still, as the policy's empty plan makes it stop.
        """
        names = [camera.name for camera in self.policy.cameras]
        blank = {
            camera.name: np.zeros((camera.height_px, camera.width_px, 3), np.uint8) for camera in self.policy.cameras
        }
        images = {name: np.stack([o.images.get(name, blank[name]) for o in observations]) for name in names}
        valid = {name: np.array([o.image_valid[name] for o in observations]) for name in names}
        targets = np.array([o.target_point_m for o in observations], dtype=np.float32)
        latent, plan_m = self.policy.latent_and_plan(
            images,
            valid,
            [o.ego.speed_mps for o in observations],
            [int(o.command) for o in observations],
            targets,
        )
        latent, plan_m = latent.cpu(), plan_m.cpu()
        blind = ~np.logical_or.reduce(list(valid.values()))
        plan_m[torch.from_numpy(blind)] = 0.0
        return Answer(latent, plan_m, torch.from_numpy(targets))
